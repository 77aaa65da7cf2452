"""What a wire has received and not yet delivered: bytes to cut, frames to hand on, an end."""

from __future__ import annotations

from collections import deque

from app.lane.cut import frame_end

from .framing import FrameCutter, PeerClose, Ping
from .wire import WireEnd, WireFault, WireLimits

# A read of 64 KiB can hold ten thousand tiny frames: the parser is fed in pieces, so that a pause,
# a fault or a spent budget stops it early. A large frame in progress is fed whole.
SLICE_BYTES = 4096


class Inbox:
    """Cuts bytes piece by piece and keeps everything in order. No I/O.

    `frames` is emptied by the wire; `pongs` are payloads to be answered; `end` is what stands
    behind the last frame: the peer's close frame or a fault. `close_frame` is the peer's.

    `chunk` and `at` are the bytes that come next, and from where: a lane may take simple frames
    from there, while `at_boundary`, by moving `at`, and may `keep` the beginning of one until its
    end has come.
    """

    __slots__ = (
        "_behind",
        "_hold_bytes",
        "_hold_frames",
        "_kept",
        "_missing",
        "at",
        "bytes_in",
        "chunk",
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
        self.chunk, self.at = b"", 0
        self._behind: deque[tuple[bytes, int]] = deque()  # chunks behind it, and from where
        self._kept: list[bytes] = []  # the beginning of a simple frame
        self._missing = 0  # bytes that it lacks
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
        """Bytes that can be cut now."""
        behind = sum(len(chunk) - at for chunk, at in self._behind)
        return len(self.chunk) - self.at + behind

    @property
    def at_boundary(self) -> bool:
        """Whether `chunk` holds something at `at`, and a message begins there."""
        return self.at < len(self.chunk) and self.cutter.at_boundary and not self.deaf

    def push(self, data: bytes) -> None:
        """Adds bytes as they came from the socket."""
        if self.deaf or self.end is not None:
            return
        data, at = bytes(data), 0
        if self._missing:
            at = min(self._missing, len(data))
            self._kept.append(data[:at])
            self._missing -= at
            if self._missing:
                return
            self._add(b"".join(self._kept), 0)
            self._kept = []
        if at < len(data):
            self._add(data, at)

    def _add(self, chunk: bytes, at: int) -> None:
        if self.at < len(self.chunk):
            self._behind.append((chunk, at))
        else:
            self.chunk, self.at = chunk, at

    def keep(self, missing: int) -> None:
        """The bytes from `at` on are the beginning of a simple frame that lacks so many: they come
        back, whole, when the rest is here. Only where nothing stands behind `chunk`."""
        self._kept = [self.chunk[self.at :]]
        self._missing = missing
        self.chunk, self.at = b"", 0

    @property
    def last_chunk(self) -> bool:
        """Nothing stands behind `chunk`."""
        return not self._behind

    def took(self, end: int, payload: int) -> None:
        """A lane has delivered what stands before `end`."""
        self.bytes_in += payload
        self._moved(end)

    def _moved(self, at: int) -> None:
        self.at = at
        if at >= len(self.chunk):
            self.chunk, self.at = self._behind.popleft() if self._behind else (b"", 0)

    def forget(self, *, deaf: bool) -> None:
        """Drops undelivered frames and those to come; `deaf` also stops the parser for good."""
        self.keeping = False
        self.frames.clear()
        if deaf:
            self.deaf = True
            self.chunk, self.at = b"", 0
            self._behind.clear()
            self._kept, self._missing = [], 0

    def cut_some(self, *, one: bool = False) -> bool:
        """Parses one piece, of `one` frame at most; false if there was nothing to parse."""
        if self.deaf or self.end is not None or self.at >= len(self.chunk):
            return False
        chunk, start = self.chunk, self.at
        stop = start + max(SLICE_BYTES, self.cutter.missing)
        if one:
            missing = self.cutter.missing
            stop = min(stop, start + missing if missing else frame_end(chunk, start))
        if start == 0 and stop >= len(chunk):
            self.cutter.feed(chunk)
        else:
            self.cutter.feed(memoryview(chunk)[start:stop])
        self._moved(stop)
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
