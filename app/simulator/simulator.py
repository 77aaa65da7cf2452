"""A running embedded upstream: its port, its journal, its connections, and their orderly end."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.protocol.names import Dialect
from app.simulator.connection import Connection
from app.simulator.control import answer_control, is_control
from app.simulator.conversation import Conversation, Sources
from app.simulator.dialects import SPELLINGS
from app.simulator.door import Admitted, Refused, judge, model_of, url
from app.simulator.farewell import turn_away
from app.simulator.journal import ConnectionRecord, Journal
from app.simulator.options import Options
from app.simulator.studio import Studio

_SUBPROTOCOL = Subprotocol("realtime")
_MODELS = {Dialect.PREVIEW: "gpt-4o", Dialect.GA: "gpt-realtime"}

# The library logs keys and content at DEBUG, whatever level the application has chosen.
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.WARNING)


class Simulator:
    """A running embedded upstream. Leave it with `close()`, or use it as an async context
    manager."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.journal = Journal()
        self._studio = Studio()
        self._callers: set[ServerConnection] = set()
        self._admitted: WeakKeyDictionary[ServerConnection, _Guest] = WeakKeyDictionary()
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None, "the simulator has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """Where clients connect: scheme, host and port, without a path."""
        host = self.options.host
        return f"ws://[{host}]:{self.port}" if ":" in host else f"ws://{host}:{self.port}"

    def url(self, dialect: Dialect) -> str:
        """Where clients of a dialect connect, for the first deployment whose name is of its time,
        or else the first of all. Both dialects serve every deployment."""
        names = self.options.deployments
        own = [name for name in names if name.startswith(_MODELS[dialect])]
        return url(self.address, dialect, (own or list(names))[0])

    async def start(self) -> None:
        """Listens. Raises `OSError` where the address cannot be had."""
        self._server = await serve_websockets(
            self._converse,
            self.options.host,
            self.options.port,
            process_request=self._judge,
            process_response=self._label,
            select_subprotocol=_select,
            create_connection=_tracked(self._callers),
            compression=None,
            open_timeout=10,
            close_timeout=self.options.close_seconds,
            max_size=self.options.max_message_bytes,
            logger=_wire_log,
        )

    async def close(self) -> None:
        """Says goodbye to every client (1001) and returns when no task and no socket is left."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for caller in list(self._callers):
            if caller.request is None:
                caller.transport.abort()
        try:
            async with asyncio.timeout(self.options.close_seconds):
                await server.wait_closed()
        except TimeoutError:
            for caller in list(self._callers):
                caller.transport.abort()
            await server.wait_closed()
        self._studio.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _judge(self, socket: ServerConnection, request: Request) -> Response | None:
        """The answer to a request that is not to become a WebSocket; None lets it become one."""
        if is_control(request.path) and self.options.control:
            return _json(socket, *answer_control(socket, request, self.journal, self.port))
        verdict = judge(request.path, request.headers, self.options)
        record = ConnectionRecord(
            id=f"conn_{secrets.token_hex(8)}",
            path=request.path.partition("?")[0][:200],
            status=HTTPStatus.SWITCHING_PROTOCOLS,
            header_names=tuple(sorted({name.lower() for name in request.headers})),
        )
        self.journal.add(record)
        if isinstance(verdict, Refused):
            record.status = verdict.status
            return _json(socket, verdict.status, verdict.body())
        _note(record, verdict)
        self._admitted[socket] = _Guest(record, verdict)
        return None

    def _label(self, socket: ServerConnection, _request: Request, response: Response) -> None:
        """Headers by which Azure's support finds a request; and the truth about handshakes that
        the library refused."""
        response.headers["apim-request-id"] = secrets.token_hex(16)
        guest = self._admitted.get(socket)
        if guest is not None and response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            guest.record.status = response.status_code
            del self._admitted[socket]

    async def _converse(self, socket: ServerConnection) -> None:
        guest = self._admitted.pop(socket)
        record, farewell = guest.record, guest.admitted.farewell
        try:
            if farewell is not None:
                await turn_away(socket, farewell, _new_id("event"), record)
                return
            conversation = _conversation(guest.admitted, self.options)
            await Connection(socket, conversation, self._studio, self.options, record).run()
        finally:
            received, sent = socket.protocol.close_rcvd, socket.protocol.close_sent
            record.close_code_received = received.code if received else None
            record.close_code_sent = sent.code if sent else None


@dataclass(frozen=True, slots=True)
class _Guest:
    """A request that has been admitted and is not yet a conversation."""

    record: ConnectionRecord
    admitted: Admitted


def _conversation(admitted: Admitted, options: Options) -> Conversation:
    spelling = SPELLINGS[admitted.dialect]
    session = spelling.new_session(
        _new_id("sess"),
        model_of(admitted.deployment),
        int(time.time() + options.session_seconds),
    )
    return Conversation(
        session,
        Sources(_new_id, time.monotonic),
        spelling=spelling,
        version=admitted.api_version or "",
        conversation_created=options.conversation_created,
    )


def _new_id(prefix: str) -> str:
    """An id as the service makes them, at most 32 characters for every prefix in use."""
    return f"{prefix}_{secrets.token_hex(10)}"


def _note(record: ConnectionRecord, admitted: Admitted) -> None:
    record.credential = admitted.credential
    record.dialect = admitted.dialect
    record.api_version = admitted.api_version
    record.deployment = admitted.deployment


def _select(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """None is required; a browser that offered `realtime` must hear it back."""
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def _json(socket: ServerConnection, status: HTTPStatus, body: object) -> Response:
    response = socket.respond(status, json.dumps(body))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _tracked(callers: set[ServerConnection]) -> type[ServerConnection]:
    """A connection class that is on the list from the first byte, so that one which never sends
    its request can be ended too."""

    class Caller(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            callers.add(self)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            callers.discard(self)
            super().connection_lost(exc)

        async def close(self, code: CloseCode | int = 1000, reason: str = "") -> None:
            # asyncio's transport raises AttributeError when it is aborted, as the library does
            # here, after it was closed behind a write buffer that drained later.
            if not self.connection_lost_waiter.done():
                await super().close(code, reason)

    return Caller
