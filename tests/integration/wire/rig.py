"""One set-up for both wires: the wire under test, its receiver, and a raw peer at the other end."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import uvicorn

from app.wire.browser import BrowserWire, browser_wires
from app.wire.handshake import WIRE_EXTENSION
from app.wire.http import HeadLimits, http_with_limits
from app.wire.upstream import Target, connect
from app.wire.wire import Wire, WireEnd, WireLimits

from .certificates import client_context, server_context
from .peer import Peer, accept_key, dial, listener

Side = Literal["browser", "upstream"]
Message = dict[str, Any]
AsgiApp = Callable[..., Awaitable[None]]

LIMITS = WireLimits(
    high_water=64 * 1024,
    low_water=16 * 1024,
    stall_seconds=0.4,
    close_seconds=0.4,
    ping_interval=30.0,
    ping_timeout=30.0,
    max_message=256 * 1024,
)


class Recorder:
    """A receiver that writes everything down and checks the contract as it goes."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.frames: list[bytes] = []
        self.end: WireEnd | None = None
        self.closed = False
        self.errors: list[Exception] = []
        self.pressure: list[bool] = []
        self.hooks: dict[str, Callable[[Any], None]] = {}
        self._inside = False
        self._changed = asyncio.Event()

    def _note(self, kind: str, value: Any) -> None:
        assert not self._inside, f"{kind} came from inside {self.events[-1]}"
        assert not self.closed, f"{kind} came after on_closed"
        self.events.append((kind, value))
        self._changed.set()
        hook = self.hooks.get(kind)
        if hook is not None:
            self._inside = True
            try:
                hook(value)
            finally:
                self._inside = False

    def on_frame(self, frame: bytes) -> None:
        assert type(frame) is bytes
        assert self.end is None, "a frame after the end"
        self.frames.append(frame)
        self._note("frame", frame)

    def on_end(self, end: WireEnd) -> None:
        assert self.end is None, "two ends"
        self.end = end
        self._note("end", end)

    def on_pressure(self, full: bool) -> None:
        assert self.end is None
        self.pressure.append(full)
        self._note("pressure", full)

    def on_closed(self) -> None:
        self._note("closed", None)
        self.closed = True

    def on_error(self, error: Exception) -> None:
        assert not self.errors, "two errors"
        self.errors.append(error)
        self._note("error", error)

    async def until(self, done: Callable[[Recorder], Any], seconds: float = 5.0) -> None:
        """Waits until `done(self)` holds."""
        async with asyncio.timeout(seconds):
            while not done(self):
                self._changed.clear()
                await self._changed.wait()

    async def counts(self, frames: int, seconds: float = 5.0) -> None:
        """Waits until so many frames have come."""
        await self.until(lambda s: len(s.frames) == frames, seconds)

    async def ended(self, seconds: float = 5.0) -> WireEnd:
        """Waits for the end."""
        await self.until(lambda r: r.end, seconds)
        assert self.end is not None
        return self.end

    async def gone(self, seconds: float = 5.0) -> None:
        """Waits for on_closed, then sees that nothing follows."""
        await self.until(lambda r: r.closed, seconds)
        await asyncio.sleep(0.02)


@dataclass
class Rig:
    """What a test works with."""

    wire: Wire
    seen: Recorder
    peer: Peer


class TestServer(uvicorn.Server):
    """uvicorn without its signals, which belong to the test runner."""

    __test__ = False

    def capture_signals(self) -> Any:
        return nullcontext()


@asynccontextmanager
async def serving(
    app: AsgiApp,
    limits: WireLimits = LIMITS,
    *,
    handshake_seconds: float = 2.0,
    head: HeadLimits | None = None,
    tls: dict[str, str] | None = None,
) -> AsyncIterator[int]:
    """A real uvicorn server with our classes; the port. Its main loop (dates, drain) is left out:
    it would add 0.3 s to every test."""
    config = uvicorn.Config(
        app,
        http=http_with_limits(head or HeadLimits()),  # type: ignore[arg-type]
        ws=browser_wires(limits, handshake_seconds=handshake_seconds),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        **(tls or {}),  # type: ignore[arg-type]
    )
    server = TestServer(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    sock = listener()
    port = sock.getsockname()[1]
    await server.startup(sockets=[sock])
    try:
        yield port
    finally:
        for item in server.servers:
            item.close()
        for connection in list(server.server_state.connections):
            if isinstance(connection, BrowserWire):
                connection.abort()
            else:
                connection.transport.abort()
        for task in list(server.server_state.tasks):
            task.cancel()
        async with asyncio.timeout(3):
            while server.server_state.connections or server.server_state.tasks:
                await asyncio.sleep(0.005)
        sock.close()


def upgrade(path: str = "/ws", *extra: str, key: str | None = None) -> bytes:
    """A client's handshake request."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: relay.test",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key or base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """An answer's status and headers, names in lower case."""
    async with asyncio.timeout(5):
        raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = raw.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}


