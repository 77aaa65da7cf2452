"""One row of the conformance table: what a peer sends, and what it must get back."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from .peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_payload, frame

__all__ = ["BINARY", "CLOSE", "CONT", "PING", "PONG", "TEXT", "Case", "F", "Sent", "close", "text"]

NORMAL = 1000


@dataclass(frozen=True, slots=True)
class F:
    """One frame, whoever sends it: masked when the peer is a client."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    reserved: int = 0

    def raw(self, masked: bool) -> bytes:
        """Its bytes; nothing is checked."""
        return frame(self.opcode, self.payload, masked=masked, fin=self.fin, reserved=self.reserved)


@dataclass(frozen=True, slots=True)
class Declared:
    """The head of a text frame that announces `length` bytes, and nothing behind it."""

    length: int

    def raw(self, masked: bool) -> bytes:
        """Ten bytes, and a mask."""
        head = struct.pack("!BBQ", 0x81, (0x80 if masked else 0) | 127, self.length)
        return head + (bytes(4) if masked else b"")


Sent = tuple[F | Declared, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`id` counts as the Autobahn|Testsuite's sections do.

    The peer sends `frames`: all in one write, or in writes of `chop` bytes, or a frame at a time
    (`chop` 0). It must get `back`, in order: the echoes of its messages and the pongs to its pings.
    Then the connection ends: with the close code `ends` that the wire's owner sends because of a
    fault, or, where that is None, with the wire's answer `answer` to the peer's own close frame.
    `closes` says that the peer's close frame stands in `frames` already.
    """

    id: str
    what: str
    frames: Sent
    back: tuple[F, ...] = ()
    ends: int | None = None
    answer: int = NORMAL
    closes: bool = False
    chop: int | None = None

    @property
    def section(self) -> str:
        """Everything before the id's last number."""
        return self.id.rpartition(".")[0]

    def writes(self, masked: bool) -> list[bytes]:
        """What goes out, write by write."""
        frames = self.frames
        if self.ends is None and not self.closes:
            frames = (*frames, close(NORMAL))
        raw = [each.raw(masked) for each in frames]
        if self.chop == 0:
            return raw
        whole = b"".join(raw)
        size = self.chop or len(whole)
        return [whole[start : start + size] for start in range(0, len(whole), size)]


@dataclass(slots=True)
class Numbered:
    """Rows of one section, numbered as they are added."""

    section: str
    rows: list[Case] = field(default_factory=list)

    def add(self, what: str, *frames: F | Declared, **rest: object) -> None:
        """One more row."""
        number = f"{self.section}.{len(self.rows) + 1}"
        self.rows.append(Case(number, what, frames, **rest))  # type: ignore[arg-type]


def text(payload: bytes | str) -> F:
    """A whole text message."""
    return F(TEXT, payload.encode() if isinstance(payload, str) else payload)


def close(code: int | None = NORMAL, reason: str | bytes = "") -> F:
    """A close frame; without a code an empty one."""
    if code is None:
        return F(CLOSE)
    tail = reason if isinstance(reason, bytes) else reason.encode()
    return F(CLOSE, close_payload(code) + tail)


def fragments(payload: bytes, size: int) -> Sent:
    """One text message in fragments of `size` bytes."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return tuple(
        F(CONT if number else TEXT, part, fin=number == last) for number, part in enumerate(parts)
    )
