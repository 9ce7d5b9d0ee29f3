"""Connections whose requests are not all here."""

import socket

import pytest

from opbx.relay.unfinished import Unfinished


def test_who_has_kept_it_waiting_longest_goes() -> None:
    unfinished = Unfinished(most=2)
    pairs = [socket.socketpair() for _ in range(4)]
    ours = [pair[0] for pair in pairs]
    for one in ours[:2]:
        unfinished.wait(one)
    unfinished.wait(ours[0])  # it has spoken meanwhile
    unfinished.wait(ours[2])
    assert pairs[1][1].recv(1) == b""
    unfinished.leave(ours[0])
    unfinished.wait(ours[3])
    assert len(unfinished) == 2
    for index in (0, 2, 3):
        pairs[index][1].setblocking(False)
        with pytest.raises(BlockingIOError):
            pairs[index][1].recv(1)
    for pair in pairs:
        for end in pair:
            end.close()


def test_who_has_kept_its_room_longest_goes() -> None:
    unfinished = Unfinished(room=10)
    pairs = [socket.socketpair() for _ in range(4)]
    first, second, third, fourth = (pair[0] for pair in pairs)
    with unfinished.room(first, 6), unfinished.room(second, 4):
        with unfinished.room(third, 6):
            assert pairs[0][1].recv(1) == b""
            pairs[1][1].setblocking(False)
            with pytest.raises(BlockingIOError):
                pairs[1][1].recv(1)
        with unfinished.room(fourth, 6), pytest.raises(BlockingIOError):  # the third one's was given back
            pairs[1][1].recv(1)
    for pair in pairs:
        for end in pair:
            end.close()
