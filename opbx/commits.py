"""What is to happen once a transaction has committed, and not at all where it is rolled back."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction, scoped_session, sessionmaker

from opbx.database import AnySession

T = TypeVar("T", bound=Hashable)


class AfterCommit(Generic[T]):
    """Gathers things in the open transaction of a session, each once, and hands them over after its commit."""

    def __init__(self, name: str) -> None:
        self._pending = f"opbx_{name}_pending"  # of the open transaction
        self._committed = f"opbx_{name}_committed"  # of the transaction that has just committed

    def add(self, session: AnySession, thing: T) -> None:
        session.info.setdefault(self._pending, {})[thing] = None  # a set that keeps the order

    def hand_over(self, sessions: sessionmaker[Any] | scoped_session[Any], receive: Callable[[list[T]], None]) -> None:
        """Call `receive` with what a transaction of `sessions` gathered, in order, once it has committed.

        It is called when the transaction has ended, not within the commit: by then the connection is back in
        its pool, so that a slow receiver does not hold connections to the database.
        """

        def committed(session: Session) -> None:
            if not session.in_nested_transaction():  # a released savepoint may still be rolled back
                session.info[self._committed] = session.info.pop(self._pending, None)

        def ended(session: Session, transaction: SessionTransaction) -> None:
            if transaction.parent is not None:
                return
            session.info.pop(self._pending, None)  # rolled back or closed
            things = session.info.pop(self._committed, None)
            if things:
                receive(list(things))

        event.listen(sessions, "after_commit", committed)
        event.listen(sessions, "after_transaction_end", ended)
