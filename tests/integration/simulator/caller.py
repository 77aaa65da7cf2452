"""A client of the embedded upstream over a real socket, as tests use it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from app.simulator.simulator import Simulator

Event = dict[str, Any]
QUERY = "api-version=2025-04-01-preview&deployment=gpt-4o-realtime-preview"
PATIENCE = 10.0


def target(simulator: Simulator, query: str = QUERY) -> str:
    return f"{simulator.address}/openai/realtime?{query}"


class Caller:
    """Sends and receives events; every wait has an end."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def append(self, pcm: bytes) -> None:
        audio = base64.b64encode(pcm).decode()
        await self.send("input_audio_buffer.append", audio=audio)

    async def typed(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)

    async def next(self) -> Event:
        async with asyncio.timeout(PATIENCE):
            frame = await self.socket.recv()
        assert isinstance(frame, str), "the service sends text messages"
        event: Event = json.loads(frame)
        return event

    async def until(self, kind: str) -> list[Event]:
        """All events up to the first of this type, which is the last of them."""
        events = [await self.next()]
        while events[-1]["type"] != kind:
            events.append(await self.next())
        return events

    async def ended(self) -> tuple[int | None, str | None]:
        """Reads until the server closes; its close code and reason."""
        async with asyncio.timeout(PATIENCE):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason


@asynccontextmanager
async def called(simulator: Simulator, query: str = QUERY, **options: Any) -> AsyncIterator[Caller]:
    """A connection with a good key, past its `session.created`."""
    headers = {"api-key": simulator.options.key}
    url = target(simulator, query)
    settings = {"additional_headers": headers, "max_size": None, "proxy": None, **options}
    socket = await connect(url, **settings)
    try:
        caller = Caller(socket)
        assert (await caller.next())["type"] == "session.created"
        yield caller
    finally:
        # asyncio's transport cannot be aborted once it was closed behind a full write buffer.
        if not socket.connection_lost_waiter.done():
            await socket.close()
