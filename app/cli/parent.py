"""The child's half of `RELAY_PROCESSES`: it ends with its parent, and ticks until it hangs."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
import time
from collections.abc import Callable

TICK_SECONDS = 1.0

_STDIN = 0


class Pulse:
    """Whether the event loop of this process goes round. Until `follow` was called nobody knows,
    and it counts as going. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beaten: float | None = None

    @property
    def beats(self) -> bool:
        """Whether the loop has come by lately."""
        return self._beaten is None or self._clock() - self._beaten < 2 * TICK_SECONDS

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call it on the loop, which comes by every `TICK_SECONDS` from now on."""
        self._beaten = self._clock()
        loop.call_later(TICK_SECONDS, self.follow, loop)


PULSE = Pulse()
"""That of this process' loop."""


def when_parent_ends(drain: Callable[[], None]) -> None:
    """Calls `drain` once standard input ends, from a thread that is left behind at exit. Where
    that is a socket, the thread ticks to its other side while `PULSE` beats."""
    threading.Thread(target=_wait, args=(drain,), name="parent", daemon=True).start()


def _wait(drain: Callable[[], None]) -> None:
    parent = _parent()
    if parent is not None:
        _tick(parent)  # at once: only who has ticked can be missed
    while not _ended(TICK_SECONDS):
        if parent is not None and PULSE.beats:
            _tick(parent)
    drain()
    while parent is not None:  # a drain may hang too
        time.sleep(TICK_SECONDS)
        if PULSE.beats and not _tick(parent):
            return


def _parent() -> socket.socket | None:
    """Our side of the parent's socket, None where standard input is something else."""
    copy = os.dup(_STDIN)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None


def _ended(within: float) -> bool:
    """Waits `within` seconds for the end of standard input."""
    try:
        ready, _, _ = select.select([_STDIN], [], [], within)
        return bool(ready) and not os.read(_STDIN, 4096)
    except OSError:
        return True


def _tick(parent: socket.socket) -> bool:
    """Whether the parent may hear it. A full socket is one that does not read now."""
    try:
        parent.send(b".", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True
