"""An issuer on loopback that answers as a test says, and counts what it is asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.unit.auth.issuing import JWKS

DOCUMENT = "/.well-known/openid-configuration"
KEYS = "/keys"
Answer = Callable[[web.Request], web.StreamResponse]


class FaultyIssuer:
    """`keys` and `document`, where they are set, answer in the place of the good ones."""

    def __init__(self) -> None:
        self.keys: Answer | None = None
        self.document: Answer | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.address = ""

    @asynccontextmanager
    async def serving(
        self, tls: ssl.SSLContext | None = None, port: int = 0, host: str = "127.0.0.1"
    ) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.address = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        try:
            yield self.address
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.headers.append(dict(request.headers))
        if request.path == DOCUMENT:
            told: Any = {"issuer": self.address, "jwks_uri": f"{self.address}{KEYS}"}
            return self.document(request) if self.document else web.json_response(told)
        await self.hold.wait()
        if request.path == KEYS:
            return self.keys(request) if self.keys else web.json_response(JWKS)
        return web.json_response(JWKS)


def redirect(to: str, status: int) -> Answer:
    return lambda _: web.Response(status=status, headers={"Location": to})


def status(number: int) -> Answer:
    return lambda _: web.Response(status=number)


def body(content: bytes, **headers: str) -> Answer:
    return lambda _: web.Response(body=content, headers=headers)


def padded(size: int) -> bytes:
    """A good set of keys that is `size` bytes long."""
    plain = json.dumps({**JWKS, "padding": ""}).encode()
    return json.dumps({**JWKS, "padding": "x" * (size - len(plain))}).encode()
