"""Organizations and what belongs to them: users, API tokens, sender keys, DID numbers, extensions, the audit log."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from opbx.database import UtcDateTime, utcnow
from opbx.extensions import Model


def new_id() -> str:
    """A fresh primary key, a random UUID in its canonical form: ids cannot be guessed or counted."""
    return str(uuid4())


class OrganizationStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class UserStatus(StrEnum):
    INVITED = "invited"  # has not chosen a password yet
    ACTIVE = "active"
    INACTIVE = "inactive"


class TokenKind(StrEnum):
    LOGIN = "login"  # of a person at a device
    API = "api"  # of a program, made by hand and named


class Role(StrEnum):
    """All see live calls, records and presence of their organization; the first two manage users and keys."""

    OWNER = "owner"
    PBX_ADMIN = "pbx_admin"
    PBX_USER = "pbx_user"
    REPORTER = "reporter"


def text_enum(kind: type[StrEnum]) -> Enum:
    """A column type that stores the enum's values as text, the same on every database."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])


class Organization(Model):
    """A tenant. Senders name it by its domain, its name or its UUID."""

    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    status: Mapped[OrganizationStatus] = mapped_column(text_enum(OrganizationStatus), default=OrganizationStatus.ACTIVE)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    domain: Mapped[str] = mapped_column(String(253), unique=True)  # lower case
    domain_uuid: Mapped[str] = mapped_column(String(64), unique=True, default=new_id)  # lower case
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    sender_keys: Mapped[list["SenderKey"]] = relationship(back_populates="organization")


class SenderKey(Model):
    """How a telephony sender proves that it speaks for an organization; several may be valid at once."""

    __tablename__ = "sender_keys"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # SHA-256 of the Bearer key
    sealed_secret: Mapped[str | None] = mapped_column(Text)  # of X-Cloudonix-Signature; see `sealing`
    allow_unstamped: Mapped[bool] = mapped_column(Boolean, default=False)  # signature without timestamp
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # may be to come: a replaced key stays for a while

    organization: Mapped[Organization] = relationship(back_populates="sender_keys")


class User(Model):
    """A person of one organization. The email address is unique over all organizations, in lower case."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(text_enum(Role), default=Role.PBX_USER)
    status: Mapped[UserStatus] = mapped_column(text_enum(UserStatus), default=UserStatus.ACTIVE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    invitation_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True, index=True)  # SHA-256
    invitation_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    organization: Mapped[Organization] = relationship()


class ApiToken(Model):
    """An opaque Bearer token: one a login, so that devices do not log each other out. Only its hash is kept.

    A refresh gives it another secret and another expiry; it stays the same token, and its sockets stay open.
    """

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[TokenKind] = mapped_column(
        text_enum(TokenKind), default=TokenKind.LOGIN, server_default=TokenKind.LOGIN.value
    )
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    refreshed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    user: Mapped[User] = relationship()


class DidNumber(Model):
    """A public number of an organization, in E.164 form with the plus."""

    __tablename__ = "did_numbers"
    __table_args__ = (UniqueConstraint("organization_id", "phone_number"),)

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    phone_number: Mapped[str] = mapped_column(String(32))
    friendly_name: Mapped[str | None] = mapped_column(String(200))


class Extension(Model):
    """An internal number, answered by a user where one is set."""

    __tablename__ = "extensions"
    __table_args__ = (UniqueConstraint("organization_id", "number"),)

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True, default=new_id)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    user: Mapped[User | None] = relationship()


class AuditEntry(Model):
    """Who did what to whom, kept for people who ask later. Names are kept as they were then, beside the ids."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "organization_id", "id"),)

    # SQLite only counts up by itself in a column of exactly this type
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    # empty where somebody tried to log in whom nobody knows
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
    action: Mapped[str] = mapped_column(String(50))
    actor_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))  # empty: the operator, or nobody known
    actor: Mapped[str | None] = mapped_column(String(254))  # email address
    subject_id: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    subject: Mapped[str | None] = mapped_column(String(254))  # email address of a user, name of a token or key
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    address: Mapped[str | None] = mapped_column(String(45))  # of the caller
