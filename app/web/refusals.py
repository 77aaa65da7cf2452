"""How the door says no: in words, in the way that the client at hand can read.

A browser learns nothing from a refused handshake, so it is let in, told by one `error` event, and
closed with a readable code. Any other client gets the HTTP status, as Azure itself answers.
"""

from __future__ import annotations

import math
import secrets
from typing import Any

import structlog
from fastapi import WebSocket
from fastapi.responses import JSONResponse

from app.auth.denied import Denied
from app.protocol.close_reasons import ENDINGS, INVALID_REQUEST, close_text
from app.protocol.errors import error_event
from app.protocol.names import RELAY_ID_PREFIX
from app.web.asked import Asked
from app.web.refusal_lines import RefusalLines
from app.wire.wire import Receiver, Wire, WireEnd

log = structlog.get_logger("web.refusals")

RETRY_AFTER_SECONDS = 5.0
"""What a client is told where waiting helps and nobody knows for how long."""


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    type_: str = INVALID_REQUEST,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error in the shape that OpenAI's HTTP API has. Never cached."""
    return JSONResponse(
        {"error": {"type": type_, "code": code, "message": message}},
        status,
        {"Cache-Control": "no-store", **(headers or {})},
    )


def denial(denied: Denied, status: int | None = None) -> JSONResponse:
    """The HTTP answer for `denied`; `status` overrides the one in the table of close reasons."""
    ending = ENDINGS[denied.reason]
    status = status or ending.http_status or 403
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="realtime-relay"'
    if ending.retry:
        headers["Retry-After"] = str(max(1, math.ceil(_wait(denied))))
    return error_response(
        status,
        ending.error_code or denied.reason.value,
        denied.message,
        type_=ending.error_type,
        headers=headers,
    )


async def refuse(
    websocket: WebSocket,
    asked: Asked,
    denied: Denied,
    lines: RefusalLines,
    status: int | None = None,
) -> None:
    """Refuses a handshake that was not accepted yet, and lets go of its wire.

    What is left of the connection afterwards lasts no longer than the wire's close deadline.
    """
    by_event = asked.reads_events and asked.wire is not None
    lines.write(
        "door.refused",
        rule=denied.rule,
        reason=denied.reason.value,
        why=denied.message,
        by_event=by_event,
    )
    if asked.wire is None or not by_event:
        await websocket.send_denial_response(denial(denied, status))
        return
    await websocket.accept(subprotocol=asked.selection.selected)
    asked.wire.attach(_Farewell(asked.wire))
    asked.wire.send(_event(denied))
    asked.wire.close(ENDINGS[denied.reason].close_code, close_text(denied.reason))


def _event(denied: Denied) -> bytes:
    ending = ENDINGS[denied.reason]
    extra: dict[str, Any] | None = None
    if ending.retry:
        extra = {"retry_after_ms": round(_wait(denied) * 1000)}
    return error_event(
        code=ending.error_code or denied.reason.value,
        message=denied.message,
        type_=ending.error_type,
        event_id=f"{RELAY_ID_PREFIX}{secrets.token_hex(8)}",
        extra=extra,
    )


def _wait(denied: Denied) -> float:
    return RETRY_AFTER_SECONDS if denied.retry_after is None else denied.retry_after


class _Farewell(Receiver):
    """Owns the wire of a refused client while the wire closes itself."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def on_frame(self, frame: bytes) -> None:
        """Nothing that a refused client says is heard."""

    def on_end(self, end: WireEnd) -> None:
        """The closing is under way already."""

    def on_pressure(self, full: bool) -> None:
        """One small frame fills no buffer."""

    def on_closed(self) -> None:
        """That was all."""

    def on_error(self, error: Exception) -> None:
        log.error("door.farewell_failed", exc_info=error)
        self._wire.abort()
