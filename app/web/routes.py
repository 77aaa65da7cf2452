"""Puts the door together: every public route of the relay, and what is said where none is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from app.protocol.close_reasons import SERVER_ERROR, CloseReason, close_text
from app.web import health, pages, realtime, tickets
from app.web.assets import Asset
from app.web.door import Door
from app.web.mint_shapes import SDK_PATHS, Shape
from app.web.refusals import error_response

NOT_FOUND = (
    "Nothing is here. The WebSocket is at /ws, tickets come from POST /tickets, "
    "health is at /livez and /readyz."
)


def open_door(app: FastAPI, door: Door) -> None:
    """Adds routes, security headers and error answers to `app`. Call it once, before serving.

    `app` should be made with `docs_url=None, redoc_url=None, openapi_url=None` and
    `redirect_slashes=False`.
    """
    app.add_middleware(pages.StrictHeaders)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _failure)
    app.include_router(routes(door))


def routes(door: Door) -> APIRouter:
    """The public surface."""
    router = APIRouter()
    _add_websockets(router, door)
    _add_http(router, door)
    for path, asset in door.assets.items():
        router.routes.append(_page_route(path, asset))
    return router


def _add_websockets(router: APIRouter, door: Door) -> None:
    async def enter(websocket: WebSocket) -> None:
        await realtime.enter(door, websocket)

    async def wrong_path(websocket: WebSocket) -> None:
        await realtime.wrong_path(door, websocket)

    async def upgrade_required() -> Response:
        return error_response(
            426,
            "upgrade_required",
            "This is a WebSocket: connect to it with a WebSocket client.",
            headers={"Upgrade": "websocket"},
        )

    for path in realtime.PATHS:
        # SDKs join a base address and a path in their own ways.
        for spelling in (path, f"{path}/", f"/{path}", f"/{path}/"):
            router.add_api_websocket_route(spelling, enter)
            router.add_api_route(spelling, upgrade_required, methods=["GET"])
    router.add_api_websocket_route("/{path:path}", wrong_path)


def _add_http(router: APIRouter, door: Door) -> None:
    async def livez() -> Response:
        return health.livez()

    async def readyz() -> Response:
        return health.readyz(door)

    async def preflight(request: Request) -> Response:
        return await tickets.preflight(door, request)

    router.add_api_route("/livez", livez, methods=["GET", "HEAD"])
    router.add_api_route("/readyz", readyz, methods=["GET", "HEAD"])
    for path, shape in {"/tickets": Shape.TICKET, **SDK_PATHS}.items():
        router.add_api_route(path, _minting(door, shape), methods=["POST"])
        router.add_api_route(path, preflight, methods=["OPTIONS"])


def _minting(door: Door, shape: Shape) -> Callable[[Request], Awaitable[Response]]:
    async def mint(request: Request) -> Response:
        return await tickets.mint(door, request, shape)

    return mint


def _page_route(path: str, asset: Asset) -> Route:
    async def page(request: Request) -> Response:
        return pages.serve(asset, request)

    return Route(path, page, methods=["GET"])


async def _http_error(_request: Request, error: Exception) -> Response:
    """FastAPI's own refusals, in our shape."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return error_response(404, "not_found", NOT_FOUND)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"This method is not known here. Known: {allowed}."
        return error_response(405, "method_not_allowed", message, headers={"Allow": allowed})
    return error_response(error.status_code, "bad_request", "The request cannot be answered.")


async def _failure(_request: Request, _error: Exception) -> Response:
    """A bug: the server logs the stack, the client learns nothing of it."""
    message = close_text(CloseReason.INTERNAL_ERROR)
    # Answers given here pass by every middleware, so they bring the headers themselves.
    return error_response(
        500, SERVER_ERROR, message, type_=SERVER_ERROR, headers=pages.SECURITY_HEADERS
    )
