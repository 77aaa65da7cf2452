"""The dialling side: a WebSocket client on `websockets`' sans-I/O handshake.

    wire = await connect(target, UPSTREAM_WIRE, timeout=5.0)
    wire.attach(receiver)
    wire.start()

No redirect is followed, no extension offered, no environment variable read; nothing is logged.
"""

from __future__ import annotations

import asyncio

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request, Response
from websockets.protocol import Side
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from .dial import HandshakeRefused, Proxy, Target, TlsRejected, Unreachable, reach
from .framing import SILENT
from .head import AnswerHead, HeadReader, NotHttpError, request_id, retry_after
from .owned import OwnedWire
from .wire import WireLimits

__all__ = [
    "HandshakeRefused",
    "Proxy",
    "Target",
    "TlsRejected",
    "Unreachable",
    "UpstreamWire",
    "connect",
]


class UpstreamWire(OwnedWire):
    """One WebSocket that we dialled; made by `connect`. `request_id` is the service's."""

    def __init__(
        self, limits: WireLimits, loop: asyncio.AbstractEventLoop, service_id: str | None
    ) -> None:
        super().__init__(Side.CLIENT, limits, loop)
        self.request_id = service_id
        self.subprotocol: str | None = None

    def take_over(self, reader: HeadReader) -> None:
        """Takes the transport on which the 101 came, and what came behind it."""
        transport = reader.transport
        assert transport is not None
        self._take(transport)
        self._intake.off()  # as the reader left it, at the end of the head
        self._open()
        if not reader.lost:
            reader.successor = self
            transport.set_protocol(self)
        if reader.rest:
            self._inbox.push(reader.rest)
        self._run()
        if reader.lost:
            self.connection_lost(None)


async def connect(target: Target, limits: WireLimits, *, timeout: float) -> UpstreamWire:  # noqa: ASYNC109
    """Dials and shakes hands within `timeout` seconds, names, proxy and TLS included.

    The wire holds frames until its `start()`. Raises HandshakeRefused (any answer but 101; its
    body is not awaited), Unreachable or TlsRejected. When it raises or is cancelled, no connection
    stays behind.
    """
    reader: HeadReader | None = None
    try:
        async with asyncio.timeout(timeout):
            reader = await reach(target)
            return await _shake_hands(target, limits, reader)
    except TimeoutError:
        _drop(reader)
        raise Unreachable("timeout", f"{target.place} did not answer in {timeout:g} s") from None
    except BaseException:
        _drop(reader)
        raise


def _drop(reader: HeadReader | None) -> None:
    if reader is not None and reader.transport is not None and not reader.lost:
        reader.transport.abort()


async def _shake_hands(target: Target, limits: WireLimits, reader: HeadReader) -> UpstreamWire:
    assert reader.transport is not None
    core = _core(target)
    reader.transport.write(_request(target, core.key).serialize())
    try:
        head = await reader.head
    except NotHttpError as error:
        raise Unreachable("not_http", f"{target.place}: {error}") from None
    except OSError:
        raise Unreachable("reset", f"{target.place} closed before its answer") from None
    if head.status != 101:
        raise HandshakeRefused(head.status, retry_after(head.headers), request_id(head.headers))
    _verify(target, core, head)
    wire = UpstreamWire(limits, asyncio.get_running_loop(), request_id(head.headers))
    wire.subprotocol = core.subprotocol
    wire.take_over(reader)
    return wire


def _core(target: Target) -> ClientProtocol:
    offered = [
        Subprotocol(item.strip())
        for name, value in target.headers
        if name.lower() == "sec-websocket-protocol"
        for item in value.split(",")
    ]
    uri = WebSocketURI(target.tls is not None, target.host, target.port, "/", "")
    return ClientProtocol(uri, subprotocols=offered or None, logger=SILENT)


def _request(target: Target, key: str) -> Request:
    headers = Headers()
    headers["Host"] = target.host_header
    headers["Upgrade"] = "websocket"
    headers["Connection"] = "Upgrade"
    headers["Sec-WebSocket-Key"] = key
    headers["Sec-WebSocket-Version"] = "13"
    for name, value in target.headers:
        headers[name] = value
    return Request(target.request_target, headers)


def _verify(target: Target, core: ClientProtocol, head: AnswerHead) -> None:
    """RFC 6455, section 4.1: the answer must fit our key and name nothing that we did not offer."""
    try:
        core.process_response(Response(head.status, "", head.headers))
    except InvalidHandshake as error:
        detail = f"{target.place}: a 101 that does not fit ({type(error).__name__})"
        raise Unreachable("not_http", detail) from None
