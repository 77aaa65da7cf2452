"""Ways to leave: politely, by a plain end of file, or by a reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import StrEnum
from typing import Any


class Death(StrEnum):
    """How a peer goes away."""

    POLITE = "a close frame"
    EOF = "an end of file"
    RESET = "a reset"


async def die(connection: Any, how: Death, code: int = 1000) -> None:
    """Ends a `websockets` connection (client or server side) like this."""
    if how is Death.POLITE:
        await connection.close(code)
        return
    transport: asyncio.Transport = connection.transport
    raw: socket.socket = transport.get_extra_info("socket")
    if how is Death.RESET:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        raw.shutdown(socket.SHUT_RDWR)
        transport.abort()
