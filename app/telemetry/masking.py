"""The last defence of the logs: hides what looks like a credential in any string of an event.

Nothing that logs should rely on it. It is there for the exception whose text quotes a header, and
for the library that prints an address with its query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

HIDDEN = "***"
_LONGEST = 2_000
_LONGEST_TRACE = 20_000
_DEEPEST = 6
_TRACES = frozenset({"exception", "stack"})
_SECRET_NAMES = frozenset(
    {
        "apikey",
        "assertion",
        "authorization",
        "cookie",
        "credential",
        "key",
        "password",
        "secret",
        "set_cookie",
        "sec_websocket_protocol",
        "ticket",
        "token",
    }
)
_SECRET_ENDINGS = ("_key", "_password", "_secret", "_ticket", "_token")

_NAMED = (
    r"api[-_]?key|access[-_]token|refresh[-_]token|id[-_]token|client[-_]secret|"
    r"client[-_]assertion|assertion|authorization|password|secret|ticket|token|sig"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Addresses first: a query may hold anything, a user part is always a credential.
    (re.compile(r"((?:https?|wss?)://[^\s\"'<>?]*|(?<![\w.])/[\w./~%-]*)\?[^\s\"'<>]*"), r"\1?***"),
    (re.compile(r"://[^\s/\"'@]+@"), "://***@"),
    (re.compile(r"\b(Bearer|Basic)(\s+)[^\s\"',;]+", re.IGNORECASE), r"\1\2***"),
    (re.compile(r"(openai-insecure-api-key\.)[^\s\"',;]+", re.IGNORECASE), r"\1***"),
    (
        # name=value, "name": "value", ('name', b'value'); not a scheme, which stands above
        re.compile(
            rf"(?<![A-Za-z0-9])({_NAMED})"
            r"([\"']?+\s*+[=:]\s*+b?+[\"']?+|[\"']\s*+,\s*+b?+[\"'])"
            r"(?!(?:Bearer|Basic)\s)[^\s\"',;&)}\]]+",
            re.IGNORECASE,
        ),
        r"\1\2***",
    ),
    (re.compile(r"\bek_[A-Za-z0-9._~+/=-]{4,}"), "ek_***"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), "sk-***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{84}(?![A-Za-z0-9])"), HIDDEN),
)


def mask(text: str) -> str:
    """`text` without what looks like a credential, or like an address with a query."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: stands behind whatever makes text of exceptions, last before the
    renderer. Values whose name says that they are secret are hidden whole."""
    return {
        mask(name): _masked(name, value, _LONGEST_TRACE if name in _TRACES else _LONGEST)
        for name, value in event.items()
    }


def _masked(name: str, value: Any, longest: int, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return _short(mask(str(value)), longest)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {
            mask(str(key)): _masked(str(key), inner, longest, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_masked("", inner, longest, depth + 1) for inner in value]
    return _short(mask(_text(value)), longest)


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__} without a text>"


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("-", "_")
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"
