"""A peer for the client: speaks as the relay does, and ends as the ticket that it is shown says.

Tickets: `talk` stays and sends back what it gets; `close.CODE` and `close.CODE.MS` begin a session
and end it with an `error` (MS: `retry_after_ms`) and a close frame; `refuse.CODE` does so before a
session began; `abort` begins one and breaks the connection.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from app.protocol.close_reasons import ENDINGS

REALTIME = Subprotocol("realtime")
SESSION = {"type": "session.created", "event_id": "e1", "session": {"id": "s1", "voice": "alloy"}}


@asynccontextmanager
async def scripted_relay() -> AsyncIterator[str]:
    """Yields its address."""
    async with serve(_meet, "127.0.0.1", 0, subprotocols=[REALTIME]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def _meet(socket: ServerConnection) -> None:
    assert socket.request is not None
    offered = socket.request.headers["Sec-WebSocket-Protocol"].split(", ")
    assert offered[0] == REALTIME
    assert offered[2] == "relay-events.v1"
    ticket = offered[1].removeprefix("openai-insecure-api-key.")
    act, *words = ticket.split(".")
    if act != "refuse":
        await socket.send(json.dumps({**SESSION, "asked": socket.request.path}))
    if act == "talk":
        async for message in socket:
            await socket.send(message)
    elif act == "abort":
        socket.transport.abort()
    else:
        await _end(socket, *map(int, words))


async def _end(socket: ServerConnection, code: int, retry_after_ms: int | None = None) -> None:
    known = next((ending for ending in ENDINGS.values() if ending.close_code == code), None)
    text = known.text.format(limit="30 minutes") if known else "of a later version"
    error = {"code": known.error_code if known else None, "message": text}
    if known is None or known.error_code:
        waits = {} if retry_after_ms is None else {"retry_after_ms": retry_after_ms}
        event = {"type": "error", "event_id": "e2", "error": {**error, **waits}}
        await socket.send(json.dumps(event))
    await socket.close(code, text)
