"""A transport whose calls never raise: after loss they do nothing.

uvloop and both loops' TLS transports raise from calls on a connection that is gone, each in its
own way, and a wire may be called at any moment.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from contextlib import suppress

# RuntimeError: uvloop's closed handles. AttributeError: TLS transports without their protocol.
_LOST = (RuntimeError, OSError, AttributeError)

_NO_LINGER = struct.pack("ii", 1, 0)  # on, for 0 seconds: closing sends a reset


class Pipe:
    """The byte stream under a WebSocket, with counters and guards.

    The protocol that owns the transport must call `drop()` from `connection_lost`.
    """

    __slots__ = ("_transport", "reading", "resting", "written")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport: asyncio.Transport | None = transport
        self.reading = True
        self.resting = False
        self.written = 0  # bytes ever given to the transport

    def drop(self) -> None:
        """The connection is lost: every later call does nothing."""
        self._transport = None

    def tune(self, high: int, low: int, not_sent: int | None) -> None:
        """Sets the write marks in bytes, TCP_NODELAY and, where the system has it,
        TCP_NOTSENT_LOWAT: bytes that the kernel takes beyond what it can send."""
        if self._transport is None:
            return
        with suppress(*_LOST):
            self._transport.set_write_buffer_limits(high=high, low=low)
            sock = self._transport.get_extra_info("socket")
            if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not_sent is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, not_sent)

    def write(self, data: bytes | memoryview) -> None:
        """Sends or buffers. A closing transport is not asked: asyncio would log each attempt."""
        if self._transport is None or self._transport.is_closing():
            return
        self.written += len(data)
        try:  # noqa: SIM105  (a context manager costs as much as the rest of this method)
            self._transport.write(data)
        except _LOST:
            pass

    @property
    def buffered(self) -> int:
        """Bytes that wait in the write buffer."""
        if self._transport is None:
            return 0
        with suppress(*_LOST):
            return self._transport.get_write_buffer_size()
        return 0

    def pause_reading(self) -> None:
        """Stops reading from the socket."""
        if self.reading and self._transport is not None:
            self.reading = False
            with suppress(*_LOST):
                self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Reads again."""
        if not self.reading and self._transport is not None:
            self.reading = True
            if self.resting:
                return
            with suppress(*_LOST):
                self._transport.resume_reading()

    def rest(self) -> None:
        """Reads nothing until `wake()`, whatever `reading` says: a breath, no back-pressure."""
        self.resting = True
        if self._transport is not None and self.reading:
            with suppress(*_LOST):
                self._transport.pause_reading()

    def wake(self) -> None:
        """Ends the rest."""
        self.resting = False
        if self._transport is not None and self.reading:
            with suppress(*_LOST):
                self._transport.resume_reading()

    def half_close(self) -> None:
        """Sends an end of file behind what is buffered, and goes on reading. TLS cannot."""
        if self._transport is None or self._transport.is_closing():
            return
        with suppress(*_LOST, NotImplementedError):
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def close(self) -> None:
        """Closes behind what is buffered; needs a deadline, a peer that does not read holds it."""
        if self._transport is not None:
            with suppress(*_LOST):
                self._transport.close()

    def abort(self, *, reset: bool = False) -> None:
        """Drops the connection and what is buffered. With `reset` also what the kernel holds: it
        would go on offering that to a peer that does not read, for minutes, without us."""
        if self._transport is None:
            return
        with suppress(*_LOST):
            if reset:
                sock = self._transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        with suppress(*_LOST):
            self._transport.abort()

    def peer_left(self) -> bool:
        """Asks the kernel for an end of file or a reset: a loop that does not read sees neither."""
        if self._transport is None or not hasattr(select, "poll"):
            return False
        with suppress(*_LOST, ValueError):
            asked = select.poll()
            asked.register(
                self._transport.get_extra_info("socket").fileno(),
                getattr(select, "POLLRDHUP", 0),
            )
            return bool(asked.poll(0))
        return False
