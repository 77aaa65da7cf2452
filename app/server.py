"""The public listener: uvicorn with our own wire, and a drain before the shutdown.

uvicorn closes every live WebSocket the moment it is told to stop. Here the first signal drains:
`/readyz` says 503, new sessions are refused in words (the listener stays open for that), live ones
go on until they end or RELAY_DRAIN_SECONDS are over. A second SIGTERM or SIGINT ends them now.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from app.relay.registry import Registry
from app.wire.browser import browser_wires
from app.wire.http import HeadLimitedHttp
from app.wire.wire import WireLimits

BACKLOG = 2048


def make_config(
    app: object,
    *,
    host: str,
    port: int,
    wire_limits: WireLimits,
    tls: tuple[str, str] | None = None,
) -> uvicorn.Config:
    """uvicorn's settings, all explicit: nothing is read from the environment.

    `tls` holds the paths of certificate chain and key.
    """
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # FastAPI is an ASGI application
        host=host,
        port=port,
        http=HeadLimitedHttp,
        ws=browser_wires(wire_limits),  # type: ignore[arg-type]
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        forwarded_allow_ips="",
        server_header=False,
        workers=1,
        backlog=BACKLOG,
        timeout_graceful_shutdown=10,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )


class RelayServer(uvicorn.Server):
    """A uvicorn server that drains `registry` before it shuts down.

    Exit status is 0 after a drain: uvicorn would raise the signal again after its run, so the
    signals are not handed to it.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        registry: Registry,
        drain_seconds: float,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._registry = registry
        self._drain_seconds = drain_seconds
        self._on_started = started
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the listener, once started."""
        listener: socket.socket = self.servers[0].sockets[0]
        host, port = listener.getsockname()[:2]
        return host, port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends what is left at once."""
        del sig, frame
        if self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._hurry.set)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._registry.drain(self._drain_seconds, self._hurry)
        await super().shutdown(sockets)
