"""`GET /control/journal`: what the server has seen, for tests in another process.

Off unless asked for. Only loopback may ask, under a loopback name (a foreign name in `Host` is a
web page that rebinds its DNS), and no web page at all.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from app.simulator.journal import Journal

_PREFIX = "/control/"
_JOURNAL = "/control/journal"

ControlAnswer = tuple[HTTPStatus, dict[str, Any]]


def is_control(target: str) -> bool:
    """Whether a request's target belongs to the control API."""
    return target.startswith(_PREFIX)


def answer_control(
    socket: ServerConnection, request: Request, journal: Journal, port: int
) -> ControlAnswer:
    """Status and body for a control request."""
    if not _is_loopback(socket) or not _host_is_ours(request, port):
        return _error(HTTPStatus.FORBIDDEN, "Ask from this machine, by a loopback name.")
    if request.headers.get_all("Origin"):
        return _error(HTTPStatus.FORBIDDEN, "Web pages may not ask.")
    if request.path.partition("?")[0] != _JOURNAL:
        return _error(HTTPStatus.NOT_FOUND, f"There is only {_JOURNAL}.")
    if request.method != "GET":
        return _error(HTTPStatus.METHOD_NOT_ALLOWED, "Use GET.")
    return HTTPStatus.OK, journal.describe()


def _is_loopback(socket: ServerConnection) -> bool:
    try:
        return ipaddress.ip_address(socket.remote_address[0]).is_loopback
    except (ValueError, TypeError, IndexError):
        return False


def _host_is_ours(request: Request, port: int) -> bool:
    hosts = request.headers.get_all("Host")
    ours = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return len(hosts) == 1 and hosts[0].lower() in ours


def _error(status: HTTPStatus, message: str) -> ControlAnswer:
    return status, {"error": {"code": str(status.value), "message": message}}
