"""Publishing: in order, once, with consecutive offsets, and kept in the history."""

import orjson
from redis import Redis

from opbx.backplane.history import read_since, since_call
from opbx.backplane.keys import ChannelKeys
from opbx.backplane.publisher import Message, Publisher
from opbx.backplane.records import Batch
from opbx.backplane.scripts import run

CHANNEL = "presence-presence.org.7"
KEYS = ChannelKeys("app", CHANNEL)


def heard(redis: Redis, publish: list[list[Message]]) -> list[Batch]:
    """What a listener gets while each list is published in one step."""
    listener = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    listener.subscribe(KEYS.topic)
    listener.get_message(timeout=1)
    publisher = Publisher(redis, "app")
    for messages in publish:
        publisher.publish(CHANNEL, messages)
    batches = []
    while message := listener.get_message(timeout=0.2):
        batches.append(Batch.decode(message["data"]))
    listener.close()
    return batches


def event(sequence: int) -> Message:
    return Message("call.initiated", f'{{"sequence":{sequence}}}', sequence=sequence)


def since(redis: Redis, epoch: str, offset: int | None) -> tuple[int, list[str] | None]:
    (answer,) = run(redis, [since_call(KEYS, epoch, offset)])
    found = read_since(answer)
    names = None if found.records is None else [orjson.loads(r.text)["event"] for r in found.records]
    return found.offset, names


def test_a_batch_arrives_whole_and_in_order(redis: Redis) -> None:
    (batch,) = heard(redis, [[event(1), event(2), Message("other", "x", except_socket="1.2")]])
    assert batch.first == 1
    assert orjson.loads(batch.records[0].text) == {
        "event": "call.initiated",
        "channel": CHANNEL,
        "data": '{"sequence":1}',
    }
    assert [r.except_socket for r in batch.records] == ["", "", "1.2"]


def test_offsets_go_on_over_batches_and_epochs_stay(redis: Redis) -> None:
    first, second = heard(redis, [[event(1), event(2)], [event(3)]])
    assert (first.first, second.first) == (1, 3)
    assert first.epoch == second.epoch


def test_what_was_published_before_is_left_out(redis: Redis) -> None:
    publisher = Publisher(redis, "app")
    assert publisher.publish(CHANNEL, [event(1), event(2)]) == 2
    (batch,) = heard(redis, [[event(1), event(2), event(3)]])
    assert [orjson.loads(r.text)["data"] for r in batch.records] == ['{"sequence":3}']
    assert publisher.publish(CHANNEL, [event(3)]) == 0
    assert publisher.publish(CHANNEL, []) == 0


def test_a_gap_in_the_sequence_is_published_as_it_is(redis: Redis) -> None:
    assert Publisher(redis, "app").publish(CHANNEL, [event(1), event(5)]) == 2


def test_channels_do_not_share_a_sequence(redis: Redis) -> None:
    publisher = Publisher(redis, "app")
    publisher.publish(CHANNEL, [event(9)])
    assert publisher.publish("presence-presence.org.8", [event(1)]) == 1
    assert Publisher(redis, "other").publish(CHANNEL, [event(1)]) == 1


def test_the_history_gives_what_followed(redis: Redis) -> None:
    batches = heard(redis, [[Message(name, "") for name in "abcd"]])
    epoch = batches[0].epoch
    assert since(redis, epoch, 4) == (4, [])
    assert since(redis, epoch, 2) == (4, ["c", "d"])
    assert since(redis, epoch, 0) == (4, ["a", "b", "c", "d"])


def test_the_history_says_when_it_cannot(redis: Redis) -> None:
    publisher = Publisher(redis, "app")
    (batch,) = heard(redis, [[Message("a", "")]])
    assert since(redis, "another", 0) == (1, None)
    assert since(redis, batch.epoch, 7) == (1, None)
    publisher.publish(CHANNEL, [Message("b", "") for _ in range(2000)])
    assert since(redis, batch.epoch, 1) == (2001, None)


def test_a_channel_without_a_head_has_missed_nothing(redis: Redis) -> None:
    assert since(redis, "", 0) == (0, [])
    assert since(redis, "", None) == (0, None)
    Publisher(redis, "app").publish(CHANNEL, [Message("a", "")])
    assert since(redis, "", 0) == (1, ["a"])


def test_publishing_survives_a_script_flush(redis: Redis) -> None:
    publisher = Publisher(redis, "app")
    publisher.publish(CHANNEL, [event(1)])
    redis.script_flush()
    assert publisher.publish(CHANNEL, [event(2)]) == 1
