"""A WebSocket client that speaks events, as a small SDK would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Event = dict[str, Any]
PATIENCE = 10.0


class Client:
    """One connection; every wait has a deadline. `seen` holds all events in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Event] = []

    async def send(self, event: Event | str | bytes) -> None:
        if isinstance(event, dict):
            event = json.dumps(event)
        await self.socket.send(event)

    async def next(self, within: float = PATIENCE) -> Event:
        async with asyncio.timeout(within):
            event: Event = json.loads(await self.socket.recv())
        self.seen.append(event)
        return event

    async def until(self, *types: str, within: float = PATIENCE) -> Event:
        """Reads on to the next event of one of these types."""
        async with asyncio.timeout(within):
            while True:
                event = await self.next(within)
                if event["type"] in types:
                    return event

    async def rest(self, within: float = PATIENCE) -> tuple[list[Event], int, str]:
        """Reads to the end: remaining events, the close code and the reason received."""
        events: list[Event] = []
        try:
            async with asyncio.timeout(within):
                while True:
                    events.append(await self.next(within))
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return events, frame.code if frame else 1006, frame.reason if frame else ""

    async def nothing(self, within: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.next(within)
        except TimeoutError:
            return True
        return False

    def types(self) -> list[str]:
        return [event["type"] for event in self.seen]

    async def say(self, text: str) -> None:
        """A typed turn: the message, then the wish for an answer."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send({"type": "conversation.item.create", "item": item})
        await self.send({"type": "response.create"})


@asynccontextmanager
async def client(
    address: str,
    *,
    user: str = "tester",
    subprotocols: list[str] | None = None,
    headers: dict[str, str] | None = None,
    path: str = "/ws",
    private: bool = False,
    **options: Any,
) -> AsyncIterator[Client]:
    """Connects to the relay at `address` (ws://host:port) as dev user `user`."""
    if private and subprotocols is None:
        subprotocols = ["realtime", "relay-events.v1"]
    given = {"Authorization": f"Bearer dev-{user}", **(headers or {})}
    async with connect(
        address + path,
        additional_headers=given,
        subprotocols=subprotocols,  # type: ignore[arg-type]
        compression=None,
        max_size=32 * 1024 * 1024,
        ping_interval=None,
        proxy=None,
        close_timeout=2,
        **options,
    ) as socket:
        yield Client(socket)
