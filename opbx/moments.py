"""How a moment is written in everything that the API takes and gives."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

#: How the API's description shows a `Timestamp`.
MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, and milliseconds where there are any."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


class Timestamp(fields.Field[datetime]):
    """A moment, in JSON an ISO 8601 text. One without a zone is read as UTC."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else iso(value)

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> datetime:
        if not isinstance(value, str) or not value.isascii():
            raise ValidationError("Not a moment in ISO 8601 form.")
        try:
            # a plus in a query string arrives as a blank
            moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Not a moment in ISO 8601 form.") from error
