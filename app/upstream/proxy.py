"""The HTTP proxy on the way upstream, from the address that the operator gives."""

from __future__ import annotations

import base64
from urllib.parse import unquote, urlsplit

from app.wire.upstream import Proxy


def parse_proxy(address: str | None) -> Proxy | None:
    """`http://[USER:PASSWORD@]HOST[:PORT]` as a `Proxy` (port 80 by default); None: dial directly.

    User and password, percent-encoded as in any address, become Basic authorization (RFC 7617).
    """
    if address is None:
        return None
    parts = urlsplit(address)
    authorization = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(login.encode()).decode()}"
    return Proxy(parts.hostname or "", parts.port or 80, authorization)
