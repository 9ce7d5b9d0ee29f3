"""What `/broadcasting/auth` is asked and answers, as pusher-js and laravel-echo send and read it."""

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates
from marshmallow.validate import Length, Range, Regexp

from opbx.pusher.channels import parse_channel

#: The largest whole number that every JSON reader keeps exactly.
MAX_SEQUENCE = 2**53 - 1


class SubscriptionSchema(Schema):
    """Who asks, and for which channel. Clients may be configured to send more, which is not looked at."""

    class Meta:
        unknown = EXCLUDE

    socket_id = fields.String(
        required=True,
        # [0-9], since \d would let in the digits of every script
        validate=[Length(max=50), Regexp(r"[0-9]+\.[0-9]+\Z", error="Not a socket id.")],
        metadata={"example": "1234.5678"},
    )
    channel_name = fields.String(
        required=True,
        metadata={"example": "presence-presence.org.6b0f3c0e-5a3b-4f53-9f3e-0e8f6a1f2d11"},
    )

    resume = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=Range(0, MAX_SEQUENCE),
        metadata={"description": "The last `sequence` seen on the channel: the relay begins with what followed it."},
    )

    @validates("channel_name")
    def _is_a_name(self, value: str, data_key: str) -> None:  # noqa: ARG002
        if parse_channel(value) is None:
            raise ValidationError("Not a channel name.")


class AuthorizationSchema(Schema):
    """The signature that the relay verifies. `channel_data` is the exact string that was signed."""

    auth = fields.String(required=True, metadata={"example": "pbxappkey:5a6b…"})
    channel_data = fields.String(
        required=True,
        metadata={"description": "JSON, to be handed on as it is: the member of a presence channel, and our own."},
    )
