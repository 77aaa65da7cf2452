"""An upstream that misbehaves from the first byte on: a test says how it answers handshakes.

front = Front(says(503), says(429, "Retry-After: 1"), talks(in_peace))   # in turn
async with front.serving() as address: ...                              # the last for ever
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.harness.upstream import SESSION
from tests.integration.wire.peer import CLOSE, Peer, accept_key, listener


@dataclass
class Caller:
    """One connection and the head of its request, names in lower case."""

    path: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


Reply = Callable[[Caller], Awaitable[None]]
Script = Callable[[Peer], Awaitable[None]]


class Front:
    """The listening side. `callers` is who came, `open` how many of them are still there."""

    def __init__(self, *replies: Reply, receive_buffer: int | None = None) -> None:
        self.callers: list[Caller] = []
        self.replies = list(replies)
        self.open = 0
        self.port = 0
        self._receive_buffer = receive_buffer
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        sock = listener(receive_buffer=self._receive_buffer)
        self.port = sock.getsockname()[1]
        server = await asyncio.start_server(self._serve, sock=sock, limit=4096, ssl=tls)
        try:
            yield f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=2)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        try:
            caller = await _read_head(reader, writer)
            self.callers.append(caller)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            await reply(caller)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the relay has gone, or the test is over
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def left_alone(self, within: float = 2.0) -> None:
        """Waits until the relay has let go of every connection."""
        async with asyncio.timeout(within):
            while self.open:
                await asyncio.sleep(0.005)


async def _read_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Caller:
    raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = raw.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Caller(first.split()[1], headers, reader, writer)


# -- what it may say instead of 101 ----------------------------------------------------------------


def says(status: int, *headers: str, body: bytes = b"the body is of no interest") -> Reply:
    """A whole answer, and then nothing until the relay leaves."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}"]
    return writes(("\r\n".join(lines) + "\r\n\r\n").encode() + body)


def writes(data: bytes) -> Reply:
    """These bytes, and then nothing until the relay leaves."""

    async def reply(caller: Caller) -> None:
        caller.writer.write(data)
        await caller.reader.read()

    return reply


def endless(status: int, *headers: str) -> Reply:
    """A head that promises more than will ever come, and a body that trickles."""

    async def reply(caller: Caller) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *headers, "Content-Length: 1000000000"]
        caller.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        while not caller.writer.is_closing() and not caller.reader.at_eof():
            caller.writer.write(b"x")
            await caller.writer.drain()
            await asyncio.sleep(0.01)

    return reply


async def silence(caller: Caller) -> None:
    """Accepts, reads, and never answers."""
    await caller.reader.read()


async def hangs_up(caller: Caller) -> None:
    """An end of file instead of an answer."""


# -- a handshake, and then by hand -----------------------------------------------------------------


def talks(script: Script, *, first: bytes = b"", greets: bool = True, after: float = 0.0) -> Reply:
    """Lets the relay in after `after` seconds (with `first` before the 101), has itself configured
    if it `greets`, and does what `script` says."""

    async def reply(caller: Caller) -> None:
        await asyncio.sleep(after)
        accept = accept_key(caller.headers["sec-websocket-key"])
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nx-request-id: req-101\r\n\r\n"
        )
        caller.writer.write(first + head.encode())
        peer = Peer(caller.reader, caller.writer, client=False)
        if greets:
            await _greet(peer)
        await script(peer)

    return reply


async def _greet(peer: Peer) -> None:
    peer.text(json.dumps({"type": "session.created", "event_id": "e1", "session": SESSION}))
    update = json.loads((await peer.data()).payload)
    session = SESSION | update["session"]
    peer.text(json.dumps({"type": "session.updated", "event_id": "e2", "session": session}))


async def in_peace(peer: Peer) -> None:
    """Stays until the relay says goodbye, answers that, and hangs up first (RFC 6455, 7.1.1).
    Meanwhile it answers `input_audio_buffer.clear`, so that a client can tell that it is there."""
    while (got := await peer.data(60)).opcode != CLOSE:
        if json.loads(got.payload)["type"] == "input_audio_buffer.clear":
            peer.text(json.dumps({"type": "input_audio_buffer.cleared", "event_id": "c1"}))
    peer.push(peer.build(CLOSE, got.payload))
    peer.writer.close()
    with suppress(ConnectionError):
        await peer.writer.wait_closed()
