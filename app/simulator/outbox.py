"""Everything that goes to one client, in the order in which it was decided.

Events are put in synchronously from wherever they arise; one task writes them. Whoever produces
at will (the reader, a response) waits for `room()` between two helpings, so a client that does
not read holds up its own conversation and nobody's memory.
"""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

_FULL = 64


class Outbox:
    """The frames that wait to be written to one socket. Owned by its connection, which runs
    `write()` as a task and cancels it in the end."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._frames: deque[bytes] = deque()
        self._farewell: tuple[int, str] | None = None
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def put(self, frame: bytes) -> None:
        """One text message. After `put_close` it is dropped."""
        if self._farewell is not None:
            return
        self._frames.append(frame)
        self._filled.set()
        if len(self._frames) >= _FULL:
            self._drained.clear()

    def put_close(self, code: int, reason: str) -> None:
        """A close frame behind everything put so far; the last thing that is written."""
        if self._farewell is None:
            self._farewell = (code, reason)
            self._filled.set()

    async def room(self) -> None:
        """Returns when the client has taken most of what waits for it, or is gone."""
        await self._drained.wait()

    async def write(self) -> None:
        """Writes until the farewell has been said or the client is gone."""
        try:
            while True:
                await self._filled.wait()
                while self._frames:
                    if self._socket.state is not State.OPEN:
                        return
                    await self._socket.send(self._frames.popleft(), text=True)
                    if len(self._frames) < _FULL // 2:
                        self._drained.set()
                if self._farewell is not None:
                    await self._socket.close(*self._farewell)
                    return
                self._filled.clear()
        except ConnectionClosed:
            return
        finally:
            self._frames.clear()
            self._drained.set()
