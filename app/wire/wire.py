"""What both wires promise: one WebSocket seen as whole text frames.

    peer <== TCP/TLS ==> [ Wire ] -- on_frame, on_end, on_pressure, on_closed, on_error --> Receiver
                         [ Wire ] <-- start, send, close, abort, pause, resume ---------- owner

Between attachment and `start()` a wire already reads: it answers pings, notices a peer that leaves
and holds frames in order (at most `Hold.frames` / `Hold.bytes`, then it stops reading).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from app.lane.cut import Passing
from app.lane.lane import Run


class WireFault(StrEnum):
    """Why a wire will deliver no more frames."""

    CLOSED = "closed"  # the peer sent a close frame
    GONE = "gone"  # end of file, reset, or no pong within its deadline
    STALLED = "stalled"  # no byte left the write buffer for the stall limit
    TOO_BIG = "too_big"  # a message over the size limit
    BINARY = "binary"  # a binary message
    BAD_TEXT = "bad_text"  # a text message that is not UTF-8
    PROTOCOL = "protocol"  # any other breach of RFC 6455


@dataclass(frozen=True, slots=True)
class WireEnd:
    """The end of the inbound direction, reported once.

    `code` and `text` are the peer's close frame (None where there was none: then 1006 in logs).
    `can_speak` is true while frames sent now may still reach the peer (faults that we found), and
    false after the peer has closed or gone. `detail` says for the log which rule a fault broke: in
    our words or the parser's, never in the peer's.
    """

    fault: WireFault
    code: int | None = None
    text: str = ""
    can_speak: bool = False
    detail: str = field(default="", compare=False)


class Receiver(Protocol):
    """Whoever owns a wire. No method is called again after `on_closed`, none re-entrantly from
    inside `send`, `close`, `abort`, `pause` or `resume` of the same wire."""

    def on_frame(self, frame: bytes) -> None:
        """One whole text message, valid UTF-8, within the size limit. Only after `start()`."""

    def on_end(self, end: WireEnd) -> None:
        """The peer will deliver no more frames. At most once, also before `start()`; never after
        the owner itself called `close()` or `abort()`. The owner still has to call `close()` or
        `abort()`."""

    def on_pressure(self, full: bool) -> None:
        """The write buffer rose above its high mark (True) or fell below its low mark (False)."""

    def on_closed(self) -> None:
        """The transport is gone. Exactly once, last."""

    def on_error(self, error: Exception) -> None:
        """A call above raised. The wire delivers nothing more of its own accord; the owner ends
        the session."""


@runtime_checkable
class RunReceiver(Receiver, Protocol):
    """A receiver that also takes whole frames as they stand, where it says so beforehand."""

    @property
    def passing(self) -> Passing | None:
        """Which frames may come as a run right now; None: none."""

    def on_run(self, run: Run) -> None:
        """Frames that `passing` covers."""


class Wire(Protocol):
    """One WebSocket. All calls are made on the loop's thread and are safe after loss (no-ops)."""

    @property
    def received(self) -> tuple[int, str] | None:
        """Code and text of the peer's close frame, also when it answers ours."""

    @property
    def bytes_in(self) -> int:
        """Payload bytes of messages received."""

    @property
    def bytes_out(self) -> int:
        """Payload bytes of messages sent."""

    def attach(self, receiver: Receiver) -> None:
        """Names the owner. What happened before is reported at once, from the loop, not from
        inside this call."""

    def start(self) -> None:
        """Deliver held frames in order, then live ones."""

    def send(self, frame: bytes) -> None:
        """One text message. Written at once or buffered; never merged with another."""

    def forward(self, frames: bytes | memoryview, payload: int) -> None:
        """Whole frames as they stand, with so many bytes of payload."""

    def close(self, code: int, text: str) -> None:
        """Sends a close frame behind everything sent so far, then reads and discards until the
        peer's close frame, its end of file, or the close deadline, which ends in `abort()`. After
        the peer's own close frame it only finishes the closing."""

    def abort(self) -> None:
        """Drops the connection now, without a farewell."""

    def pause(self) -> None:
        """Deliver no frame until `resume()`, and stop reading from the socket. Keepalive waits;
        a peer that dies meanwhile is still noticed within about a second."""

    def resume(self) -> None:
        """Undo `pause()`: first what the parser had already cut, in order, then live frames."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Numbers of one wire. Durations in seconds, sizes in bytes."""

    max_message: int = 256 * 1024
    max_fragments: int = 1024  # frames that make one message
    hold_frames: int = 64
    hold_bytes: int = 256 * 1024
    high_water: int = 256 * 1024
    low_water: int = 64 * 1024
    stall_seconds: float = 10.0
    close_seconds: float = 5.0
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    max_write_buffer: int = 17 * 1024 * 1024
    fast_lane: bool = True
    not_sent_low_water: int | None = None  # TCP_NOTSENT_LOWAT where the system has it


CLIENT_WIRE = WireLimits(not_sent_low_water=64 * 1024)
UPSTREAM_WIRE = WireLimits(
    max_message=16 * 1024 * 1024,
    ping_interval=10.0,
    ping_timeout=10.0,
)
