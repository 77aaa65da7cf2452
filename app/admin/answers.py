"""How the admin listener answers: JSON, never cached, errors in a sentence that names the fix."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi.responses import Response

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class BadRequest(Exception):  # noqa: N818  (it is an answer, not a fault)
    """The request cannot be carried out; `message` says what to send instead."""

    def __init__(self, message: str, *, status: int = 400, code: str = "bad_request") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(
        msgspec.json.encode(value),
        status,
        {**HEADERS, **(headers or {})},
        media_type="application/json",
    )


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """What is wrong, for a person."""
    return answer({"error": {"code": code, "message": message}}, status, headers)
