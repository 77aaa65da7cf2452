"""The door's "no", as a value: every check of this room answers with it instead of raising."""

from __future__ import annotations

from dataclasses import dataclass

from app.protocol.close_reasons import CloseReason


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a client may not come in.

    `rule` names the rule for the log; `message` is for the client's developer: it says what is
    wrong and how to fix it, and never repeats a credential. `retry_after` is in seconds, None
    where waiting does not help.
    """

    rule: str
    message: str
    reason: CloseReason = CloseReason.UNAUTHENTICATED
    retry_after: float | None = None
