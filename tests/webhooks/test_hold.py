"""The hold: absences of less than 3 s are not told, the order of each channel is kept, nothing waits without need."""

from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbx.backplane.hooks import Entry
from opbx.webhooks.hold import HOLD, settle


def entry(time_ms: int, name: str, channel: str = "a", user: str = "", number: int = 0) -> Entry:
    return Entry(f"{time_ms}-{number}", name, channel, user, b"{}")


def names(entries: list[Entry]) -> list[str]:
    return [found.name for found in entries]


@pytest.mark.parametrize(
    ("absence", "presence", "user"),
    [("channel_vacated", "channel_occupied", ""), ("member_removed", "member_added", "7")],
)
def test_an_absence_waits_and_goes_with_the_return(absence: str, presence: str, user: str) -> None:
    gone = entry(1000, absence, user=user)
    assert not settle([gone], 1000 + HOLD)
    assert settle([gone], 1001 + HOLD).ready == [gone]
    assert settle([gone], 1001 + HOLD).absent == {gone.id}

    back = entry(1000 + HOLD, presence, user=user)
    assert settle([gone, back], back.time_ms).dropped == [gone, back]
    assert not settle([gone, back], back.time_ms).ready

    late = entry(1001 + HOLD, presence, user=user)
    settled = settle([gone, late], late.time_ms)
    assert settled.ready == [gone, late]
    assert not settled.absent


def test_presence_goes_at_once() -> None:
    entries = [entry(1, "channel_occupied"), entry(1, "member_added", user="7", number=1)]
    assert settle(entries, 1).ready == entries


def test_one_user_does_not_undo_the_other() -> None:
    gone = entry(1000, "member_removed", user="7")
    other = entry(1500, "member_added", user="8")
    elsewhere = entry(1500, "member_added", channel="b", user="7", number=1)
    settled = settle([gone, other, elsewhere], 2000)
    assert settled.ready == [elsewhere]  # the other user's arrival waits for its turn on the channel
    assert not settled.dropped
    assert settle([gone, other, elsewhere], 1001 + HOLD).ready == [gone, other, elsewhere]


def test_a_reload_of_the_only_page_is_not_told() -> None:
    entries = [
        entry(1000, "member_removed", user="7"),
        entry(1000, "channel_vacated", number=1),
        entry(1400, "channel_occupied"),
        entry(1400, "member_added", user="7", number=1),
        entry(1500, "client_event", user="7"),
    ]
    settled = settle(entries, 1500)
    assert names(settled.ready) == ["client_event"]
    assert settled.dropped == entries[:4]


def test_an_absence_told_twice_counts_once() -> None:
    entries = [
        entry(1000, "member_removed", user="7"),
        entry(1001, "member_removed", user="7"),
        entry(1400, "member_added", user="7"),
    ]
    assert settle(entries, 1400).dropped == entries


#: Pause in ms before it, channel, and who comes or goes by turns: a user, "" for the whole channel, "!" talks.
happenings = st.lists(st.tuples(st.integers(0, 2500), st.sampled_from("ab"), st.sampled_from(["7", "8", "", "!"])))


def timeline(happened: list[tuple[int, str, str]]) -> list[Entry]:
    now, entries = 10_000, []
    present: set[tuple[str, str]] = set()
    for number, (pause, channel, who) in enumerate(happened):
        now += pause
        if who == "!":
            entries.append(entry(now, "client_event", channel, number=number))
            continue
        present ^= {(channel, who)}
        came, went = ("member_added", "member_removed") if who else ("channel_occupied", "channel_vacated")
        entries.append(entry(now, came if (channel, who) in present else went, channel, who, number))
    return entries


@given(happenings, st.lists(st.integers(1, 4000), min_size=1, max_size=30))
def test_whenever_it_is_looked_at(happened: list[tuple[int, str, str]], pauses: list[int]) -> None:
    entries = timeline(happened)
    told: list[Entry] = []
    dropped: list[Entry] = []
    queue, now = list(entries), 10_000
    for pause in cycle(pauses):
        if not queue:
            break
        now += pause
        settled = settle([e for e in queue if e.time_ms < now], now)
        assert all(now > e.time_ms + HOLD for e in settled.ready if e.name in ("channel_vacated", "member_removed"))
        told += settled.ready
        dropped += settled.dropped
        queue = [e for e in queue if e not in told and e not in dropped]
        assert all(now <= e.time_ms + HOLD for e in queue if e.time_ms < now)  # nothing waits longer than that

    assert sorted(told + dropped, key=entries.index) == entries  # each once
    for channel in "ab":
        order = [entries.index(e) for e in told if e.channel == channel]
        assert order == sorted(order)
    for subject in {(e.channel, e.user_id) for e in entries if e.name != "client_event"}:
        assert names(of(subject, told))[-1:] == names(of(subject, entries))[-1:]  # what was told last is how it is


def of(subject: tuple[str, str], entries: list[Entry]) -> list[Entry]:
    return [e for e in entries if (e.channel, e.user_id) == subject and e.name != "client_event"]
