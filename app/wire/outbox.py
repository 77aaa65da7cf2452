"""The sending half of a wire: frames into the write buffer, and what happens when it fills up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.frames import Opcode

from .framing import encode_close, encode_frame
from .pipe import Pipe
from .watch import StallWatch
from .wire import WireLimits


class Outbox:
    """Writes frames. `full` is true from the buffer's high mark until its low mark.

    While it is full no ping goes out and only the latest pong is kept (RFC 6455, section 5.5.3
    allows it): a peer that pings and never reads must not grow our memory. `stalled()` is called
    from the loop when no byte has left for the limit, or when the hard cap is reached; from then
    on messages are dropped, because a hole in the stream would be worse than its end.
    """

    __slots__ = (
        "_cap",
        "_high",
        "_loop",
        "_masked",
        "_pipe",
        "_pong",
        "_stalled",
        "_watch",
        "bytes_out",
        "full",
        "overflown",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Pipe,
        limits: WireLimits,
        *,
        masked: bool,
        stalled: Callable[[], None],
    ) -> None:
        self._loop, self._pipe, self._masked, self._stalled = loop, pipe, masked, stalled
        self._cap, self._high = limits.max_write_buffer, limits.high_water
        self._watch = StallWatch(loop, pipe, limits.stall_seconds, stalled)
        self._pong: bytes | None = None
        self.full = self.overflown = False
        self.bytes_out = 0

    def text(self, frame: bytes) -> None:
        """One message."""
        if self.overflown:
            return
        data = encode_frame(Opcode.TEXT, frame, self._masked)
        if self._over(len(data)):
            return
        self.bytes_out += len(frame)
        self._pipe.write(data)

    def raw(self, frames: bytes | memoryview, payload: int) -> None:
        """Whole frames that are written already, with so many bytes of payload."""
        if self.overflown:
            return
        if self._over(len(frames)):
            return
        self.bytes_out += payload
        self._pipe.write(frames)

    def _over(self, size: int) -> bool:
        """Whether so many bytes more would exceed the hard cap; then nothing is written any more.
        The transport is only asked where it matters: below its high mark little waits."""
        room = self._cap - (self._pipe.buffered if self.full else self._high)
        if size <= room or (not self.full and self._pipe.buffered + size <= self._cap):
            return False
        self.overflown = True
        self._loop.call_soon(self._stalled)
        return True

    def close(self, code: int, text: str) -> None:
        """The close frame, behind everything else; also when messages are dropped already."""
        self._pipe.write(encode_close(code, text, self._masked))

    def ping(self) -> bool:
        """An empty ping (any answer will do); false if there was no room for it."""
        if self.full:
            return False
        self._pipe.write(encode_frame(Opcode.PING, b"", self._masked))
        return True

    def pongs(self, payloads: list[bytes]) -> None:
        """Answers pings in their order."""
        for payload in payloads:
            if self.full:
                self._pong = payload
            else:
                self._pipe.write(encode_frame(Opcode.PONG, payload, self._masked))

    def filled(self) -> None:
        """The transport says that the buffer is over its high mark."""
        self.full = True
        self._watch.start()

    def drained(self) -> None:
        """The transport says that the buffer is below its low mark."""
        self.full = False
        self._watch.stop()
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self.pongs([pong])

    def stop(self) -> None:
        """No stall is reported any more, and no pong is owed."""
        self._watch.stop()
        self._pong = None
