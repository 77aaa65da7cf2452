"""`POST /tickets`: a user's own token in, a single-use ticket for the WebSocket out; the same at
the paths at which SDKs ask for an ephemeral key."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from app.auth.denied import Denied
from app.auth.handshake import find_credential
from app.auth.origin import judge_origin
from app.auth.principal import Principal
from app.auth.tickets import is_ticket
from app.protocol.close_reasons import CloseReason
from app.web.asked import header_values, read_shown
from app.web.door import (
    Door,
    TurnedAway,
    answered_by_store,
    denied_for,
    identify,
    must,
    must_be_open,
)
from app.web.mint_shapes import BadBodyError, Shape, Wish, read_wish, told
from app.web.refusals import denial, error_response

log = structlog.get_logger("web.tickets")

BODY_BYTES = 16 * 1024
BODY_SECONDS = 5.0

TOO_MANY = "Too many tickets were made for you or for your address in the last minute. Try later."

_DISCARDED_BYTES = 1024 * 1024
"""How much of an oversized body is read and dropped: an answer that crosses a body still being
sent is lost in the reset."""


async def mint(door: Door, request: Request, shape: Shape = Shape.TICKET) -> Response:
    """The ticket, bound to the user and to the Origin of the page that asked."""
    body = await _read(request)
    try:
        answer = await _mint(door, request, body, shape)
    except TurnedAway as away:
        door.lines.write("tickets.refused", rule=away.denied.rule, why=away.denied.message)
        answer = denial(away.denied)
    except BadBodyError as bad:
        door.lines.write("tickets.refused", rule="body")
        answer = error_response(bad.status, "invalid_body", bad.message)
    except Exception:
        log.exception("tickets.failed")
        answer = denial(denied_for("tickets.failed", CloseReason.INTERNAL_ERROR))
    if isinstance(body, BadBodyError):
        answer.headers["Connection"] = "close"  # the rest of it may still be coming
    answer.headers.update(_cors(door, request))
    return answer


NOT_A_PAGE = Denied(
    "origin.preflight",
    "A preflight request comes from a page of another origin. Just POST.",
    CloseReason.FORBIDDEN,
)


async def preflight(door: Door, request: Request) -> Response:
    """The browser's question before a page of another origin may POST (Fetch, section 3.2)."""
    cors = _cors(door, request)
    if "Access-Control-Allow-Origin" not in cors:
        judged = judge_origin(
            request.headers.getlist("origin"),
            request.headers.get("host", ""),
            request.url.scheme,
            door.origins,
        )
        denied = judged if isinstance(judged, Denied) else NOT_A_PAGE
        door.lines.write("tickets.refused", rule=denied.rule, why=denied.message)
        return denial(denied)
    asks = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, api-key, OpenAI-Beta, *",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=cors | asks)


async def _mint(
    door: Door, request: Request, body: bytes | BadBodyError, shape: Shape
) -> JSONResponse:
    scope = request.scope
    must_be_open(door)
    rules, host = door.origins, request.headers.get("host", "")
    origin = must(
        judge_origin(header_values(scope, b"origin"), host, scope["scheme"], rules)
    ).origin
    credential = must(find_credential(read_shown(scope)))
    if is_ticket(credential.value):
        raise TurnedAway(
            Denied("ticket.chained", "A ticket buys no other ticket. Show the user's own token.")
        )
    address = door.addresses.of(scope)
    principal = (await identify(door, credential, origin, address)).principal
    if isinstance(body, BadBodyError):
        raise body
    wish = read_wish(body, shape)
    must(door.deployment(principal, wish.model))
    if wait := door.mint_rates.wait(principal.key, address):
        raise TurnedAway(Denied("ticket.rate", TOO_MANY, CloseReason.RATE_LIMITED, wait))
    seconds = _life(door, principal, wish, shape)
    async with answered_by_store():
        minted = must(await door.tickets.mint(principal, origin, seconds=seconds, model=wish.model))
    answer = told(shape, minted, wish, door.describe(principal))
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _life(door: Door, principal: Principal, wish: Wish, shape: Shape) -> float | None:
    """A ticket's seconds: what the SDK asks for, and not more than the operator gives,
    nor than the user's other keys leave."""
    if shape is Shape.TICKET:
        return None
    wanted = min(wish.seconds or door.minted_seconds, door.minted_seconds)
    return door.mint_rates.seconds(principal.key, wanted)


async def _read(request: Request) -> bytes | BadBodyError:
    """The whole body, or what is wrong with its size or pace; judged later, so that a stranger
    learns first that it is one."""
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= BODY_BYTES:
                    body += chunk
                elif size > _DISCARDED_BYTES:
                    break
    except TimeoutError:
        return BadBodyError(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.")
    except ClientDisconnect:
        return BadBodyError(400, "The body ended early.")
    if size > BODY_BYTES:
        return BadBodyError(413, f"The body is larger than {BODY_BYTES} bytes. Send none, or {{}}.")
    return bytes(body)


def _cors(door: Door, request: Request) -> dict[str, str]:
    """Lets a page of a listed origin read the answer; the relay's own page needs no permission."""
    origins = header_values(request.scope, b"origin")
    headers = {"Vary": "Origin"}
    if len(origins) == 1 and origins[0] != "null" and origins[0] in door.origins.allowed:
        headers["Access-Control-Allow-Origin"] = origins[0]
        headers["Access-Control-Expose-Headers"] = "Retry-After"
    return headers
