"""The server's opening handshake: an upgrade request, judged by `websockets`, answered by the app.

The ASGI app runs once, as a task: it accepts, refuses, or closes. Then its scope is let go of.
"""

from __future__ import annotations

import asyncio
import contextvars
import http
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_local_addr,
    get_remote_addr,
    is_ssl,
)
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from .answers import phrase, plain_answer
from .framing import SILENT

if TYPE_CHECKING:
    from .browser import BrowserWire

WIRE_EXTENSION = "realtime.wire"
HANDSHAKE_SECONDS = 10.0

_log = logging.getLogger("uvicorn.error")
# What a response to a refused upgrade may not say: its body is framed by us.
_OURS = frozenset({b"connection", b"transfer-encoding", b"upgrade", b"keep-alive"})

Message = dict[str, Any]


class Stage(Enum):
    """How far the answer is."""

    ASKED = auto()
    REFUSING = auto()  # an HTTP answer has begun
    ACCEPTED = auto()
    DONE = auto()  # answered by HTTP, closed, or the client has left


class ServerHandshake:
    """One upgrade request and its answer. `begun` once the head has come.

    Whatever the app does, the client is answered before `deadline` (the loop's time).
    """

    def __init__(
        self,
        wire: BrowserWire,
        transport: asyncio.Transport,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        deadline: float,
    ) -> None:
        self._wire = wire
        self._transport = transport
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._stage = Stage.ASKED
        self._gone = self._connect_told = False
        self._start: Message = {}
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(deadline, self._too_late)
        self.begun = False

    # -- called by the wire

    def begin(self, head: bytes) -> None:
        """Judges the request; a good one goes to the app."""
        self.begun = True
        core = ServerProtocol(logger=SILENT)
        core.receive_data(head)
        request = next(iter(core.events_received()), None)
        if isinstance(request, Request):
            response = core.accept(request)
            if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS:
                self._ask(request, response)
                return
            core.send_response(response)
        refusal = b"".join(core.data_to_send())
        self._answered()
        self._wire.answer(refusal or plain_answer(400, "Not a WebSocket handshake."), last=True)

    def refuse(self, status: int, text: str) -> None:
        """Answers for the app, if it has not answered; its next send raises."""
        stage = self._stage
        self._gone = True
        self._answered()
        if stage is Stage.ASKED:
            self._wire.answer(plain_answer(status, text), last=True)
        elif stage is Stage.REFUSING:
            self._wire.abort()

    def lost(self) -> None:
        """The client has left: the app's next send raises."""
        self._gone = True
        self._answered()

    # -- the app

    def _ask(self, request: Request, response: Response) -> None:
        scope = self._scope(request)
        context = contextvars.Context() if self._config.reset_contextvars else None
        self._task = self._loop.create_task(self._run(scope, response), context=context)
        self._server_state.tasks.add(self._task)
        self._task.add_done_callback(self._server_state.tasks.discard)

    def _scope(self, request: Request) -> dict[str, Any]:
        raw_path, _, query = request.path.partition("?")
        root = self._config.root_path
        offered = request.headers.get_all("Sec-WebSocket-Protocol")
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": root,
            "path": root + unquote(raw_path),
            "raw_path": root.encode("ascii") + raw_path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": [
                (name.lower().encode("ascii"), value.encode("latin-1"))
                for name, value in request.headers.raw_items()
            ],
            "subprotocols": [item.strip() for line in offered for item in line.split(",")],
            "state": self._app_state.copy(),
            "extensions": {WIRE_EXTENSION: self._wire, "websocket.http.response": {}},
        }

    async def _run(self, scope: dict[str, Any], response: Response) -> None:
        async def send(message: Message) -> None:
            await self._send(message, response)

        app = cast(Any, self._config.loaded_app)
        try:
            await app(scope, self._receive, send)
        except Exception as error:
            if not (self._gone and _for_disconnect(error)):
                _log.exception("Exception in ASGI application\n")
            if self._stage is Stage.ACCEPTED:
                self._wire.blame(error)
        else:
            if self._stage is Stage.ACCEPTED and not self._wire.attached:
                _log.error("A WebSocket route returned without attaching a receiver to its wire.")
        finally:
            if self._stage is Stage.ACCEPTED and not self._wire.attached:
                self._wire.close(1011, "")
            self.refuse(500, "Internal Server Error")  # no effect once answered
            self._wire.forget_handshake()

    async def _receive(self) -> Message:
        if self._connect_told:
            raise RuntimeError(
                "websocket.receive is not supported: attach a receiver to "
                f'scope["extensions"]["{WIRE_EXTENSION}"] and return'
            )
        self._connect_told = True
        return {"type": "websocket.connect"}

    async def _send(self, message: Message, response: Response) -> None:
        kind = message["type"]
        if self._gone:
            raise ClientDisconnected
        if self._stage is Stage.ASKED and kind == "websocket.accept":
            self._accept(message, response)
        elif self._stage is Stage.ASKED and kind == "websocket.close":
            self._answered()
            self._wire.answer(plain_answer(403, ""), last=True)
        elif self._stage is Stage.ASKED and kind == "websocket.http.response.start":
            self._stage = Stage.REFUSING
            self._start = message
        elif self._stage is Stage.REFUSING and kind == "websocket.http.response.body":
            self._body(message)
        elif (
            self._stage is Stage.ACCEPTED and kind == "websocket.close" and not self._wire.attached
        ):
            self._stage = Stage.DONE
            self._wire.close(message.get("code", 1000), message.get("reason") or "")
        else:
            raise RuntimeError(self._out_of_place(kind))

    def _out_of_place(self, kind: str) -> str:
        if self._stage is Stage.ACCEPTED:
            return f"{kind!r} after websocket.accept: use the wire, and return from the route"
        return f"ASGI message {kind!r} has no place here ({self._stage.name.lower()})"

    def _accept(self, message: Message, response: Response) -> None:
        headers = response.headers
        del headers["Date"]
        for name, value in [*self._server_state.default_headers, *message.get("headers", [])]:
            headers[name.decode("latin-1")] = value.decode("latin-1")
        if message.get("subprotocol"):
            headers["Sec-WebSocket-Protocol"] = message["subprotocol"]
        self._timer.cancel()
        self._stage = Stage.ACCEPTED
        self._wire.accepted(response)

    def _body(self, message: Message) -> None:
        """The refusal's head goes out with the first part of its body, the length with the last."""
        body, last = message.get("body", b""), not message.get("more_body", False)
        head = b""
        if self._start:
            status = self._start["status"]
            headers = Headers()
            for name, value in self._start.get("headers", []):
                if name.lower() not in _OURS:
                    headers[name.decode("latin-1")] = value.decode("latin-1")
            if last and "Content-Length" not in headers:
                headers["Content-Length"] = str(len(body))
            headers["Connection"] = "close"
            head = Response(status, phrase(status), headers).serialize()
            self._start = {}
        if last:
            self._answered()
        self._wire.answer(head + body, last=last)

    def _answered(self) -> None:
        self._timer.cancel()
        self._stage = Stage.DONE

    def _too_late(self) -> None:
        self.refuse(503, "The handshake took too long. Try again.")
        if self._task is not None:
            self._task.cancel()


def _for_disconnect(error: BaseException) -> bool:
    """Whether an exception only says that the client left (frameworks wrap ours)."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, ClientDisconnected):
        seen = seen.__cause__ or seen.__context__
    return seen is not None
