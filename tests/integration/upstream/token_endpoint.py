"""A token endpoint on loopback: Entra's (HTTPS), App Service's and the metadata service's."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

ENTRA = "/tenant/oauth2/v2.0/token"
METADATA = "/metadata/identity/oauth2/token"
APP_SERVICE = "/msi/token"


@dataclass(frozen=True)
class Asked:
    """One request for a token."""

    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]


class TokenEndpoint:
    """Gives token-1, token-2, ... that live for `life` seconds, unless `fault` says otherwise."""

    def __init__(self) -> None:
        self.life = 3600
        self.fault: web.Response | None = None
        self.silent = False
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post(ENTRA, self._entra)
        app.router.add_get(METADATA, self._local)
        app.router.add_get(APP_SERVICE, self._local)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        self._runner = runner
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        try:
            yield self.url
        finally:
            await runner.cleanup()

    @property
    def open_connections(self) -> int:
        server = self._runner.server
        return 0 if server is None else len(server.connections)

    async def _entra(self, request: web.Request) -> web.StreamResponse:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        token = await self._answer(request, fields)
        if isinstance(token, web.Response):
            return token
        body = {"token_type": "Bearer", "expires_in": self.life, "access_token": token}
        return web.json_response(body)

    async def _local(self, request: web.Request) -> web.StreamResponse:
        token = await self._answer(request, dict(request.query))
        if isinstance(token, web.Response):
            return token
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_on": str(int(time.time()) + self.life),
            "resource": request.query["resource"],
            "access_token": token,
        }
        return web.json_response(body)

    async def _answer(self, request: web.Request, fields: dict[str, str]) -> str | web.Response:
        self.asked.append(Asked(request.path, dict(request.headers), fields))
        if self.silent:
            await asyncio.sleep(60)
        if self.fault is not None:
            fault = self.fault
            return web.Response(body=fault.body, status=fault.status, headers=fault.headers)
        return f"token-{next(self._numbers)}"
