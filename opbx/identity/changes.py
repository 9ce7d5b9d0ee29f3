"""One change of what an organization manages: a transaction, and the answer where the change is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from opbx.database import write_transaction
from opbx.errors import ApiError
from opbx.extensions import db
from opbx.identity import accounts
from opbx.identity.invitations import UnusableInvitationError

#: Status and code of each refusal.
_ANSWERS: dict[type[accounts.AccountError], tuple[int, str]] = {
    accounts.InvalidFieldsError: (422, "VALIDATION_FAILED"),
    accounts.NotFoundError: (404, "NOT_FOUND"),
    accounts.NotPermittedError: (403, "FORBIDDEN"),
    accounts.TakenError: (409, "TAKEN"),
    accounts.ConflictError: (409, "CONFLICT"),
    UnusableInvitationError: (410, "INVITATION_UNUSABLE"),
}


@contextmanager
def change() -> Iterator[None]:
    """Commit what happens inside, or none of it; refusals become the API's answers."""
    try:
        with write_transaction(db.session):
            yield
    except accounts.AccountError as error:
        raise answer(error) from error


def answer(error: accounts.AccountError) -> ApiError:
    """How a refusal is told."""
    status, code = _ANSWERS[type(error)]
    details = error.fields if isinstance(error, accounts.InvalidFieldsError) else None
    return ApiError(status, code, str(error), details=details)
