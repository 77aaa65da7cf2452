"""The relay under test: the real server on a real socket, in the test's own loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from structlog.testing import LogCapture

from app.main import Product, create
from app.server import AdminServer, RelayServer, make_admin_config, make_config
from app.settings import Settings, load

from .lane import fast_lane


@dataclass
class Running:
    """A running relay. `lines` holds every log line, as a dict; `admin` is the address of the
    operator's listener, where `admin_port` was given."""

    address: str
    settings: Settings
    product: Product
    server: RelayServer
    lines: list[Any] = field(default_factory=list)
    admin: str = ""

    @property
    def http(self) -> str:
        return self.address.replace("ws://", "http://")

    def closed(self) -> list[dict[str, Any]]:
        """The canonical lines of the sessions that have ended."""
        return [line for line in self.lines if line["event"] == "session.closed"]

    async def one_closed(self, within: float = 10.0) -> dict[str, Any]:
        """Waits for the end of the only session; exactly one line may have been written."""
        async with asyncio.timeout(within):
            while not self.closed():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        (line,) = self.closed()
        return line

    async def idle(self, within: float = 10.0) -> None:
        """Waits until no session lives."""
        async with asyncio.timeout(within):
            while len(self.product.registry):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_relay(
    upstream: str, key: str = "scripted-upstream-key", **given: Any
) -> AsyncIterator[Running]:
    """Starts the relay in front of `upstream` (http://127.0.0.1:port), dev users, no page.

    `given` are settings by field name. On the way out it is stopped as by SIGTERM.
    """
    values: dict[str, Any] = {
        "upstream": "embedded",
        "embedded_address": upstream,
        "embedded_key": key,
        "auth": "dev",
        "port": "0",
        "drain_seconds": "0",
        "max_sessions_per_user": "100",
        "max_sessions_per_ip": "100000",
        "openings_per_minute": "1000000",
        "fast_lane": str(fast_lane()).lower(),
        "failed_sign_ins_per_minute": "0",
    }
    settings = load({}, env_file=None, **{**values, **given})
    usual = structlog.get_config()
    capture = LogCapture()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    product = create(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = make_config(
        product.app, host="127.0.0.1", port=port, wire_limits=settings.client_wire_limits()
    )
    admin, admin_listener = _admin(product)
    server = RelayServer(config, product.registry, settings.drain_seconds, admin=admin)
    serving = asyncio.create_task(server._serve(sockets=[listener]), name="relay under test")
    try:
        async with asyncio.timeout(10):
            while not server.started:
                if serving.done():
                    serving.result()
                await asyncio.sleep(0.005)
        yield Running(
            f"ws://127.0.0.1:{port}",
            settings,
            product,
            server,
            capture.entries,
            f"http://127.0.0.1:{admin_listener.getsockname()[1]}" if admin_listener else "",
        )
    finally:
        server.should_exit = True
        async with asyncio.timeout(30):
            await serving
        listener.close()
        if admin_listener is not None:
            admin_listener.close()
        structlog.configure(**usual)


def _admin(product: Product) -> tuple[AdminServer | None, socket.socket | None]:
    if product.admin is None:
        return None, None
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = make_admin_config(product.admin, host="127.0.0.1", port=port)
    return AdminServer(config, listener), listener
