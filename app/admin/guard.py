"""Who is heard by the admin listener: checked before any route, whatever is asked.

The listener may stand on loopback without a token, where every page that the operator's browser
shows can send requests too. So a request must call the listener by a name that nobody else can
point at it (DNS rebinding), and one that comes from a page must come from the listener's own.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from app.admin.answers import BadRequest, error
from app.admin.desk import AdminRules

log = structlog.get_logger("admin.guard")

ALIVE = "/healthz"
"""The one path that asks for no token: it tells nothing."""

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]*:[0-9a-f:.]*)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?"
)
"""A Host in lower case, read whole: what a browser or a URL's reader could take for another name
(RFC 3986, section 3.2.2: `127.0.0.1:80@evil.test`) is none. An IPv6 address stands in brackets."""

Headers = Sequence[tuple[bytes, bytes]]


class Guarded:
    """ASGI middleware: `judge` before everything."""

    def __init__(self, app: ASGIApp, rules: AdminRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; anything but HTTP is none of this listener's."""
        if scope["type"] != "http":
            return
        try:
            judge(self._rules, scope)
        except BadRequest as bad:
            log.info("admin.refused", code=bad.code, path=scope["path"][:64])
            headers = {"Connection": "close"}  # a body that nobody reads may be coming
            if bad.status == 401:
                headers["WWW-Authenticate"] = 'Bearer realm="relay-admin"'
            await error(bad.status, bad.code, bad.message, headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def judge(rules: AdminRules, scope: Mapping[str, Any]) -> None:
    """Raises `BadRequest` for a request that is not heard. PURE."""
    headers: Headers = scope["headers"]
    host = _host(headers, rules)
    for origin in _values(headers, b"origin"):
        if origin != f"{scope['scheme']}://{host}":
            raise BadRequest(
                "The request comes from a page of another origin. Send it without a browser.",
                status=403,
                code="origin",
            )
    if rules.token is not None and scope["path"] != ALIVE:
        _check_token(headers, rules.token)
    if scope["method"] == "POST":
        kinds = [
            kind.partition(";")[0].strip().lower() for kind in _values(headers, b"content-type")
        ]
        if kinds != ["application/json"]:
            raise BadRequest(
                "Send a JSON body, with 'Content-Type: application/json'.",
                status=415,
                code="content_type",
            )


def _host(headers: Headers, rules: AdminRules) -> str:
    """The one Host header, as it was sent."""
    hosts = _values(headers, b"host")
    name = _without_port(hosts[0].lower()) if len(hosts) == 1 else ""
    if name == "localhost" or name in rules.hosts or _is_address(name):
        return hosts[0].lower()
    raise BadRequest(
        "This listener is not known by that name. Call it by its address or as localhost, or list "
        "the name in RELAY_ADMIN_HOSTS.",
        status=421,
        code="host",
    )


def _without_port(host: str) -> str:
    """The name or address in it, empty where it is no Host at all."""
    read = _HOST.fullmatch(host)
    return (read["six"] or read["name"]) if read else ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _check_token(headers: Headers, token: str) -> None:
    shown = _values(headers, b"authorization")
    scheme, _, value = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    # Compared even where the scheme is wrong: how long it takes says nothing of the token.
    same = hmac.compare_digest(value.strip(" ").encode(), token.encode())
    if not same or scheme.lower() != "bearer":
        raise BadRequest(
            "Show RELAY_ADMIN_TOKEN as 'Authorization: Bearer ...'.", status=401, code="token"
        )


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]
