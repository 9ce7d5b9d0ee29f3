"""Whose number is it: finds the DID number and the extension of an organization that a call concerns."""

from typing import Any

from sqlalchemy import bindparam, literal, select

from opbx.calls.models import Call, CallDirection, CallStatus
from opbx.calls.signal import CallSignal
from opbx.calls.state import Step
from opbx.identity.models import DidNumber, Extension
from opbx.pipeline import Reply, Statement, Transaction

#: What a signal may add to a call that does not know it yet. What is known stays: the first sender's spelling.
FACTS = ("sip_call_id", "direction", "from_number", "to_number")

# Some senders leave the plus out; and a long extension may have been taken for a phone number, and been given a plus.
_DID = Statement(
    select(DidNumber.id, DidNumber.phone_number).where(
        DidNumber.organization_id == bindparam("organization_id"),
        DidNumber.phone_number.in_([bindparam("number"), literal("+").concat(bindparam("bare"))]),
    )
)
_EXTENSION = Statement(
    select(Extension.id).where(
        Extension.organization_id == bindparam("organization_id"),
        Extension.number.in_([bindparam("number"), bindparam("bare")]),
    )
)


class Directory:
    """The numbers of one organization, asked for ahead: with the call's row, which says what of it is needed."""

    def __init__(self, transaction: Transaction, organization_id: str, signal: CallSignal) -> None:
        self._transaction = transaction
        self._organization_id = organization_id
        self._asked: dict[tuple[Statement, str], Reply] = {}
        outbound = signal.direction is CallDirection.OUTBOUND
        self._ask(_DID, signal.did or signal.to_number)
        self._ask(_EXTENSION, signal.extension or (signal.from_number if outbound else signal.to_number))

    def did(self, number: str) -> Any:
        """The row with `id` and `phone_number` of a DID number, None where it is none."""
        return self._find(_DID, number)

    def extension(self, number: str) -> Any:
        """The row with the `id` of an extension, None where it is none."""
        return self._find(_EXTENSION, number)

    def _ask(self, question: Statement, number: str | None) -> None:
        if number is not None and (question, number) not in self._asked:
            spellings = {"number": number, "bare": number.removeprefix("+")}
            self._asked[question, number] = self._transaction.send(
                question, organization_id=self._organization_id, **spellings
            )

    def _find(self, question: Statement, number: str) -> Any:
        self._ask(question, number)  # another one than its signal names, where the call knew more
        return next(iter(self._asked[question, number].rows()), None)


def learn(directory: Directory, call: Call, signal: CallSignal, step: Step) -> None:
    """Add to `call` what `signal` says of it beyond its state, and whose numbers those are."""
    known_numbers = (call.from_number, call.to_number)
    for fact in FACTS:
        if getattr(call, fact) is None and getattr(signal, fact) is not None:
            setattr(call, fact, getattr(signal, fact))
    learned = known_numbers != (call.from_number, call.to_number)
    if call.did_id is None and (learned or signal.did):
        _learn_did(directory, call, signal)
    # who answered counts, whoever else it rang at before
    answered_by = signal.extension and signal.status is CallStatus.ANSWERED and step is not Step.REPEAT
    if answered_by or (call.extension_id is None and (learned or signal.extension)):
        _learn_extension(directory, call, signal)


def _learn_did(directory: Directory, call: Call, signal: CallSignal) -> None:
    number = signal.did or (call.to_number if call.direction is not CallDirection.OUTBOUND else None)
    if number is None:
        return
    found = directory.did(number)
    if found is not None:
        call.did_id, call.did = found.id, found.phone_number
    elif signal.did:
        call.did = signal.did


def _learn_extension(directory: Directory, call: Call, signal: CallSignal) -> None:
    own_side = call.from_number if call.direction is CallDirection.OUTBOUND else call.to_number
    number = signal.extension or own_side
    if number is None:
        return
    found = directory.extension(number)
    if found is not None or signal.extension:  # whatever else is on the own side need not be an extension
        call.extension_id, call.extension = found and found.id, number
