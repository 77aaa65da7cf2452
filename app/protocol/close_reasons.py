"""Why a session ends, and what each side is told: one enum, one table.

Codes 4000-4499: the client may try again. 4500-4999: it must do something first (sign in, ask the
operator). 1005, 1006 and 1015 are never sent (RFC 6455, section 7.4.1). Reason texts hold at most
123 bytes of UTF-8 (RFC 6455, section 5.5). The table is checked at import: a bad entry would
otherwise raise inside an ending.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class CloseReason(StrEnum):
    """Why a session ended. The first reason seen holds."""

    CLIENT_CLOSED = "client_closed"
    CLIENT_GONE = "client_gone"
    SESSION_TIME_LIMIT = "session_time_limit"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    IDENTITY_EXPIRED = "identity_expired"
    REVOKED = "revoked"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_LOST = "upstream_lost"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    CREDENTIAL_UNAVAILABLE = "credential_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    SLOW_CLIENT = "slow_client"
    SLOW_UPSTREAM = "slow_upstream"
    IDLE_TIMEOUT = "idle_timeout"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_SESSIONS = "too_many_sessions"
    MESSAGE_TOO_BIG = "message_too_big"
    BINARY = "binary"
    INVALID_TEXT = "invalid_text"
    PROTOCOL_ERROR = "protocol_error"
    POLICY_VIOLATION = "policy_violation"
    DRAINING = "draining"
    INTERNAL_ERROR = "internal_error"


class EndedBy(StrEnum):
    """The party whose act or fault ended the session."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    LIMITS = "limits"
    AUTH = "auth"
    POLICY = "policy"
    OPERATOR = "operator"
    RELAY = "relay"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a close reason means on the wire.

    `close_code` and `text` go into the close frame, `http_status` answers a handshake that is
    refused before accept (None: cannot happen there), `error_code` and `error_type` stand in the
    `error` event that precedes the close frame (None: the client itself left, nobody listens).
    `retry` says that a handshake refusal carries `Retry-After`.
    """

    ended_by: EndedBy
    close_code: int
    text: str
    http_status: int | None = None
    error_code: str | None = None
    error_type: str = SERVER_ERROR
    retry: bool = False


_R, _E = CloseReason, EndedBy

ENDINGS: dict[CloseReason, Ending] = {
    _R.CLIENT_CLOSED: Ending(_E.CLIENT, 1000, ""),
    _R.CLIENT_GONE: Ending(_E.CLIENT, 1000, ""),
    _R.SESSION_TIME_LIMIT: Ending(
        _E.LIMITS,
        1001,
        "Your session hit the maximum duration of {limit}.",
        429,
        "session_expired",
        INVALID_REQUEST,
    ),
    _R.UNAUTHENTICATED: Ending(
        _E.AUTH,
        4500,
        "No valid credential. Get a ticket from POST /tickets and connect again.",
        401,
        "invalid_api_key",
        INVALID_REQUEST,
    ),
    _R.FORBIDDEN: Ending(
        _E.AUTH,
        4506,
        "This page or user may not connect here.",
        403,
        "invalid_api_key",
        INVALID_REQUEST,
    ),
    _R.IDENTITY_EXPIRED: Ending(
        _E.AUTH,
        4501,
        "Your sign-in has expired. Sign in again and connect again.",
        401,
        "invalid_api_key",
        INVALID_REQUEST,
    ),
    _R.REVOKED: Ending(
        _E.AUTH,
        4502,
        "Your access was revoked by the operator.",
        401,
        "invalid_api_key",
        INVALID_REQUEST,
    ),
    _R.UPSTREAM_REFUSED: Ending(
        _E.OPERATOR, 4510, "The service is not set up correctly.", 502, SERVER_ERROR
    ),
    _R.UPSTREAM_LOST: Ending(
        _E.UPSTREAM, 4000, "The connection to the model was lost.", None, SERVER_ERROR
    ),
    _R.UPSTREAM_PROTOCOL: Ending(
        _E.UPSTREAM, 4000, "The connection to the model was lost.", None, SERVER_ERROR
    ),
    _R.UPSTREAM_UNAVAILABLE: Ending(
        _E.UPSTREAM,
        4001,
        "The model cannot be reached at the moment.",
        503,
        SERVER_ERROR,
        retry=True,
    ),
    _R.CREDENTIAL_UNAVAILABLE: Ending(
        _E.RELAY,
        4002,
        "The service cannot sign in at the moment.",
        503,
        SERVER_ERROR,
        retry=True,
    ),
    _R.STORE_UNAVAILABLE: Ending(
        _E.RELAY,
        4008,
        "The service takes no new sessions at the moment.",
        503,
        SERVER_ERROR,
        retry=True,
    ),
    _R.SLOW_CLIENT: Ending(
        _E.CLIENT, 4003, "The client does not read fast enough.", None, SERVER_ERROR
    ),
    _R.SLOW_UPSTREAM: Ending(
        _E.UPSTREAM, 4007, "The model does not read fast enough.", None, SERVER_ERROR
    ),
    _R.IDLE_TIMEOUT: Ending(
        _E.LIMITS,
        4004,
        "Nothing was said for too long.",
        None,
        "session_expired",
        INVALID_REQUEST,
    ),
    _R.RATE_LIMITED: Ending(
        _E.LIMITS,
        4005,
        "Too many requests.",
        429,
        "rate_limit_exceeded",
        INVALID_REQUEST,
        retry=True,
    ),
    _R.TOO_MANY_SESSIONS: Ending(
        _E.LIMITS,
        4006,
        "Too many sessions are open.",
        429,
        "rate_limit_exceeded",
        INVALID_REQUEST,
        retry=True,
    ),
    _R.MESSAGE_TOO_BIG: Ending(
        _E.CLIENT, 1009, "Message too big.", 400, "message_too_big", INVALID_REQUEST
    ),
    _R.BINARY: Ending(
        _E.CLIENT, 1003, "Send text messages, not binary.", 400, "binary", INVALID_REQUEST
    ),
    _R.INVALID_TEXT: Ending(
        _E.CLIENT, 1007, "Text is not valid UTF-8.", 400, "invalid_text", INVALID_REQUEST
    ),
    _R.PROTOCOL_ERROR: Ending(
        _E.CLIENT, 1002, "WebSocket protocol error.", 400, "protocol_error", INVALID_REQUEST
    ),
    _R.POLICY_VIOLATION: Ending(
        _E.POLICY,
        1008,
        "Too many events that the policy forbids.",
        None,
        "policy_violation",
        INVALID_REQUEST,
    ),
    _R.DRAINING: Ending(
        _E.RELAY, 1012, "The service is restarting. Connect again.", 503, SERVER_ERROR, retry=True
    ),
    _R.INTERNAL_ERROR: Ending(_E.RELAY, 1011, "Internal error.", 500, SERVER_ERROR),
}


def close_text(reason: CloseReason, *, seconds: float = 1800) -> str:
    """The text for the close frame; `seconds` is the session's limit."""
    return ENDINGS[reason].text.format(limit=_spelled(seconds))


def _spelled(seconds: float) -> str:
    """A duration as the service says it: whole minutes, or seconds below two of them."""
    whole = math.ceil(seconds)
    if whole % 60 and whole < 120:
        return f"{whole} second{'s' * (whole != 1)}"
    minutes = math.ceil(whole / 60)
    return f"{minutes} minute{'s' * (minutes != 1)}"


def _check() -> None:
    if set(ENDINGS) != set(CloseReason):
        raise ValueError(f"close reasons without a row: {set(CloseReason) - set(ENDINGS)}")
    for reason, ending in ENDINGS.items():
        code = ending.close_code
        if not (code in {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012} or code >= 4000):
            raise ValueError(f"{reason}: close code {code} may not be sent")
        if len(close_text(reason, seconds=1e6).encode()) > 123:
            raise ValueError(f"{reason}: the text does not fit into a close frame")


_check()
