"""An upstream that does what a test tells it, and keeps every byte that it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Event = dict[str, Any]

SESSION: Event = {
    "id": "sess_upstream_secret",
    "object": "realtime.session",
    "model": "secret-model-2024-12-17",
    "expires_at": 1_900_000_000,
    "modalities": ["audio", "text"],
    "instructions": "upstream default instructions",
    "voice": "alloy",
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    },
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "tools": [],
}


class Upstream:
    """One accepted connection of the relay, with its record."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.received: list[str] = []
        self.session = dict(SESSION)
        self.close_code: int | None = None

    async def emit(self, event: Event | str) -> None:
        text = json.dumps(event) if isinstance(event, dict) else event
        await self.socket.send(text)

    async def next(self, within: float = 10.0) -> Event:
        async with asyncio.timeout(within):
            text = await self.socket.recv()
        assert isinstance(text, str)
        self.received.append(text)
        event: Event = json.loads(text)
        return event

    async def greet(self) -> Event:
        """The part of every session's beginning; returns the relay's own `session.update`."""
        await self.emit({"type": "session.created", "event_id": "e1", "session": self.session})
        update = await self.next()
        assert update["type"] == "session.update", update
        self.session |= update["session"]
        await self.emit({"type": "session.updated", "event_id": "e2", "session": self.session})
        return update

    async def drain(self) -> None:
        """Reads until the relay leaves, and keeps its close code."""
        try:
            while True:
                self.received.append(str(await self.socket.recv()))
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else 1006

    def types(self) -> list[str]:
        return [json.loads(text)["type"] for text in self.received]


Script = Callable[[Upstream], Awaitable[None]]


class Scripted:
    """The listening peer. `connections` holds one record for each dial, in order."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections: list[Upstream] = []
        self.failures: list[BaseException] = []
        self.address = ""

    async def handle(self, socket: ServerConnection) -> None:
        upstream = Upstream(socket)
        self.connections.append(upstream)
        try:
            await self._script(upstream)
        except ConnectionClosed as closed:
            upstream.close_code = closed.rcvd.code if closed.rcvd else 1006
        except Exception as failure:
            self.failures.append(failure)
            raise

    @property
    def one(self) -> Upstream:
        assert len(self.connections) == 1, f"{len(self.connections)} dials"
        return self.connections[0]


@asynccontextmanager
async def scripted_upstream(script: Script) -> AsyncIterator[Scripted]:
    """Listens on loopback and runs `script` for each connection."""
    scripted = Scripted(script)
    async with serve(
        scripted.handle, "127.0.0.1", 0, compression=None, max_size=None, close_timeout=1
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        scripted.address = f"http://127.0.0.1:{port}"
        yield scripted
    assert not scripted.failures, scripted.failures
