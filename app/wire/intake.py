"""Reading from the socket or not, and what that says about the peer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .outbox import Outbox
from .pipe import Pipe
from .watch import Keepalive, PeerWatch
from .wire import WireLimits


class Intake:
    """Switches reading on and off and keeps the watches that belong to each.

    On: pings, and a deadline for any sign of life. Off: no deadline, because the answer would not
    be read, but the kernel is asked once a second whether the peer has left. `gone()` is called
    from the loop.
    """

    __slots__ = ("_keepalive", "_loop", "_peer_watch", "_pipe", "_since")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Pipe,
        outbox: Outbox,
        limits: WireLimits,
        *,
        gone: Callable[[], None],
    ) -> None:
        self._loop, self._pipe = loop, pipe
        self._since = 0.0
        self._keepalive = Keepalive(
            loop,
            limits.ping_interval,
            limits.ping_timeout,
            ping=outbox.ping,
            dead=gone,
            excused=lambda: outbox.full or not pipe.reading,
        )
        self._peer_watch = PeerWatch(loop, pipe, gone)

    def open(self) -> None:
        """The handshake is done: pings begin."""
        self._keepalive.start()

    def heard(self) -> None:
        """Bytes have come: a flag, because a clock per frame costs more than it tells."""
        self._keepalive.alive = True

    def excuse(self) -> None:
        """The peer could not answer until now: its deadline begins anew."""
        self._keepalive.was_excused = True

    def off(self) -> None:
        """Stops reading."""
        if self._pipe.reading:
            self._pipe.pause_reading()
            self._since = self._loop.time()
            self._peer_watch.start()

    def on(self) -> float:
        """Reads again; the seconds for which nothing was read."""
        if self._pipe.reading:
            return 0.0
        self._pipe.resume_reading()
        self._peer_watch.stop()
        self.excuse()
        return self._loop.time() - self._since

    def stop(self) -> None:
        """No deadline and no question any more."""
        self._keepalive.stop()
        self._peer_watch.stop()
