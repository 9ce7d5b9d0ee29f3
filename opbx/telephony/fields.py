"""Fields of the senders' payloads: strict about types, so that what is stored is what the sender meant."""

import re
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields

from opbx.calls.models import ID_LENGTH, NUMBER_LENGTH
from opbx.database import utcnow

#: Times outside are a sender's mistake: no call was earlier, and no clock is further ahead.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

MAX_SECONDS = 31 * 86_400  #: longest duration of a call that is believed

_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{1,17}")  # E.164 has 15 digits; some networks add a few
_BARE_PHONE_NUMBER = re.compile(r"[1-9][0-9]{7,14}")
_SIP_USER = re.compile(
    r"(?:sips?:)?[A-Za-z0-9_*#][A-Za-z0-9_*#.!~'()&=+$,;?/%-]{0,63}(?:@[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]{0,62})?"
)


class Text(fields.String):
    """A text without control characters, up to `longest`, cut of blanks around it."""

    def __init__(self, *, longest: int, **more: Any) -> None:
        super().__init__(**more)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **more)).strip()
        if len(text) > self.longest:
            raise ValidationError(f"Longer than {self.longest} characters.")
        if not text.isprintable():
            raise ValidationError("Control characters are not allowed.")
        return text


class Identifier(Text):
    """A sender's id of something, never empty."""

    def __init__(self, **more: Any) -> None:
        super().__init__(longest=ID_LENGTH, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if not text:
            raise ValidationError("Must not be empty.")
        return text


class Number(Text):
    """A phone number in E.164 form, a short number, a SIP user or address, or a word such as `anonymous`.

    Where it is not required, an empty text is no number at all (None).
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(longest=NUMBER_LENGTH, **more)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        if not text and not self.required:
            return None
        if not (_PHONE_NUMBER if text.startswith("+") else _SIP_USER).fullmatch(text):
            raise ValidationError("Not a phone number, extension or SIP user.")
        return text


class CloudonixNumber(Number):
    """A number as Cloudonix writes it: with the plus in some payloads and without it in others.

    Eight to fifteen digits without a zero in front are taken for an international number and loaded with the
    plus, so that a number looks the same wherever it came from. Extensions are shorter; an extension or SIP user of
    that many digits is found in the directory in spite of it. OPBX's own form is kept as its sender writes it.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        return f"+{text}" if text and _BARE_PHONE_NUMBER.fullmatch(text) else text


class Word(fields.String):
    """One of the words of a vocabulary, in any case; loaded in lower case."""

    def __init__(self, words: Container[str], **more: Any) -> None:
        super().__init__(**more)
        self.words = words

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        word = str(super()._deserialize(value, attr, data, **more)).strip().lower()
        if word not in self.words:
            raise ValidationError("Unknown word.")
        return word


class Seconds(fields.Field[int]):
    """A length of time in whole seconds."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> int:  # noqa: ARG002
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
            raise ValidationError("Not a length of time in seconds.")
        return int(value)


class Moment(fields.Field[datetime]):
    """A time counted from 1970 in units of `unit` seconds, or an ISO 8601 text where `unit` is None.

    Zero is how some senders write a time that has not come yet, and is loaded as None.
    """

    def __init__(self, *, unit: float | None, **more: Any) -> None:
        super().__init__(**more)
        self.unit = unit

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:  # noqa: ARG002
        if self.unit is None:
            moment = _from_text(value)
        else:
            if value == 0 and not isinstance(value, bool) and not self.required:
                return None
            moment = _from_count(value, self.unit)
        if not EARLIEST <= moment <= utcnow() + AHEAD:
            raise ValidationError("Too far from the present.")
        return moment


def _from_count(value: Any, unit: float) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValidationError("Not a time.")
    try:
        return datetime.fromtimestamp(value * unit, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValidationError("Too far from the present.") from error


def _from_text(value: Any) -> datetime:
    if not isinstance(value, str) or not value.isascii():
        raise ValidationError("Not a time in ISO 8601 form.")
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValidationError("Not a time in ISO 8601 form.") from error


def seconds_since_1970(**more: Any) -> Moment:
    return Moment(unit=1.0, **more)


def milliseconds_since_1970(**more: Any) -> Moment:
    return Moment(unit=0.001, **more)
