"""What this product adds to the protocol: resume, grants and their end. Stock clients never notice."""

import time
from uuid import uuid4

import pytest

from opbx.backplane import control
from opbx.backplane.publisher import Message, Publisher
from tests.protocol.relays import APP_ID, Driver, Relays


def publish(relays: Relays, channel: str, *sequences: int) -> None:
    """As the workers do."""
    with relays.redis.client() as client:
        events = [Message("call.initiated", f'{{"sequence":{n}}}', sequence=n) for n in sequences]
        Publisher(client, APP_ID).publish(channel, events)


def sequences(driver: Driver, channel: str) -> list[int]:
    return [data["sequence"] for name, data in driver.events(channel) if name == "call.initiated"]


@pytest.mark.parametrize("prefix", ["presence-", "private-"])
def test_a_client_that_asks_gets_what_it_missed_before_what_is_live(relays: Relays, prefix: str) -> None:
    channel = f"{prefix}{uuid4().hex[:12]}"
    publish(relays, channel, 1, 2, 3, 4)
    driver = relays.drive()
    member = {"user_id": "ann"} if prefix == "presence-" else None
    driver.subscribe(channel, member=member, extra={"resume": 2})
    driver.event(channel, "pusher:subscription_succeeded")
    publish(relays, channel, 5)
    driver.event(channel, "call.initiated", where={"sequence": 5})
    assert sequences(driver, channel) == [3, 4, 5]
    assert "opbx:resync" not in driver.names(channel)


@pytest.mark.parametrize("seen", [4, 0])
def test_nothing_or_everything_missed(relays: Relays, seen: int) -> None:
    channel = f"private-{uuid4().hex[:12]}"
    publish(relays, channel, 1, 2, 3, 4)
    driver = relays.drive()
    driver.subscribe(channel, extra={"resume": seen})
    publish(relays, channel, 5)
    driver.event(channel, "call.initiated", where={"sequence": 5})
    assert sequences(driver, channel) == list(range(seen + 1, 6))


@pytest.mark.parametrize("seen", [0, 7])
def test_where_it_cannot_be_replayed_the_client_is_told(relays: Relays, seen: int) -> None:
    channel = f"private-{uuid4().hex[:12]}"
    publish(relays, channel, 3, 4)  # what came before is no longer known here
    driver = relays.drive()
    driver.subscribe(channel, extra={"resume": seen})
    driver.event(channel, "opbx:resync")
    publish(relays, channel, 5)
    driver.event(channel, "call.initiated", where={"sequence": 5})
    assert sequences(driver, channel) == [5]


def granted(relays: Relays, number: int, **grant: object) -> Driver:
    """A client whose subscription depends on a grant."""
    driver, channel = relays.drive(number), f"private-{uuid4().hex[:12]}"
    whole = {"token": uuid4().hex, "user": "ann", "organization": "acme", "expires": time.time() + 600, **grant}
    driver.subscribe(channel, extra={"grant": whole})
    driver.event(channel, "pusher:subscription_succeeded")
    return driver


def ended(driver: Driver) -> None:
    driver.wait(lambda line: line["kind"] == "error" and line["code"] == 4009, timeout=10, what="4009")


@pytest.mark.parametrize("whose", ["token", "user", "organization"])
def test_what_is_revoked_ends_on_every_node(relays: Relays, whose: control.Whose) -> None:
    id_ = uuid4().hex
    mine = [granted(relays, number, **{whose: id_}) for number in (0, 1)]
    others = granted(relays, 1)
    with relays.redis.client() as client:
        control.send(client, control.Terminate(whose, id_))
    for driver in mine:
        ended(driver)
    assert not others.seen("error")


@pytest.mark.parametrize("whose", ["token", "user", "organization"])
def test_what_was_signed_before_a_revocation_is_worth_nothing_after_it(relays: Relays, whose: control.Whose) -> None:
    id_, now = uuid4().hex, time.time()
    with relays.redis.client() as client:
        control.send(client, control.Terminate(whose, id_))
    for number in (0, 1):
        driver, channel = relays.drive(number), f"private-{uuid4().hex[:12]}"
        told = {"user": "ann", "token": "t", "organization": "acme", "expires": now + 600, whose: id_}
        driver.subscribe(channel, extra={"grant": {**told, "signed": now}})
        assert driver.event(channel, "pusher:subscription_error")["data"]["status"] == 401
        granted(relays, number, signed=now)  # another's of the same time
        granted(relays, number, signed=now + 60, **{whose: id_})  # activated again


def test_a_signature_is_good_for_no_longer_than_revocations_are_known(relays: Relays) -> None:
    driver, channel = relays.drive(), f"private-{uuid4().hex[:12]}"
    grant = {"token": "t", "user": "ann", "organization": "acme", "expires": time.time() + 600}
    driver.subscribe(channel, extra={"grant": {**grant, "signed": time.time() - control.STANDING - 10}})
    assert driver.event(channel, "pusher:subscription_error")["data"]["status"] == 401


def test_a_token_that_expires_ends_and_one_that_is_extended_stays(relays: Relays) -> None:
    token, expires = uuid4().hex, time.time() + 2
    extended, expired = granted(relays, 0, token=token, expires=expires), granted(relays, 1, expires=expires)
    with relays.redis.client() as client:
        control.send(client, control.Extend(token, time.time() + 600))
    ended(expired)
    assert not extended.seen("error")
