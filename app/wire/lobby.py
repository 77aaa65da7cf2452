"""How many connections may wait at the door at once: whoever comes when it is full gets a place.

Connections that are no WebSocket yet cost a descriptor each, and nobody knows whose they are. A
crowd of them must not keep newcomers out until their deadlines have run: the one that has waited
longest is dropped instead.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

if sys.platform != "win32":
    import resource

MOST = 1024
LEAST = 16


class Guest(Protocol):
    """A connection that has not become a WebSocket."""

    @property
    def at_work(self) -> bool:
        """The app is answering it: it is dropped last."""

    def make_room(self) -> None:
        """Drops the connection now."""


class Lobby:
    """The guests of one listener, at most `room()` of them, in the order in which they came.

    Counters, for whoever shows them: `dropped` for want of room, `refused` by HTTP status (the
    refusals of `wire.http`, not the app's).
    """

    def __init__(self, room: Callable[[], int]) -> None:
        self._room = room
        self._guests: dict[Guest, None] = {}
        self.dropped = 0
        self.refused: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, guest: Guest) -> None:
        """Takes a guest in; a full lobby drops one that waits, or else the oldest."""
        while len(self._guests) >= self._room():
            waiting = (each for each in self._guests if not each.at_work)
            oldest = next(waiting, None) or next(iter(self._guests))
            del self._guests[oldest]
            self.dropped += 1
            oldest.make_room()
        self._guests[guest] = None

    def leave(self, guest: Guest) -> None:
        """Forgets a guest that has become a WebSocket or has gone. Harmless when repeated."""
        self._guests.pop(guest, None)


_LOBBIES: WeakKeyDictionary[ServerState, Lobby] = WeakKeyDictionary()


def lobby_of(server_state: ServerState) -> Lobby:
    """The one lobby of a server."""
    lobby = _LOBBIES.get(server_state)
    if lobby is None:
        lobby = _LOBBIES[server_state] = Lobby(quarter_of_the_descriptors)
    return lobby


def quarter_of_the_descriptors() -> int:
    """Of those that this process may have now: a session needs two."""
    if sys.platform == "win32":  # it has no such limit
        return MOST
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MOST
    return max(LEAST, min(MOST, descriptors // 4))
