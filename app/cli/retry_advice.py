"""What a client should do after each ending, in words for docs/protocol.md.

The codes say it in general (`app.protocol.close_reasons`): 4000 to 4499 may be tried again, 4500
and above must not before something was done. Here stand the cases that need a word more.
"""

from __future__ import annotations

from app.protocol.close_reasons import ENDINGS, CloseReason

_R = CloseReason

_PARTICULAR: dict[CloseReason, str] = {
    _R.CLIENT_CLOSED: "Nothing: you closed it.",
    _R.CLIENT_GONE: "Nothing: you were gone. Connect again when you are back.",
    _R.SESSION_TIME_LIMIT: "May connect again: a new session with an empty conversation.",
    _R.IDLE_TIMEOUT: "Connect again when somebody speaks or types, not by itself.",
    _R.TOO_MANY_SESSIONS: "May try again. It helps to close another session of this user first.",
    _R.DRAINING: "Try again after a pause.",
    _R.INTERNAL_ERROR: "May try again once. If it stays, tell the operator: the cause is logged.",
    _R.POLICY_VIOLATION: "No retry: mend the client. Each `error` before named the rule.",
    _R.UNAUTHENTICATED: "No retry with this credential. Get a fresh ticket, or sign in.",
    _R.IDENTITY_EXPIRED: "No retry with this user's old token: sign in again first. See "
    "[Long conversations](sign-in.md#long-conversations).",
    _R.FORBIDDEN: "No retry. The `error` says why; an origin is added by the operator "
    "(RELAY_ALLOWED_ORIGINS).",
    _R.UPSTREAM_REFUSED: "No retry. The operator runs `realtime-relay check`.",
}


def advice(reason: CloseReason) -> str:
    """One sentence or two for the developer of a client."""
    if reason in _PARTICULAR:
        return _PARTICULAR[reason]
    code = ENDINGS[reason].close_code
    if 4000 <= code < 4500:
        return "Try again after a pause."
    return "No retry: mend the client." if code < 4000 else "No retry: ask the operator."
