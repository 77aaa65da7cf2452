"""A WebSocket server on loopback that answers handshakes as a test says, and remembers them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response


@dataclass(frozen=True)
class Answer:
    """Status and headers of a refusal."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


Decide = Callable[[Request], Answer | None]


class WebSocketPeer:
    """`answers` are given in turn, the last one for ever; None lets the client in. `decide`
    overrides them."""

    def __init__(self, *answers: Answer | None, decide: Decide | None = None) -> None:
        self._answers = list(answers) or [None]
        self._decide = decide
        self.requests: list[Request] = []
        self.connected = 0
        self.open = 0
        self.port = 0

    @asynccontextmanager
    async def serving(
        self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> AsyncIterator[str]:
        async with serve(
            self._talk,
            host,
            0,
            ssl=tls,
            process_request=self._judge,
            compression=None,
            close_timeout=0.5,
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield f"{'https' if tls else 'http'}://localhost:{self.port}"

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self._decide is not None:
            answer = self._decide(request)
        else:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            return None
        body = b"the body is of no interest"
        headers = Headers([*answer.headers, ("Content-Length", str(len(body)))])
        return Response(answer.status, HTTPStatus(answer.status).phrase, headers, body)

    async def _talk(self, connection: ServerConnection) -> None:
        self.connected += 1
        self.open += 1
        try:
            await connection.wait_closed()
        finally:
            self.open -= 1
