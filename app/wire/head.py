"""Reading the head of an HTTP answer: what a proxy or a WebSocket server says to our request."""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from dataclasses import dataclass
from typing import cast

from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.streams import StreamReader

MAX_HEAD_BYTES = 16 * 1024
_MAX_ID_CHARS = 128


class NotHttpError(Exception):
    """The peer sent something else than an HTTP/1.1 answer, or one with an endless head."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status and headers of an answer."""

    status: int
    headers: Headers


def parse_head(data: bytes) -> AnswerHead:
    """Parses a whole head, up to and including its empty line. Raises NotHttpError."""
    reader = StreamReader()
    reader.feed_data(data)
    # With `proxy` the core does not wait for a body, which may never end.
    parser = Response.parse(reader.read_line, reader.read_exact, reader.read_to_eof, proxy=True)
    try:
        next(parser)
    except StopIteration as done:
        answer: Response = done.value
        return AnswerHead(answer.status_code, answer.headers)
    except Exception:
        raise NotHttpError("the answer is not HTTP/1.1") from None
    raise NotHttpError("the answer's head is not whole")


def retry_after(headers: Headers) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `x-ms-retry-after-ms` or Retry-After (seconds or a
    date: RFC 9110, section 10.2.3). None where nothing usable stands there."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(_only(headers, name))
        if milliseconds is not None:
            return milliseconds / 1000
    text = _only(headers, "retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def request_id(headers: Headers) -> str | None:
    """The id under which the service's support finds this request."""
    for name in ("x-request-id", "apim-request-id"):
        value = _only(headers, name)
        if value is not None and value.isascii() and value.isprintable():
            return value[:_MAX_ID_CHARS]
    return None


def _only(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    return values[0] if values and values[0] else None


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value >= 0 and math.isfinite(value) else None


class HeadReader(asyncio.Protocol):
    """Reads one head from a connection, then stops reading: what came behind it is in `rest`.

    Whoever asked takes the transport over, sets `successor` and tells it of an end that came
    meanwhile (`lost`); later ends are passed on, because a TLS transport may have scheduled its
    last call for the old protocol. A server's interim answers (1xx but 101) are skipped; a proxy
    sends none, but may speak HTTP/1.0.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, from_proxy: bool = False) -> None:
        self.successor: asyncio.Protocol | None = None
        self.head: asyncio.Future[AnswerHead] = loop.create_future()
        self.transport: asyncio.Transport | None = None
        self.rest = b""
        self.lost = False
        self._from_proxy = from_proxy
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection, or its TLS, stands."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """A part of the head, or what stands behind it."""
        if self.head.done():
            self.rest += data
            return
        self._data += data
        try:
            self._look()
        except NotHttpError as error:
            self._fail(error)

    def _look(self) -> None:
        taken = 0
        while not self.head.done():
            end = self._data.find(b"\r\n\r\n", taken)
            if end + 4 > MAX_HEAD_BYTES or (end < 0 and len(self._data) > MAX_HEAD_BYTES):
                raise NotHttpError(f"the answer's head is larger than {MAX_HEAD_BYTES} bytes")
            version = b"HTTP/1." if self._from_proxy else b"HTTP/1.1 "
            if not version.startswith(self._data[taken : taken + len(version)]):
                raise NotHttpError("the answer is not HTTP/1.1")
            if end < 0:
                return
            head = parse_head(bytes(self._data[taken : end + 4]))
            taken = end + 4
            if self._from_proxy or head.status >= 200 or head.status == 101:
                self.rest = bytes(self._data[taken:])
                if self.transport is not None:
                    self.transport.pause_reading()
                self.head.set_result(head)

    def _fail(self, error: Exception) -> None:
        self.head.set_exception(error)
        self.head.exception()  # nobody may wait for it any more: not worth a log line

    def eof_received(self) -> None:
        """The peer sends no more; the loop closes the transport."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended before the head was whole, or before somebody took over."""
        self.lost = True
        if self.successor is not None:
            self.successor.connection_lost(exc)
        elif not self.head.done():
            self._fail(exc or ConnectionResetError("closed before its answer"))
