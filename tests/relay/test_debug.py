"""What `SOKETI_DEBUG` shows of frames, and what it never shows."""

import json

import pytest

from opbx.relay.debug import _taken_apart, masked
from opbx.relay.frames import close_frame, pong_frame, text_frame


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"data":{"auth":"key:abc","channel":"x"}}', '{"data":{"auth":"***","channel":"x"}}'),
        ('{"auth" : "key:abc"}', '{"auth" : "***"}'),
        (
            json.dumps({"data": json.dumps({"auth": "k:a", "n": 1})}),
            json.dumps({"data": json.dumps({"auth": "***", "n": 1})}),
        ),
        (
            '{"shared_secret":"s","access_token":"t","name":"auth"}',
            '{"shared_secret":"***","access_token":"***","name":"auth"}',
        ),
        ("not json", "not json"),
    ],
)
def test_what_proves_or_opens_something_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_joined_frames_are_told_one_by_one() -> None:
    frames = text_frame(b"a" * 10) + text_frame(b"b" * 300) + text_frame(b"c" * 70_000) + pong_frame(b"")
    assert [(kind, text[:1]) for kind, text in _taken_apart(frames + close_frame(4200, "why"))] == [
        ("text", "a"), ("text", "b"), ("text", "c"), ("pong", ""), ("close", "4"),
    ]  # fmt: skip
    assert _taken_apart(close_frame(4200, "why")) == [("close", "4200 why")]