class Opener:
    """Makes rigs of one side, and clears them away."""

    def __init__(
        self, side: Side, stack: AsyncExitStack, certificate: tuple[str, str] | None = None
    ) -> None:
        self.side = side
        self._stack = stack
        self._certificate = certificate  # with one, everything goes over TLS

    async def __call__(
        self,
        *,
        attach: bool = True,
        start: bool = True,
        receive_buffer: int | None = None,
        behind: Callable[[Peer], bytes] | None = None,
        **changes: Any,
    ) -> Rig:
        """A rig. `behind` makes bytes for the handshake's segment; `changes` are limits."""
        limits = replace(LIMITS, **changes)
        seen = Recorder()
        make = self._browser if self.side == "browser" else self._upstream
        wire, peer = await make(limits, seen if attach else None, start, receive_buffer, behind)
        self._stack.callback(wire.abort)
        self._stack.callback(peer.drop)
        return Rig(wire, seen, peer)

    async def _browser(
        self,
        limits: WireLimits,
        seen: Recorder | None,
        start: bool,
        receive_buffer: int | None,
        behind: Callable[[Peer], bytes] | None,
    ) -> tuple[Wire, Peer]:
        found: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        returned = asyncio.Event()
        self._stack.callback(returned.set)

        async def app(scope: Message, receive: Any, send: Any) -> None:
            assert (await receive())["type"] == "websocket.connect"
            await send({"type": "websocket.accept"})
            wire = scope["extensions"][WIRE_EXTENSION]
            found.set_result(wire)
            if seen is None:
                await returned.wait()  # the test attaches later
                return
            wire.attach(seen)
            if start:
                wire.start()

        files, context = None, None
        if self._certificate is not None:
            files = dict(zip(("ssl_certfile", "ssl_keyfile"), self._certificate, strict=True))
            context = client_context(self._certificate)
        port = await self._stack.enter_async_context(serving(app, limits, tls=files))
        reader, writer = await dial(port, receive_buffer=receive_buffer, context=context)
        peer = Peer(reader, writer, client=True)
        peer.push(upgrade() + (behind(peer) if behind else b""))
        status, _ = await read_head(reader)
        assert status == 101
        return await found, peer

    async def _upstream(
        self,
        limits: WireLimits,
        seen: Recorder | None,
        start: bool,
        receive_buffer: int | None,
        behind: Callable[[Peer], bytes] | None,
    ) -> tuple[Wire, Peer]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            _, headers = await read_request(reader)
            peer = Peer(reader, writer, client=False)
            head = accepting(headers["sec-websocket-key"])
            peer.push(head + (behind(peer) if behind else b""))
            found.set_result(peer)

        found: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()
        sock = listener(receive_buffer=receive_buffer)
        shown, trusted = None, None
        if self._certificate is not None:
            shown, trusted = server_context(self._certificate), client_context(self._certificate)
        server = await asyncio.start_server(answer, sock=sock, limit=2048, ssl=shown)
        self._stack.callback(server.close)
        target = plain_target(sock.getsockname()[1], tls=trusted)
        wire = await connect(target, limits, timeout=5)
        if seen is not None:
            wire.attach(seen)
            if start:
                wire.start()
        return wire, await found


def plain_target(port: int, **changes: Any) -> Target:
    """A target on this machine, without TLS."""
    target = Target("127.0.0.1", port, "/realtime?api-version=1", (), None, "upstream.test")
    return replace(target, **changes)


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """A request's first line and headers, names in lower case."""
    async with asyncio.timeout(5):
        raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = raw.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in headers.items()}


def accepting(key: str, *extra: str) -> bytes:
    """A server's 101."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(key)}",
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
