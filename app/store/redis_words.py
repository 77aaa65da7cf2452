"""What we say of an error from Redis. What came over the wire is not repeated: a Redis whose AUTH
goes by another name, or a proxy, answers with the command that it did not know, password and all.
"""

from __future__ import annotations

import re

from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as NoConnection

_CODE = re.compile(r"[A-Z]{2,20}")

_MEANING = {
    "OOM": "its memory is full",
    "READONLY": "it is a replica, which may only be read",
    "NOPERM": "the user has no permission",
    "MOVED": "it is part of a cluster, and another one has the keys",
    "LOADING": "it is still loading its data",
}


def said(error: Exception, password: str | None) -> str:
    """Why there was no answer, or none of use: one sentence without its full stop."""
    text = _sentence(error).rstrip(". ")
    return text.replace(password, "***") if password else text


def _sentence(error: Exception) -> str:
    if isinstance(error, RedisError):
        code = _code(error)
        if isinstance(error, AuthenticationError):
            return f"it does not accept the user name or password ({code or 'AUTH'})"
        if code is not None:
            return f"{_MEANING.get(code, 'it does not do this')} ({code})"
    # of these the text was made on this machine: no route, a certificate, a closed connection
    local = isinstance(error, OSError) or type(error) is NoConnection
    return str(error) if local else type(error).__name__


def _code(error: RedisError) -> str | None:
    """The word that Redis' answer began with, None where it was no known kind of word."""
    code = getattr(error, "status_code", None)
    if code is None and type(error) is not NoConnection:
        code = str(error).partition(" ")[0]
    return code if code and code != "ERR" and _CODE.fullmatch(code) else None
