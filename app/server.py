"""The listeners: uvicorn with our own wire and a drain before the shutdown, and the operator's.

uvicorn closes every live WebSocket the moment it is told to stop. Here the first signal drains:
`/readyz` says 503, new sessions are refused in words (the listener stays open for that), live ones
go on until they end or RELAY_DRAIN_SECONDS are over. A second SIGTERM or SIGINT ends them now. The
admin listener answers until the drain is over.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.open_files import Shortage
from app.relay.registry import Registry
from app.wire.browser import browser_wires
from app.wire.http import HeadLimitedHttp
from app.wire.wire import WireLimits

BACKLOG = 2048
TLS_SECONDS = 5.0
"""For a TLS handshake, and for the last words of TLS at the end."""

GRACE_SECONDS = 6
"""How long uvicorn waits, after the drain, for answers under way and wires that are closing."""

ADMIN_GRACE_SECONDS = 2


def make_config(
    app: object,
    *,
    host: str,
    port: int,
    wire_limits: WireLimits,
    tls: tuple[str, str] | None = None,
) -> uvicorn.Config:
    """The public listener's settings, all explicit: nothing is read from the environment.

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
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )


def make_admin_config(app: object, *, host: str, port: int) -> uvicorn.Config:
    """The admin listener's: the same limits on a request's head, no WebSockets, no lifespan."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=HeadLimitedHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        forwarded_allow_ips="",
        server_header=False,
        date_header=False,
        workers=1,
        timeout_graceful_shutdown=ADMIN_GRACE_SECONDS,
    )


class AdminServer(uvicorn.Server):
    """The operator's listener. It has no signals and no loop of its own: the public server starts
    it and stops it. `listener` is bound already; whoever bound it closes it."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener

    async def open(self) -> None:
        """Serves from now on."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[self._listener])

    async def close(self) -> None:
        """Answers what was asked, for a moment, and stops."""
        if self.started:
            await self.shutdown(sockets=[self._listener])


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
        *,
        admin: AdminServer | None = None,
    ) -> None:
        super().__init__(config)
        self._registry = registry
        self._drain_seconds = drain_seconds
        self._on_started = started
        self._admin = admin
        self._shortage = Shortage()
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the listener, once started."""
        listener: socket.socket = self.servers[0].sockets[0]
        host, port = listener.getsockname()[:2]
        return host, port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own for sockets that are bound already, and with a deadline for TLS: a
        client that connects and says nothing would hold its descriptor for a minute."""
        assert sockets is not None
        loop = self._loop = asyncio.get_running_loop()
        self._shortage.watch(loop)
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        seconds = TLS_SECONDS if self.config.ssl else None
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=sock,
                ssl=self.config.ssl,
                backlog=self.config.backlog,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
            for sock in sockets
        ]
        if self._admin is not None:
            await self._admin.open()
        self.started = True
        self._on_started()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, by uvicorn's main loop."""
        if counter % 10 == 0 and self._loop is not None:
            self._shortage.look(self._loop.time())
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends what is left at once."""
        del sig, frame
        if self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._hurry.set)
        self.should_exit = True

    def begin_drain(self) -> None:
        """What the first signal does; harmless after it, and from any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then the admin listener, then uvicorn's own."""
        await self._registry.drain(self._drain_seconds, self._hurry)
        if self._admin is not None:
            await self._admin.close()
        await super().shutdown(sockets)
