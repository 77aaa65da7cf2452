"""The operator's routes. The application is served by a listener of its own and by no other."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.admin.answers import BadRequest, answer, error
from app.admin.desk import Desk
from app.admin.guard import ALIVE, Guarded
from app.admin.revocations import read_revocation
from app.store.store import RevokedKind, StoreDown

log = structlog.get_logger("admin")

BODY_BYTES = 16 * 1024
BODY_SECONDS = 5.0
STORE_SECONDS = 5.0

NOT_FOUND = f"Nothing is here. Known: GET {ALIVE}, GET /sessions, POST /revocations, POST /drain."
UNCERTAIN = (
    "The shared store does not answer, so that other replicas may not have heard of it. What was "
    "meant on this one has ended. Ask again."
)


def admin_app(desk: Desk) -> FastAPI:
    """The application of the admin listener."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Guarded, rules=desk.rules)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(BadRequest, _bad_request)
    app.add_exception_handler(Exception, _failure)
    _add_reading(app, desk)
    _add_changing(app, desk)
    return app


def _add_reading(app: FastAPI, desk: Desk) -> None:
    async def healthz() -> Response:
        return answer({"status": "alive"})

    async def sessions() -> Response:
        registry = desk.registry
        return answer(
            {
                "draining": registry.draining,
                "sessions": registry.sessions(),
                "refused": dict(registry.refused),
            }
        )

    app.add_api_route(ALIVE, healthz, methods=["GET", "HEAD"])
    app.add_api_route("/sessions", sessions, methods=["GET"])


def _add_changing(app: FastAPI, desk: Desk) -> None:
    async def revoke(request: Request) -> Response:
        return await _revoke(desk, await _body(request))

    async def drain(request: Request) -> Response:
        if b"".join((await _body(request)).split()) != b"{}":
            raise BadRequest("Send {} as the body: there is nothing to choose.")
        log.warning("admin.drain", sessions=len(desk.registry))
        desk.registry.refuse_new()
        return answer({"draining": True, "sessions": len(desk.registry)}, 202)

    app.add_api_route("/revocations", revoke, methods=["POST"])
    app.add_api_route("/drain", drain, methods=["POST"])


async def _revoke(desk: Desk, body: bytes) -> Response:
    revocation = read_revocation(body, desk.hash_user)
    here = desk.registry.count(revocation)
    told = {revocation.kind.value: revocation.name}
    log.warning("admin.revoked", kind=revocation.kind.value, name=revocation.name, here=here)
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await desk.store.revoke(revocation)
    except (StoreDown, TimeoutError) as down:
        log.error("admin.revocation_uncertain", why=str(down))
        return error(503, "store_unavailable", UNCERTAIN, {"Retry-After": "5"})
    finally:
        desk.registry.revoked(revocation)  # here it holds, whatever the store tells whom
    if revocation.kind is RevokedKind.USER:
        return answer({"revoked": told, "seconds": revocation.seconds, "ended_here": here}, 202)
    return answer({"revoked": told, "ended_here": here}, 202)


async def _body(request: Request) -> bytes:
    """The whole body, within its size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise BadRequest(f"The body is larger than {BODY_BYTES} bytes.", status=413)
    except TimeoutError:
        raise BadRequest(
            f"The body did not arrive within {BODY_SECONDS:.0f} seconds.", status=408
        ) from None
    except ClientDisconnect:
        raise BadRequest("The body ended early.") from None
    return bytes(body)


async def _bad_request(_request: Request, bad: Exception) -> Response:
    assert isinstance(bad, BadRequest)
    headers = {"Connection": "close"} if bad.status in (408, 413) else None
    return error(bad.status, bad.code, bad.message, headers)


async def _http_error(_request: Request, refused: Exception) -> Response:
    """FastAPI's own refusals, in our shape."""
    assert isinstance(refused, HTTPException)
    if refused.status_code == 404:
        return error(404, "not_found", NOT_FOUND)
    if refused.status_code == 405:
        allowed = (refused.headers or {}).get("Allow", "")
        message = f"This method is not known here. Known: {allowed}."
        return error(405, "method_not_allowed", message, {"Allow": allowed})
    return error(refused.status_code, "bad_request", "The request cannot be answered.")


async def _failure(_request: Request, _error: Exception) -> Response:
    """A bug: the server logs the stack, the answer says nothing of it."""
    return error(500, "internal_error", "Internal error. The log of the relay names the cause.")
