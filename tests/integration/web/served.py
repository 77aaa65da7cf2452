"""The door behind a real server: the relay's own WebSocket class under uvicorn, on port 0."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn

from app.wire.browser import browser_wires
from app.wire.wire import CLIENT_WIRE, WireLimits
from tests.integration.web.peers import Built


class Served:
    """A running server and its port."""

    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server
        self.port: int = server.servers[0].sockets[0].getsockname()[1]

    async def until(self, met: Callable[[], bool], within: float = 7.0) -> None:
        """Waits until `met`, or fails."""
        async with asyncio.timeout(within):
            while not met():
                await asyncio.sleep(0.01)

    async def until_idle(self) -> None:
        """Waits until no connection and no route is left, or fails: nothing may stay behind."""
        state = self._server.server_state
        await self.until(lambda: not state.connections and not state.tasks)


@asynccontextmanager
async def serve(built: Built, limits: WireLimits = CLIENT_WIRE) -> AsyncIterator[Served]:
    """Runs the server for the length of the block."""
    config = uvicorn.Config(
        built.app,
        host="127.0.0.1",
        port=0,
        http="h11",
        ws=browser_wires(limits),  # type: ignore[arg-type]  # a factory where a class is declared
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    async with asyncio.timeout(5):
        await server.startup()
    try:
        yield Served(server)
    finally:
        async with asyncio.timeout(5):
            await server.shutdown()
