"""A hand-written WebSocket peer that can send odd things and refuse to read."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import socket
import ssl
import struct
from dataclasses import dataclass

TEXT, CONT, BINARY, CLOSE, PING, PONG = 1, 0, 2, 8, 9, 10


def frame(
    opcode: int, payload: bytes = b"", *, masked: bool, fin: bool = True, reserved: int = 0
) -> bytes:
    """One frame as RFC 6455, section 5.2 draws it; nothing is checked."""
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def mask(payload: bytes, key: bytes) -> bytes:
    """RFC 6455, section 5.3, either way."""
    keys = int.from_bytes((key * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ keys).to_bytes(len(payload), "big")


def accept_key(key: str) -> str:
    """The answer to a client's key (RFC 6455, section 4.2.2)."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


@dataclass
class Frame:
    """A received frame."""

    opcode: int
    payload: bytes
    masked: bool

    @property
    def close(self) -> tuple[int, str]:
        """Code and text of a close frame."""
        assert self.opcode == CLOSE, self
        return struct.unpack("!H", self.payload[:2])[0], self.payload[2:].decode()


def close_payload(code: int, text: str = "") -> bytes:
    """What stands in a close frame."""
    return struct.pack("!H", code) + text.encode()


class Peer:
    """One end of a connection after the handshake. `client` says which role it plays."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool
    ) -> None:
        self.reader, self.writer, self.client = reader, writer, client

    def build(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
        """A correct frame for this role."""
        return frame(opcode, payload, masked=self.client, fin=fin)

    def push(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)

    def text(self, *texts: str | bytes) -> None:
        """Text messages, all in one write."""
        raw = [text.encode() if isinstance(text, str) else text for text in texts]
        self.push(b"".join(self.build(TEXT, item) for item in raw))

    def close(self, code: int | None, text: str = "") -> None:
        """A close frame."""
        self.push(self.build(CLOSE, b"" if code is None else close_payload(code, text)))

    async def frame(self, seconds: float = 5.0) -> Frame:
        """The next frame. Raises IncompleteReadError at the end of the stream."""
        async with asyncio.timeout(seconds):
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            masked = bool(second & 0x80)
            key = await self.reader.readexactly(4) if masked else b""
            payload = await self.reader.readexactly(length)
            if masked:
                payload = mask(payload, key)
            return Frame(first & 0x0F, payload, masked)

    async def data(self, seconds: float = 5.0) -> Frame:
        """The next frame that is not a ping; pings are answered."""
        while True:
            got = await self.frame(seconds)
            if got.opcode != PING:
                return got
            self.push(self.build(PONG, got.payload))

    async def ended(self, seconds: float = 5.0) -> None:
        """Waits for a clean end of file (a reset raises)."""
        async with asyncio.timeout(seconds):
            while await self.reader.read(65536):
                pass

    async def stuck(self, seconds: float = 0.3) -> bool:
        """Whether what was pushed cannot all leave."""
        await asyncio.sleep(seconds)
        return self.writer.transport.get_write_buffer_size() > 0

    def half_close(self) -> None:
        """An end of file; still reading."""
        self.writer.write_eof()

    def reset(self) -> None:
        """A reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def drop(self) -> None:
        """Ends the connection without ceremony, if it still stands."""
        with contextlib.suppress(AttributeError):  # Python 3.11.2: a TLS transport that has closed
            self.writer.transport.abort()


async def dial(
    port: int, *, receive_buffer: int | None = None, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection to ourselves whose reader takes little when it is not asked."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    name = None if context is None else "127.0.0.1"
    return await asyncio.open_connection(sock=sock, limit=2048, ssl=context, server_hostname=name)


def listener(*, receive_buffer: int | None = None) -> socket.socket:
    """A listening socket on a free port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    sock.setblocking(False)
    return sock
