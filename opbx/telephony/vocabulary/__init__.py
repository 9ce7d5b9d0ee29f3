"""What the senders' forms say, one module each: a schema, a table of its words, and `read` to a `CallSignal`.

`read(payload, now)` raises marshmallow's `ValidationError`, whose messages name the fields.
"""

from opbx.calls.models import REASON_LENGTH, CallStatus
from opbx.calls.state import FINAL


def end_reason(status: CallStatus, word: str, given: str | None = None) -> str | None:
    """Why the call ended: what the sender gives, else its word where that says more than our status does."""
    if status not in FINAL:
        return None
    reason = given or (word if word.replace("-", "_") != status.value else None)
    return reason[:REASON_LENGTH] if reason else None
