"""The door behind a real server: uvicorn with the relay's own classes, on port 0."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from app.wire.browser import browser_wires
from app.wire.http import HeadLimits, http_with_limits
from app.wire.wire import CLIENT_WIRE, WireLimits
from tests.integration.web.peers import Built


class Served:
    """A running server and its port."""

    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server
        self.port: int = server.servers[0].sockets[0].getsockname()[1]

    async def until(self, met: Callable[[], bool], within: float = 7.0) -> None:
        """Waits until `met`, or fails."""
        for _ in range(round(within / 0.01)):
            if met():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not met within {within} s")

    async def until_idle(self) -> None:
        """Waits until no connection and no route is left, or fails: nothing may stay behind."""
        state = self._server.server_state
        await self.until(lambda: not state.connections and not state.tasks)


@asynccontextmanager
async def serve(
    built: Built, limits: WireLimits = CLIENT_WIRE, *, plain: bool = False
) -> AsyncIterator[Served]:
    """Runs the server for the length of the block; `plain` is uvicorn as it comes."""
    ws: Any = "websockets-sansio" if plain else browser_wires(limits)
    config = uvicorn.Config(
        built.app,
        host="127.0.0.1",
        port=0,
        http="h11" if plain else http_with_limits(HeadLimits()),  # type: ignore[arg-type]
        ws=ws,
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
