"""Whose number is it: finds the DID number and the extension of an organization that a call concerns."""

from sqlalchemy import Connection, bindparam, select

from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.calls.state import Step
from opbx.identity.models import DidNumber, Extension

#: What a signal may add to a call that does not know it yet. What is known stays: the first sender's spelling.
FACTS = ("sip_call_id", "direction", "from_number", "to_number")

_DID = select(DidNumber.id, DidNumber.phone_number).where(
    DidNumber.organization_id == bindparam("organization_id"),
    DidNumber.phone_number.in_([bindparam("number"), bindparam("plus")]),
)
_EXTENSION = select(Extension.id).where(
    Extension.organization_id == bindparam("organization_id"),
    Extension.number.in_([bindparam("number"), bindparam("bare")]),
)


def learn(connection: Connection, call: Call, signal: CallSignal, step: Step) -> None:
    """Add to `call` what `signal` says of it beyond its state, and whose numbers those are."""
    known_numbers = (call.from_number, call.to_number)
    for fact in FACTS:
        if getattr(call, fact) is None and getattr(signal, fact) is not None:
            setattr(call, fact, getattr(signal, fact))
    learned = known_numbers != (call.from_number, call.to_number)
    if call.did_id is None and (learned or signal.did):
        _learn_did(connection, call, signal)
    # who answered counts, whoever else it rang at before
    answered_by = signal.extension and signal.status is CallStatus.ANSWERED and step is not Step.REPEAT
    if answered_by or (call.extension_id is None and (learned or signal.extension)):
        _learn_extension(connection, call, signal)


def _learn_did(connection: Connection, call: Call, signal: CallSignal) -> None:
    number = signal.did or (call.to_number if call.direction is not CallDirection.OUTBOUND else None)
    if number is None:
        return
    # some senders leave the plus out
    spellings = {"organization_id": call.organization_id, "number": number, "plus": "+" + number.removeprefix("+")}
    found = connection.execute(_DID, spellings).first()
    if found is not None:
        call.did_id, call.did = found.id, found.phone_number
    elif signal.did:
        call.did = signal.did


def _learn_extension(connection: Connection, call: Call, signal: CallSignal) -> None:
    own_side = call.from_number if call.direction is CallDirection.OUTBOUND else call.to_number
    number = signal.extension or own_side
    if number is None:
        return
    # a long extension may have been taken for a phone number, and been given a plus
    spellings = {"organization_id": call.organization_id, "number": number, "bare": number.removeprefix("+")}
    found = connection.execute(_EXTENSION, spellings).scalar()
    if found is not None or signal.extension:  # whatever else is on the own side need not be an extension
        call.extension_id, call.extension = found, number
