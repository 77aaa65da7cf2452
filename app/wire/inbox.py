"""What a wire has received and not yet delivered: bytes to cut, frames to hand on, an end."""

from __future__ import annotations

from collections import deque

from .framing import FrameCutter, PeerClose, Ping
from .wire import WireEnd, WireFault, WireLimits

# A read of 64 KiB can hold ten thousand tiny frames: the parser is fed in pieces, so that a pause,
# a fault or a spent budget stops it early. A large frame in progress is fed whole.
SLICE_BYTES = 4096


class Inbox:
    """Cuts bytes piece by piece and keeps everything in order. No I/O.

    `frames` is emptied by the wire; `pongs` are payloads to be answered; `end` is what stands
    behind the last frame: the peer's close frame or a fault. `close_frame` is the peer's.
    """

    __slots__ = (
        "_fed",
        "_hold_bytes",
        "_hold_frames",
        "_unfed",
        "bytes_in",
        "close_frame",
        "cutter",
        "deaf",
        "end",
        "frames",
        "held",
        "keeping",
        "pongs",
    )

    def __init__(self, cutter: FrameCutter, limits: WireLimits) -> None:
        self.cutter = cutter
        self._hold_frames, self._hold_bytes = limits.hold_frames, limits.hold_bytes
        self._unfed, self._fed = b"", 0
        self.frames: deque[bytes] = deque()
        self.pongs: list[bytes] = []
        self.end: WireEnd | None = None
        self.close_frame: PeerClose | None = None
        self.bytes_in = 0
        self.held = 0  # bytes in frames since the beginning: what counts before `start()`
        self.keeping = True  # false: messages are dropped, only the close frame matters
        self.deaf = False  # true: bytes are dropped unparsed

    @property
    def full(self) -> bool:
        """The most that is held before the owner starts the wire."""
        return len(self.frames) >= self._hold_frames or self.held >= self._hold_bytes

    @property
    def uncut(self) -> int:
        """Bytes that have not been parsed."""
        return len(self._unfed) - self._fed

    def push(self, data: bytes) -> None:
        """Adds bytes as they came from the socket."""
        if self.deaf or self.end is not None:
            return
        self._unfed = self._unfed[self._fed :] + data if self._unfed else bytes(data)
        self._fed = 0

    def forget(self, *, deaf: bool) -> None:
        """Drops undelivered frames and those to come; `deaf` also stops the parser for good."""
        self.keeping = False
        self.frames.clear()
        if deaf:
            self.deaf = True
            self._unfed, self._fed = b"", 0

    def cut_some(self) -> bool:
        """Parses one piece; false if there was nothing to parse."""
        if self.deaf or self.end is not None or not self._unfed:
            return False
        start, size = self._fed, max(SLICE_BYTES, self.cutter.missing)
        if start == 0 and size >= len(self._unfed):
            self.cutter.feed(self._unfed)
            self._unfed = b""
        else:
            self.cutter.feed(memoryview(self._unfed)[start : start + size])
            self._fed = start + size
            if self._fed >= len(self._unfed):
                self._unfed, self._fed = b"", 0
        self._sort()
        return True

    def _sort(self) -> None:
        for item in self.cutter.cut:
            if isinstance(item, bytes):
                self.bytes_in += len(item)
                if self.keeping:
                    self.held += len(item)
                    self.frames.append(item)
            elif isinstance(item, Ping):
                self.pongs.append(item.payload)
            else:
                self.close_frame = item
                self.end = WireEnd(WireFault.CLOSED, item.code, item.text)
        self.cutter.cut.clear()
        if self.cutter.fault is not None:
            self.end = WireEnd(self.cutter.fault, can_speak=True, detail=self.cutter.detail)
