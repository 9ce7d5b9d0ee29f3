"""Two organizations with one of everything: the caller's own, and a foreign one whose things bear a mark."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent, ChannelCursor, ChannelHead
from opbx.calls.models import Call, CallStatus
from opbx.database import utcnow
from opbx.extensions import Model
from opbx.identity import audit, tokens
from opbx.identity.audit import Action
from opbx.identity.models import ApiToken, DidNumber, Extension, Organization, Role, SenderKey, User, UserStatus
from tests import factories

#: In every text of the foreign organization, so that it is found wherever it gets out.
MARK = "foreign-mark"


class World:
    """`own` and `foreign`, and makers of what a route's path can name, by the name of its parameter."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._count = 0
        self.own = factories.make_organization(session)
        self.foreign = factories.make_organization(session, name=MARK)
        for organization in (self.own, self.foreign):
            for make in SUBJECTS.values():
                make(self, organization)
            self._outbox(organization)
            audit.record(session, Action.LOGIN, organization_id=organization.id, subject=self.text(organization))
        session.commit()

    def text(self, organization: Organization) -> str:
        self._count += 1
        return f"{MARK if organization is self.foreign else 'ours'}-{self._count}"

    def user(self, organization: Organization, **given: Any) -> str:
        name = self.text(organization)
        return factories.make_user(self._session, organization, name=name, email=f"{name}@opbx.test", **given).id

    def caller(self, role: Role, **given: Any) -> dict[str, str]:
        """Headers of a request by somebody of the own organization."""
        user = self._session.get_one(User, self.user(self.own, role=role, **given))
        return factories.bearer(factories.make_token(self._session, user))

    def subject(self, parameter: str, organization: Organization) -> str:
        """The id of a new thing of the organization that a path's parameter can name."""
        return SUBJECTS[parameter](self, organization)

    def rows(self, organization: Organization) -> list[str]:
        """All that is stored of the organization, as text, to see whether something has changed."""
        self._session.rollback()
        self._session.expire_all()
        found: list[Model] = [self._session.get_one(Organization, organization.id)]
        for model in (User, SenderKey, DidNumber, Extension, Call):
            found += self._session.scalars(select(model).where(model.organization_id == organization.id))
        found += self._session.scalars(select(ApiToken).join(User).where(User.organization_id == organization.id))
        return sorted(repr({column.key: getattr(row, column.key) for column in row.__table__.columns}) for row in found)

    def token(self, organization: Organization) -> str:
        """Of another user than the caller."""
        user = self.user(organization)
        record = tokens.issue(self._session, user, name=self.text(organization), lifetime=3600).record
        self._session.commit()
        return record.id

    def call(self, organization: Organization) -> str:
        name = self.text(organization)
        call = Call(
            organization_id=organization.id, call_id=name, from_number=name, to_number=name, did=name, extension=name,
            status=CallStatus.ANSWERED, initiated_at=utcnow(), answered_at=utcnow(), last_event_at=utcnow(),
            end_reason=name,
        )  # fmt: skip
        self._session.add(call)
        self._session.commit()
        return call.id

    def sender_key(self, organization: Organization) -> str:
        return factories.make_sender_key(self._session, organization, name=self.text(organization)).id

    def number(self, organization: Organization) -> str:
        self._count += 1
        number = f"+1800555{self._count:04}"
        return factories.make_did_number(self._session, organization, number, friendly_name=self.text(organization)).id

    def extension(self, organization: Organization) -> str:
        return factories.make_extension(self._session, organization, self.text(organization)).id

    def letter(self, organization: Organization) -> str:
        """An event that can never be published."""
        name = self.text(organization)
        event = BroadcastEvent(
            channel=f"user.{self.user(organization)}", sequence=1, name=name, payload={}, failure=name, attempts=1
        )
        self._session.add_all([event, ChannelHead(channel=event.channel, sequence=1)])
        self._session.commit()
        return f"event-{event.id}"

    def _outbox(self, organization: Organization) -> None:
        channel = f"presence.org.{organization.id}"
        name = self.text(organization)
        self._session.add_all([
            ChannelHead(channel=channel, sequence=1), ChannelCursor(channel=channel, sequence=0),
            BroadcastEvent(channel=channel, sequence=1, name=name, payload={"call_id": name}),
        ])  # fmt: skip


SUBJECTS: dict[str, Callable[[World, Organization], str]] = {
    "user_id": World.user,
    "inactive_user_id": lambda world, organization: world.user(organization, status=UserStatus.INACTIVE),
    "token_id": World.token,
    "key_id": World.sender_key,
    "number_id": World.number,
    "extension_id": World.extension,
    "identity": World.call,
    "letter_id": World.letter,
}
