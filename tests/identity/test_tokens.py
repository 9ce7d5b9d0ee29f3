"""Tokens: one query to verify, one winner of a race to revoke."""

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, event, select, update
from sqlalchemy.orm import Session

from opbx.database import mind, utcnow, write_transaction
from opbx.identity import tokens
from opbx.identity.models import ApiToken
from opbx.settings import Settings
from tests import factories


def test_only_the_hash_is_stored(session: Session) -> None:
    issued = tokens.issue(session, factories.make_user(session).id, name="x" * 200, lifetime=60)
    session.commit()
    assert issued.record.token_hash == tokens.digest(issued.plain)
    assert issued.record.name == "x" * 100
    assert timedelta(seconds=58) < issued.record.expires_at - utcnow() <= timedelta(seconds=60)


def test_verifying_loads_user_and_organization_in_one_query(session: Session) -> None:
    user = factories.make_user(session)
    plain = factories.make_token(session, user)
    session.expunge_all()
    queries: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: queries.append(given[2]))
    token = tokens.verify(session, plain)
    assert token.user.organization.name
    assert len([query for query in queries if query.startswith("SELECT")]) == 1


def test_each_reason_to_refuse_has_its_error(session: Session) -> None:
    user = factories.make_user(session)
    revoked = tokens.issue(session, user.id, name="", lifetime=60)
    session.flush()
    assert tokens.revoke(session, revoked.record.id)
    assert not tokens.revoke(session, revoked.record.id)
    expired = factories.make_token(session, user, lifetime=0)
    for plain, error in [
        ("unknown", tokens.UnknownTokenError),
        (revoked.plain, tokens.RevokedTokenError),
        (expired, tokens.ExpiredTokenError),
    ]:
        session.expire_all()
        with pytest.raises(error):
            tokens.verify(session, plain)


def test_of_two_refreshes_with_one_secret_one_wins(session: Session) -> None:
    plain = factories.make_token(session, factories.make_user(session))
    token = tokens.verify(session, plain)
    session.expunge(token)
    fresh = tokens.refresh(session, token, lifetime=60)
    assert fresh is not None
    assert tokens.refresh(session, token, lifetime=60) is None
    with pytest.raises(tokens.UnknownTokenError):
        tokens.verify(session, plain)
    assert tokens.verify(session, fresh).id == token.id


def test_a_revoked_token_is_not_refreshed(session: Session) -> None:
    token = tokens.verify(session, factories.make_token(session, factories.make_user(session)))
    session.expunge(token)
    tokens.revoke(session, token.id)
    assert tokens.refresh(session, token, lifetime=60) is None


def test_use_is_due_after_a_minute() -> None:
    now = utcnow()
    assert tokens.is_use_due(ApiToken(last_used_at=None), now)
    assert not tokens.is_use_due(ApiToken(last_used_at=now - timedelta(seconds=59)), now)
    assert tokens.is_use_due(ApiToken(last_used_at=now - timedelta(seconds=60)), now)


def test_a_busy_database_does_not_fail_the_bookkeeping(session: Session, settings: Settings) -> None:
    factories.make_token(session, factories.make_user(session))
    token = session.scalars(select(ApiToken)).one()
    session.rollback()
    impatient = create_engine(settings.database_url, connect_args={"timeout": 0})
    mind(impatient)
    with write_transaction(session), Session(impatient) as other:
        session.execute(update(ApiToken).values(name="another writer"))
        tokens.record_use(other, token.id)
    impatient.dispose()
    session.refresh(token)
    assert (token.name, token.last_used_at) == ("another writer", None)
