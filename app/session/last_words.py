"""The `error` event that goes before a close frame, so that SDKs can tell why."""

from __future__ import annotations

from typing import Any

from app.protocol.close_reasons import ENDINGS, CloseReason, close_text
from app.protocol.errors import error_event


def last_words(
    reason: CloseReason, *, seconds: float, event_id: str, retry_after: float | None = None
) -> bytes | None:
    """The frame, or None where the client itself has left. `retry_after` in seconds."""
    ending = ENDINGS[reason]
    if ending.error_code is None:
        return None
    extra: dict[str, Any] = {}
    if retry_after is not None:
        extra["retry_after_ms"] = round(retry_after * 1000)
    return error_event(
        code=ending.error_code,
        message=close_text(reason, seconds=seconds),
        type_=ending.error_type,
        event_id=event_id,
        extra=extra or None,
    )
