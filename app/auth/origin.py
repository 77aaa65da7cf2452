"""Which web pages may use the relay: rules for the `Origin` header (RFC 6454, section 7).

A browser always sends the header with a WebSocket handshake and a page cannot forge it; any other
program can. So it keeps foreign pages out, and never stands in for a credential.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from app.auth.denied import Denied
from app.protocol.close_reasons import CloseReason

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[0-9a-z.-]+)(:[0-9]{1,5})?")

_SHOWN = 100
"""Characters of a foreign Origin that a message repeats."""


@dataclass(frozen=True, slots=True)
class OriginRules:
    """Which origins may come in.

    `allowed` holds exact origins as a browser writes them (`https://app.example.com`: lower case,
    no path, no default port). `own` lets the relay's own page in and is true only where that page
    is served. `require` refuses clients that send no Origin at all.
    """

    allowed: frozenset[str]
    own: bool
    require: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """The Origin may come in; `origin` is None where the client sent none."""

    rule: str
    origin: str | None


def judge_origin(
    origins: Sequence[str], host: str, scheme: str, rules: OriginRules
) -> Allowed | Denied:
    """Judges all `Origin` header values of one request, in the order they came.

    `host` is its Host header, `scheme` the listener's (`http` or `https`; a WebSocket's `ws` and
    `wss` mean the same). The comparison is exact. `null`, the origin of sandboxed frames and
    local files, never matches, even where it is listed.
    """
    if not origins:
        return _judge_absence(rules)
    if len(origins) > 1:
        return _deny("origin.several", "The request has more than one Origin header. Send one.")
    origin = origins[0]
    if origin == "null":
        return _deny(
            "origin.null",
            "A page without an origin (a sandboxed frame or a local file) may not connect. "
            "Serve the page from a web server.",
        )
    if origin in rules.allowed:
        return Allowed("origin.listed", origin)
    if rules.own and origin == _own_origin(host, scheme):
        return Allowed("origin.own", origin)
    return _deny(
        "origin.unknown",
        f"Pages of {_printable(origin)} may not connect. "
        "If they should, the operator adds that origin to RELAY_ALLOWED_ORIGINS.",
    )


def _judge_absence(rules: OriginRules) -> Allowed | Denied:
    if rules.require:
        return _deny(
            "origin.required",
            "An Origin header is required here (RELAY_REQUIRE_ORIGIN). "
            "Connect from an allowed page.",
        )
    return Allowed("origin.absent", None)


def _own_origin(host: str, scheme: str) -> str | None:
    """The origin of the relay's own page, or None where the Host header proves nothing.

    Only an address or `localhost` counts: with any other name, a foreign page whose name has been
    pointed at this address (DNS rebinding) would call itself our own page. Such names are listed.
    """
    found = _HOST.fullmatch(host.lower())
    if found is None or not _is_address_or_localhost(found.group("name").strip("[]")):
        return None
    return f"{'https' if scheme in ('https', 'wss') else 'http'}://{found.group()}"


def _is_address_or_localhost(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _deny(rule: str, message: str) -> Denied:
    return Denied(rule, message, CloseReason.FORBIDDEN)


def _printable(origin: str) -> str:
    shown = origin if len(origin) <= _SHOWN else f"{origin[:_SHOWN]}..."
    return repr(shown) if shown.isascii() and shown.isprintable() else "this origin"
