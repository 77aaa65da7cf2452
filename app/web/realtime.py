"""The WebSocket's way in: from a handshake to a session that owns its wire."""

from __future__ import annotations

import structlog
from fastapi import WebSocket, WebSocketDisconnect

from app.auth.denied import Denied
from app.auth.handshake import find_credential
from app.auth.origin import judge_origin
from app.protocol.close_reasons import CloseReason, close_text
from app.protocol.names import Dialect
from app.relay.registry import Refused
from app.store.store import Full
from app.web.asked import Asked, judge_query, read_handshake
from app.web.door import Admitted, Door, TurnedAway, denied_for, identify, must, must_be_open
from app.web.refusals import refuse
from app.wire.wire import Wire

log = structlog.get_logger("web.realtime")

PATHS = ("/ws", "/openai/realtime", "/realtime", "/openai/v1/realtime", "/v1/realtime")
"""One door: the paths are those that SDKs build, at the root of the host, because some of them
throw away what stands before."""

SERVED = frozenset(Dialect)
"""The dialects that sessions speak to clients."""

NOT_SERVED = Denied(
    "dialect.not_served",
    "This relay speaks the preview dialect of the Realtime API. Connect to /openai/realtime or to "
    "/ws, or say 'OpenAI-Beta: realtime=v1'; with an SDK, use its beta client.",
    CloseReason.FORBIDDEN,
)
_STATUSES = {NOT_SERVED.rule: 400}
"""Where the status is not that of the close reason."""

WRONG_SERVER = (
    "The relay runs under a server that cannot carry it: start it with `realtime-relay serve`."
)


OVER = {
    Full.USER.value: (
        "You have as many sessions open as one user may have. Close one, and try again."
    ),
    Full.ADDRESS.value: (
        "As many sessions are open from your network as one address may have. Try again when one "
        "of them has ended."
    ),
    Full.OPENINGS.value: (
        "You have connected too often in the last minute. Wait, and connect again."
    ),
    "sessions": "The service has as many sessions as it takes at the moment. Try again later.",
}
"""What a client is told by the name of the limit that it met."""


async def enter(door: Door, websocket: WebSocket) -> None:
    """Admits one client and hands its wire to its session, or refuses it in words.

    Returns as soon as the wire has an owner: the session outlives this call.
    """
    asked = read_handshake(websocket.scope)
    try:
        wire = _own_wire(asked)
        session = await _admit(door, asked, door.addresses.of(websocket.scope))
    except TurnedAway as away:
        await _refuse(door, websocket, asked, away.denied, _STATUSES.get(away.denied.rule))
    except Exception:
        log.exception("door.failed")
        denied = denied_for("door.failed", CloseReason.INTERNAL_ERROR)
        await _refuse(door, websocket, asked, denied)
    else:
        await _hand_over(websocket, asked, wire, session)


async def wrong_path(door: Door, websocket: WebSocket) -> None:
    """Any WebSocket path that is not a door."""
    denied = Denied(
        "path.unknown", "There is no WebSocket here. Connect to /ws.", CloseReason.FORBIDDEN
    )
    await _refuse(door, websocket, read_handshake(websocket.scope), denied, status=404)


async def _admit(door: Door, asked: Asked, address: str | None) -> Admitted:
    """The checks, in the order that the design gives them."""
    if asked.dialect not in SERVED:
        raise TurnedAway(NOT_SERVED)
    must_be_open(door)
    origin = must(judge_origin(asked.origins, asked.host, asked.scheme, door.origins)).origin
    must(judge_query(asked.query))
    credential = must(find_credential(asked.shown, in_query=door.query_credentials))
    shown = await identify(door, credential, origin, address)
    model = asked.model or shown.model
    deployment = must(door.deployment(shown.principal, model))
    opening = asked.opening(origin, address, model=model, deployment=deployment)
    try:
        return await door.registry.open(shown.principal, opening)
    except Refused as refused:
        raise TurnedAway(_no_session(refused)) from None


def _no_session(refused: Refused) -> Denied:
    """A refusal of the registry's, with the limit in words where there is one."""
    message = OVER.get(refused.limit) or close_text(refused.reason)
    return Denied(f"registry.{refused.limit}", message, refused.reason, refused.retry_after)


async def _hand_over(websocket: WebSocket, asked: Asked, wire: Wire, session: Admitted) -> None:
    """Accepts and attaches; whatever goes wrong in between gives the session back."""
    try:
        await websocket.accept(subprotocol=asked.selection.selected)
        session.attach(wire)
    except (OSError, WebSocketDisconnect):
        session.abandon(CloseReason.CLIENT_GONE)
    except BaseException:
        session.abandon(CloseReason.INTERNAL_ERROR)
        raise


async def _refuse(
    door: Door, websocket: WebSocket, asked: Asked, denied: Denied, status: int | None = None
) -> None:
    """Refuses; a client that has gone meanwhile need not be told."""
    try:
        await refuse(websocket, asked, denied, door.lines, status)
    except (OSError, WebSocketDisconnect):
        log.info("door.client_gone", rule=denied.rule)


def _own_wire(asked: Asked) -> Wire:
    if asked.wire is None:
        log.error("door.wrong_server", hint=WRONG_SERVER)
        raise TurnedAway(Denied("door.wrong_server", WRONG_SERVER, CloseReason.INTERNAL_ERROR))
    return asked.wire
