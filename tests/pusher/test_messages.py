"""Client messages are taken apart without ever failing in another way than `BadMessage`."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbx.pusher import messages
from opbx.pusher.channels import parse_channel
from opbx.pusher.errors import BadMessage, SubscriptionRefused
from opbx.pusher.signatures import subscription_auth
from opbx.pusher.subscriptions import parse_channel_data, verify_auth

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_data_may_be_an_object_or_its_text() -> None:
    for data in ('{"channel":"a"}', '"{\\"channel\\":\\"a\\"}"'):
        message = messages.parse_message(f'{{"event":"pusher:subscribe","data":{data}}}')
        assert messages.object_data(message) == {"channel": "a"}


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"data":1}', '{"event":7}', '{"event":""}', "[" * 100_000])
def test_bad_messages(text: str) -> None:
    with pytest.raises(BadMessage):
        messages.parse_message(text)


@given(st.text() | JSON.map(lambda value: orjson.dumps(value).decode()))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(BadMessage):
        messages.object_data(messages.parse_message(text))


@given(st.text() | JSON.map(lambda value: orjson.dumps(value).decode()))
def test_no_channel_data_breaks_the_parser(text: str) -> None:
    with suppress(SubscriptionRefused):
        parse_channel_data(text)


def test_data_of_server_events_is_a_string() -> None:
    for text in (
        messages.PING,
        messages.connection_established("1.2", 30),
        messages.error(BadMessage("no", 4301)),
        messages.subscription_succeeded("a", {}),
        messages.subscription_error("a", SubscriptionRefused("no")),
        messages.resync("a"),
    ):
        assert isinstance(orjson.loads(orjson.loads(text)["data"]), dict)


def test_an_empty_presence_hash_is_an_object() -> None:
    data = orjson.loads(orjson.loads(messages.subscription_succeeded("presence-a", {}))["data"])
    assert data == {"presence": {"count": 0, "ids": [], "hash": {}}}


def test_numbers_are_taken_as_user_ids() -> None:
    assert parse_channel_data('{"user_id":10,"user_info":{"a":1}}').user_id == "10"


@pytest.mark.parametrize(
    "data", ["", "x", "[]", '{"user_id":""}', '{"user_id":true}', '{"user_id":"%s"}' % ("x" * 129)]
)
def test_unusable_channel_data(data: str) -> None:
    with pytest.raises(SubscriptionRefused):
        parse_channel_data(data)


def test_signatures_cover_channel_data() -> None:
    name = parse_channel("presence-a")
    assert name is not None
    auth = subscription_auth("k", "s", "1.2", "presence-a", '{"user_id":"1"}')
    verify_auth(name, key="k", secrets=("s",), socket_id="1.2", auth=auth, channel_data='{"user_id":"1"}')
    # while the secret is changed, what the old one has signed is good
    for secrets in (("new", "s"), ("s", "old")):
        verify_auth(name, key="k", secrets=secrets, socket_id="1.2", auth=auth, channel_data='{"user_id":"1"}')
    with pytest.raises(SubscriptionRefused):
        verify_auth(name, key="k", secrets=("new",), socket_id="1.2", auth=auth, channel_data='{"user_id":"1"}')
    for socket_id, data in (("1.3", '{"user_id":"1"}'), ("1.2", '{"user_id":"2"}'), ("1.2", None)):
        with pytest.raises(SubscriptionRefused):
            verify_auth(name, key="k", secrets=("s",), socket_id=socket_id, auth=auth, channel_data=data)
