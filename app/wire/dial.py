"""Reaching a server: TCP, a proxy's tunnel, TLS, and what can go wrong on the way."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import Literal

from .head import HeadReader, NotHttpError

UnreachableKind = Literal["dns", "refused", "timeout", "reset", "proxy", "not_http"]

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
# The handshake's own headers are written by the handshake.
_OURS = frozenset(
    {"host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}
    | {"sec-websocket-extensions", "content-length", "transfer-encoding"}
)


class HandshakeRefused(Exception):  # noqa: N818 - an answer, not a fault
    """The server answered with another status than 101. Redirects are never followed.

    `retry_after` in seconds, where the head said so.
    """

    def __init__(self, status: int, retry_after: float | None, request_id: str | None) -> None:
        super().__init__(f"the server answered {status} instead of 101")
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id


class Unreachable(Exception):  # noqa: N818 - a state, named as the log names it
    """No WebSocket server answered. `detail` names host and port, never query or headers."""

    def __init__(self, kind: UnreachableKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: UnreachableKind = kind
        self.detail = detail


class TlsRejected(Exception):  # noqa: N818 - as above
    """The certificate does not hold, or the two sides agree on no TLS. Never retry."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT. `authorization` is the whole header value."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.authorization is not None and not _VALUE.fullmatch(self.authorization):
            raise ValueError("the proxy's authorization holds characters that no header may hold")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to dial and what to say. `request_target` is path and query.

    What may hold a credential does not show in `repr`. Raises ValueError, naming the field but not
    its value, where something cannot stand in a request.
    """

    host: str
    port: int
    request_target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    tls: ssl.SSLContext | None
    host_header: str
    proxy: Proxy | None = None

    def __post_init__(self) -> None:
        if not self.request_target.startswith("/") or not _VISIBLE.fullmatch(self.request_target):
            raise ValueError("request_target must begin with / and hold visible ASCII alone")
        if not _VISIBLE.fullmatch(self.host_header) or not _VISIBLE.fullmatch(self.host):
            raise ValueError("host and host_header must be visible ASCII")
        for name, value in self.headers:
            if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                raise ValueError(f"the header {name!r} holds characters that no header may hold")
            if name.lower() in _OURS:
                raise ValueError(f"the header {name!r} is written by the handshake itself")

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return _place(self.host, self.port)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def reach(target: Target) -> HeadReader:
    """Opens the connection, through the proxy and TLS where asked; the reader that comes back has
    its transport and waits for the server's head.

    Raises Unreachable or TlsRejected. The caller owns the deadline; when cancelled nothing stays.
    """
    if target.proxy is not None:
        return await _through_proxy(target, target.proxy)
    loop = asyncio.get_running_loop()
    reader = HeadReader(loop)
    name = target.host if target.tls is not None else None
    try:
        await loop.create_connection(
            lambda: reader, target.host, target.port, ssl=target.tls, server_hostname=name
        )
    except (OSError, UnicodeError) as error:
        raise _explained(error, target.place) from None
    return reader


async def _through_proxy(target: Target, proxy: Proxy) -> HeadReader:
    loop = asyncio.get_running_loop()
    reader = HeadReader(loop, from_proxy=True)
    place = _place(proxy.host, proxy.port)
    try:
        await loop.create_connection(lambda: reader, proxy.host, proxy.port)
    except (OSError, UnicodeError) as error:
        raise Unreachable("proxy", f"{place}: {_reason(error)}") from None
    transport = reader.transport
    assert transport is not None
    try:
        transport.write(_connect_request(target, proxy))
        status = (await reader.head).status
        if not 200 <= status < 300:
            raise Unreachable("proxy", f"{place} answered {status} to CONNECT")
        if reader.rest or reader.lost:
            raise Unreachable("proxy", f"{place} did not open a tunnel")
        return await _in_tunnel(target, transport)
    except (OSError, NotHttpError) as error:
        transport.abort()
        raise Unreachable("proxy", f"{place}: {_reason(error)}") from None
    except BaseException:
        transport.abort()
        raise


async def _in_tunnel(target: Target, transport: asyncio.Transport) -> HeadReader:
    loop = asyncio.get_running_loop()
    reader = HeadReader(loop)
    if target.tls is None:
        transport.set_protocol(reader)
        reader.connection_made(transport)
        transport.resume_reading()
        return reader
    try:
        secured = await loop.start_tls(transport, reader, target.tls, server_hostname=target.host)
    except OSError as error:
        transport.abort()
        raise _explained(error, target.place) from None
    if secured is None:
        raise Unreachable("reset", f"{target.place} closed during the TLS handshake")
    reader.connection_made(secured)
    return reader


def _connect_request(target: Target, proxy: Proxy) -> bytes:
    lines = [f"CONNECT {target.place} HTTP/1.1", f"Host: {target.place}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _explained(error: Exception, place: str) -> Unreachable | TlsRejected:
    if isinstance(error, socket.gaierror | UnicodeError):  # the latter: it can be no name at all
        return Unreachable("dns", f"{place}: the name has no address")
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsRejected(f"{place}: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError) and not (
        isinstance(error, ConnectionRefusedError)
    ):
        return Unreachable("reset", f"{place}: the connection was closed")
    if isinstance(error, ssl.SSLError):
        return TlsRejected(f"{place}: {error.reason or 'no TLS'}")
    if isinstance(error, TimeoutError):
        return Unreachable("timeout", f"{place} does not answer")
    return Unreachable("refused", f"{place}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "closed"
