"""Frames on the wire: cutting bytes into messages, and writing frames. No I/O, no clock of its own.

The parser is the sans-I/O core of `websockets`, with three differences: it does not answer by
itself (a fault is reported, and the owner of the wire speaks first), it checks that text is UTF-8
(the core leaves that to its callers), and it counts what a peer can use to waste our time.
"""

from __future__ import annotations

import codecs
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import EXTERNAL_CLOSE_CODES, Close, CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from .budget import CONTROL_BURST, CONTROL_PER_SECOND, ControlBudget
from .mask_keys import MASK_KEYS
from .reader import CutterReader
from .wire import CLIENT_WIRE, WireFault

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled extension on this platform
    from websockets.utils import apply_mask

__all__ = [
    "CONTROL_BURST",
    "CONTROL_PER_SECOND",
    "MAX_FRAGMENTS",
    "SILENT",
    "ControlBudget",
    "FrameCutter",
    "PeerClose",
    "Ping",
    "encode_close",
    "encode_frame",
]

MAX_FRAGMENTS = CLIENT_WIRE.max_fragments  # frames in one message, unless said otherwise
MAX_CONTROL_PAYLOAD = 125  # RFC 6455, section 5.5
MAX_CLOSE_TEXT = 123  # the same, less the two bytes of the code

# At DEBUG the core would log payloads and keys. This logger hangs on no hierarchy and is mute.
SILENT = logging.Logger("wire.silent", level=logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping that waits for its pong."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class PeerClose:
    """The peer's close frame. `code` is 1005 where the frame had none."""

    code: int
    text: str


Cut = bytes | Ping | PeerClose


class FrameError(ProtocolError):
    """A breach that this module finds, named as the owner of the wire will see it."""

    def __init__(self, fault: WireFault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class FrameCutter(Protocol):
    """Cuts a stream of bytes into text messages, pings and a close frame.

    `cut` fills up with what was found, in order; the caller empties it. After a fault (`fault` is
    set) or the peer's close frame (`done` is true) whatever is fed is dropped.
    """

    reader: CutterReader

    def __init__(
        self,
        side: Side,
        max_message: int,
        clock: Callable[[], float],
        max_fragments: int = MAX_FRAGMENTS,
    ) -> None:
        # The core charges control frames between fragments to the message: leave room for them,
        # the message itself is measured below.
        super().__init__(
            side, state=OPEN, max_size=max_message + MAX_CONTROL_PAYLOAD, logger=SILENT
        )
        self.reader = CutterReader()
        self.parser = self.parse()
        next(self.parser)
        self.max_message, self.max_fragments = max_message, max_fragments
        self.budget = ControlBudget(clock)
        self.cut: list[Cut] = []
        self.fault: WireFault | None = None
        self.detail = ""
        self.done = False
        self._fragments: list[bytes] = []
        self._utf8: codecs.IncrementalDecoder | None = None

    @property
    def missing(self) -> int:
        """Bytes that the frame in progress still lacks; 0 between frames."""
        wanted = self.reader.wanted
        return wanted - len(self.reader.buffer) if wanted else 0

    @property
    def at_boundary(self) -> bool:
        """Whether the next byte begins a message: what a lane in front may take."""
        return self.reader.between and self.current_size is None and not self.done

    def feed(self, data: bytes | memoryview) -> None:
        """Parses `data`; results stand in `cut`, `fault` and `done`. Raises only on our own bug."""
        if self.done:
            return
        self.reader.buffer += data
        next(self.parser)
        error = self.parser_exc
        if error is None:
            return
        self.done = True
        self.reader.discard()
        self.fault = _fault_of(error)
        # A decoder's complaint quotes the text; its kind says enough.
        self.detail = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Overrides the core, which would write its close frame before the owner could speak."""

    def recv_frame(self, frame: Frame) -> None:
        """Overrides the core, which would answer pings and close frames by itself."""
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.CONT:
            self._data(opcode, bytes(frame.data), frame.fin)
        elif opcode is Opcode.BINARY:
            raise FrameError(WireFault.BINARY, "binary message")
        elif opcode is Opcode.CLOSE:
            self._close(bytes(frame.data))
        elif not self.budget.take():
            raise FrameError(WireFault.PROTOCOL, "too many control frames")
        elif opcode is Opcode.PING:
            self.cut.append(Ping(bytes(frame.data)))

    def _close(self, payload: bytes) -> None:
        close = Close.parse(payload)
        self.cut.append(PeerClose(int(close.code), close.reason))
        self.done = True
        self.reader.discard()

    def _data(self, opcode: Opcode, data: bytes, fin: bool) -> None:
        first = opcode is Opcode.TEXT
        if first is not (self.current_size is None):
            raise ProtocolError("message out of order")
        size = (self.current_size or 0) + len(data)
        if size > self.max_message:
            raise FrameError(WireFault.TOO_BIG, "message too big")
        if first and fin:
            if not data.isascii():
                data.decode()
            self.cut.append(data)
            return
        self._fragment(data, fin)
        self.current_size = None if fin else size

    def _fragment(self, data: bytes, fin: bool) -> None:
        if self._utf8 is None:
            self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._utf8.decode(data, fin)
        self._fragments.append(data)
        if len(self._fragments) > self.max_fragments:
            raise FrameError(WireFault.PROTOCOL, "too many fragments")
        if fin:
            self.cut.append(b"".join(self._fragments))
            self._fragments = []
            self._utf8 = None


def _fault_of(error: Exception) -> WireFault:
    """What to call a breach; raises what is none, but a bug of ours."""
    if isinstance(error, FrameError):
        return error.fault
    if isinstance(error, PayloadTooBig):
        return WireFault.TOO_BIG
    if isinstance(error, UnicodeDecodeError):
        return WireFault.BAD_TEXT
    if isinstance(error, ProtocolError):
        return WireFault.PROTOCOL
    raise error


def encode_frame(opcode: Opcode, payload: bytes, masked: bool) -> bytes:
    """One final frame (RFC 6455, section 5.2). A client masks, with a fresh key per frame."""
    head, length, mask_bit = 0x80 | opcode, len(payload), 0x80 if masked else 0
    if length < 126:
        header = struct.pack("!BB", head, mask_bit | length)
    elif length < 65536:
        header = struct.pack("!BBH", head, mask_bit | 126, length)
    else:
        header = struct.pack("!BBQ", head, mask_bit | 127, length)
    if not masked:
        return header + payload
    key = MASK_KEYS.next()
    return b"".join((header, key, apply_mask(payload, key)))


def encode_close(code: int, text: str, masked: bool) -> bytes:
    """A close frame. Codes that may not be sent (1005, 1006, 1015 and unknown ones) become 1000
    where the peer gave none, else 1011; a text over 123 bytes is cut at a character."""
    if code not in EXTERNAL_CLOSE_CODES and not 3000 <= code < 5000:
        code = 1000 if code == CloseCode.NO_STATUS_RCVD else 1011
    raw = text.encode("utf-8", "replace")
    if len(raw) > MAX_CLOSE_TEXT:
        raw = raw[:MAX_CLOSE_TEXT].decode("utf-8", "ignore").encode()
    return encode_frame(Opcode.CLOSE, struct.pack("!H", code) + raw, masked)
