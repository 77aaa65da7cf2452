"""Who is let go when the lobby is full."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass, field

import pytest

from app.wire import lobby as subject
from app.wire.lobby import Lobby


@dataclass(eq=False)
class Guest:
    """A connection."""

    at_work: bool = False
    dropped: list[bool] = field(default_factory=list)

    def make_room(self) -> None:
        self.dropped.append(True)


def test_a_full_lobby_drops_the_one_that_has_waited_longest() -> None:
    lobby = Lobby(lambda: 3)
    guests = [Guest() for _ in range(3)]
    for guest in guests:
        lobby.enter(guest)
    assert not any(guest.dropped for guest in guests), "three are no crowd"
    lobby.enter(Guest())
    assert [bool(guest.dropped) for guest in guests] == [True, False, False]
    assert (len(lobby), lobby.dropped) == (3, 1)


def test_those_that_are_being_answered_go_last() -> None:
    lobby = Lobby(lambda: 2)
    busy, idle = Guest(at_work=True), Guest()
    lobby.enter(busy)
    lobby.enter(idle)
    lobby.enter(Guest(at_work=True))
    assert (busy.dropped, idle.dropped) == ([], [True])
    lobby.enter(Guest())
    assert busy.dropped == [True], "nobody waits: the oldest goes all the same"


def test_who_has_left_takes_no_room() -> None:
    lobby = Lobby(lambda: 1)
    guest = Guest()
    lobby.enter(guest)
    lobby.leave(guest)
    lobby.leave(guest)
    lobby.enter(Guest())
    assert (guest.dropped, lobby.dropped) == ([], 0)


def test_a_lobby_that_shrinks_drops_as_many_as_it_must() -> None:
    room = [3]
    lobby = Lobby(lambda: room[0])
    guests = [Guest() for _ in range(3)]
    for guest in guests:
        lobby.enter(guest)
    room[0] = 1
    lobby.enter(Guest())
    assert all(guest.dropped for guest in guests)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.parametrize(
    ("descriptors", "room"),
    [(256, 64), (16, subject.LEAST), (1024, 256), (1 << 20, subject.MOST),
     (resource.RLIM_INFINITY, subject.MOST)],
)  # fmt: skip
def test_it_takes_a_quarter_of_the_descriptors(
    descriptors: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert subject.quarter_of_the_descriptors() == room
