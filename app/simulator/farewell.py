"""A connection that the service accepts only to say why it cannot be: one error, then the close.

The service closes such connections with 4000 and the error's type and code as the reason, in the
same moment as the error.
"""

from __future__ import annotations

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from app.simulator.errors import INVALID_REQUEST, Rejected
from app.simulator.journal import ConnectionRecord

_REFUSED = 4000


async def turn_away(
    socket: ServerConnection, rejected: Rejected, event_id: str, record: ConnectionRecord
) -> None:
    """Says it and closes; returns when the client has echoed the close, or has had the time that
    the server gives for that."""
    event = {"type": "error", "event_id": event_id, "error": rejected.body(None)}
    record.open = True
    try:
        await socket.send(msgspec.json.encode(event), text=True)
        record.sent["error"] += 1
        await socket.close(_REFUSED, f"{INVALID_REQUEST}.{rejected.code}")
    except ConnectionClosed:
        return
    finally:
        record.open = False
