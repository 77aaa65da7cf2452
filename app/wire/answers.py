"""HTTP answers in words, for requests that become neither a WebSocket nor the app's business."""

from __future__ import annotations

import http

from websockets.datastructures import Headers
from websockets.http11 import Response


def plain_answer(status: int, text: str) -> bytes:
    """A whole HTTP answer in words, after which the connection ends."""
    body = text.encode()
    headers = Headers()
    headers["Content-Type"] = "text/plain; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Response(status, phrase(status), headers, body).serialize()


def phrase(status: int) -> str:
    """The reason phrase of a status; empty for an unknown one."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
