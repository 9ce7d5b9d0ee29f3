"""What any sender's webhook says about a call, whatever its vocabulary."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opbx.calls.models import CallDirection, CallStatus


@dataclass(frozen=True, kw_only=True)
class DetailRecord:
    """The raw record of a finished call, and the session token under which one is kept."""

    session_token: str
    raw: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class CallSignal:
    """One status of one call at the sender's time, with what else the sender knew then.

    `initiated_at` and `answered_at` are earlier times that came along; `duration` is the talk time in whole
    seconds where the sender says it. A signal with a `record` is authoritative for how the call ended. One that is
    `hung_up` says that the call is over, and leaves open whether anybody had answered it. `told_at` is when the sender
    told it, by its own clock, where that may be later than what it told of.
    """

    call_id: str
    status: CallStatus
    at: datetime
    initiated_at: datetime | None = None
    answered_at: datetime | None = None
    duration: int | None = None
    reason: str | None = None
    sip_call_id: str | None = None
    direction: CallDirection | None = None
    from_number: str | None = None
    to_number: str | None = None
    did: str | None = None
    extension: str | None = None
    record: DetailRecord | None = None
    hung_up: bool = False
    told_at: datetime | None = None
