"""The clocks of one wire: is the peer alive, does it read, is it still there while we do not read.

Each watch owns at most one timer; `stop()` ends it for good or until the next `start()`. Callbacks
come from the loop, never from inside `start()` or `stop()`, and must not raise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .pipe import Pipe

LOOK_SECONDS = 1.0  # how often an unread socket is asked whether its peer has left
MAX_STEP_SECONDS = 0.5  # a stall is noticed at most this much after its limit


class _Watch:
    __slots__ = ("_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Ends the watch; nothing is called any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, call)


class Keepalive(_Watch):
    """Pings every `interval` seconds; without life for `timeout` seconds after a ping, `dead()`.

    `alive` is set from outside for any byte received. `ping()` sends one and is false if there was
    no room. `excused()` says that silence proves nothing right now (we do not read, or the ping
    still waits in a full write buffer): then the deadline begins anew. `was_excused` is set from
    outside where such a time ends before the deadline.
    """

    __slots__ = ("_dead", "_excused", "_interval", "_ping", "_timeout", "alive", "was_excused")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval: float,
        timeout: float,
        *,
        ping: Callable[[], bool],
        dead: Callable[[], None],
        excused: Callable[[], bool],
    ) -> None:
        super().__init__(loop)
        self._interval, self._timeout = interval, timeout
        self._ping, self._dead, self._excused = ping, dead, excused
        self.alive = True
        self.was_excused = False

    def start(self) -> None:
        """The first ping goes out after one interval."""
        self._after(self._interval, self._on_interval)

    def _on_interval(self) -> None:
        self.alive = False
        self.was_excused = not self._ping()
        self._after(self._timeout, self._on_timeout)

    def _on_timeout(self) -> None:
        if self.alive:
            self._after(max(0.0, self._interval - self._timeout), self._on_interval)
        elif self._excused() or self.was_excused:
            self.was_excused = False
            self._after(self._timeout, self._on_timeout)
        else:
            self.stop()
            self._dead()


class StallWatch(_Watch):
    """Calls `stalled()` when no byte has left the write buffer for `seconds`."""

    __slots__ = ("_gone", "_pipe", "_seconds", "_since", "_stalled")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Pipe,
        seconds: float,
        stalled: Callable[[], None],
    ) -> None:
        super().__init__(loop)
        self._pipe, self._seconds, self._stalled = pipe, seconds, stalled
        self._gone = 0
        self._since = 0.0

    def start(self) -> None:
        """The write buffer has filled up."""
        self._gone = self._pipe.written - self._pipe.buffered
        self._since = self._loop.time()
        self._after(self._step(self._since), self._look)

    def _step(self, now: float) -> float:
        return min(self._since + self._seconds - now, self._seconds / 5, MAX_STEP_SECONDS)

    def _look(self) -> None:
        gone, now = self._pipe.written - self._pipe.buffered, self._loop.time()
        if gone != self._gone:
            self._gone, self._since = gone, now
        if now - self._since >= self._seconds:
            self.stop()
            self._stalled()
        else:
            self._after(max(0.001, self._step(now)), self._look)


class PeerWatch(_Watch):
    """While nothing is read, asks the kernel every second whether the peer has left."""

    __slots__ = ("_left", "_pipe")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pipe: Pipe, left: Callable[[], None]
    ) -> None:
        super().__init__(loop)
        self._pipe, self._left = pipe, left

    def start(self) -> None:
        """Reading has stopped. A running watch goes on."""
        if self._timer is None:
            self._after(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._pipe.peer_left():
            self._left()
        else:
            self._after(LOOK_SECONDS, self._look)
