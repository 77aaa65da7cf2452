"""How a ticket is asked for and told: in our own words, or as SDKs do at their paths.

SDKs let a page's server set up the session while it asks for the key. Here the operator sets up
sessions, and what a client may change it changes when it has connected; so a body that asks for
more than a model and a lifetime is refused by name: nothing that it asks for is ignored in silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import msgspec

from app.auth.tickets import Minted
from app.protocol.names import Dialect
from app.protocol.session_object import SESSION, inward

_MODEL_CHARACTERS = 128
_LONGEST_SECONDS = 366 * 24 * 3600


class Shape(Enum):
    """Whose words a request for a ticket is made of."""

    TICKET = auto()  # our own
    SECRET = auto()  # GA: `client_secrets`
    SESSION = auto()  # preview: `sessions`


SDK_PATHS: Mapping[str, Shape] = {
    "/v1/realtime/client_secrets": Shape.SECRET,
    "/openai/v1/realtime/client_secrets": Shape.SECRET,
    "/openai/realtime/client_secrets": Shape.SECRET,
    "/v1/realtime/sessions": Shape.SESSION,
    "/openai/realtime/sessions": Shape.SESSION,
}
"""Where SDKs ask for an ephemeral key."""


class BadBodyError(Exception):
    """The request's body cannot be used: an HTTP status, and words for the client's developer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Wish:
    """What the body asks for: a model, and the ticket's life in seconds; None where it does not."""

    model: str | None = None
    seconds: float | None = None


def read_wish(body: bytes, shape: Shape) -> Wish:
    """Raises `BadBodyError` for anything that this shape has no place for."""
    keys = _object(body)
    match shape:
        case Shape.TICKET:
            return _nothing(keys)
        case Shape.SECRET:
            _allow(keys, {"session", "expires_after"})
            session = _inner(keys, "session")
            _allow(session, {"type", "model"}, "session.")
            _realtime(session, "session.type")
            return Wish(
                _model(session, "session.model"), _seconds(keys, "expires_after", "expires_after")
            )
        case Shape.SESSION:
            _allow(keys, {"type", "model", "client_secret"})
            _realtime(keys, "type")
            secret = _inner(keys, "client_secret")
            _allow(secret, {"expires_after"}, "client_secret.")
            seconds = _seconds(secret, "expires_after", "client_secret.expires_after")
            return Wish(_model(keys, "model"), seconds)


def told(shape: Shape, minted: Minted, wish: Wish, described: dict[str, Any]) -> dict[str, Any]:
    """The answer. `described` holds `session`, as the preview spells it, and `relay`. An `id` in it
    is there because SDKs demand one: the session's own comes with `session.created`."""
    ticket = {"value": minted.value, "expires_at": minted.expires_at}
    if shape is Shape.TICKET:
        return {**ticket, **described}
    session: dict[str, Any] = dict(described["session"])
    session["id"] = f"sess_{secrets.token_hex(12)}"
    session["object"] = "realtime.session"
    session["model"] = wish.model or session.get("model")
    if shape is Shape.SESSION:
        return {**session, "client_secret": ticket, "relay": described["relay"]}
    session = {**inward(session, SESSION[Dialect.PREVIEW]).value, "type": "realtime"}
    return {**ticket, "session": session, "relay": described["relay"]}


def _object(body: bytes) -> dict[str, Any]:
    """The body without what is null, which asks for nothing."""
    if not body.strip():
        return {}
    try:
        keys = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadBodyError(400, "The body is not a JSON object. Send none, or {}.") from None
    return _without_nulls(keys)


def _without_nulls(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None}


def _nothing(keys: dict[str, Any]) -> Wish:
    if keys:
        named = ", ".join(repr(key[:40]) for key in list(keys)[:5])
        raise BadBodyError(
            400, f"The body has fields that are not supported: {named}. Send none, or {{}}."
        )
    return Wish()


def _allow(keys: dict[str, Any], allowed: set[str], where: str = "") -> None:
    for key in keys:
        if key not in allowed:
            raise BadBodyError(
                400,
                f"'{where}{key[:40]}' cannot be set when the key is made. Leave it out and send it "
                "in a session.update after connecting, as far as the relay's policy allows it.",
            )


def _inner(keys: dict[str, Any], name: str) -> dict[str, Any]:
    value = keys.get(name, {})
    if not isinstance(value, dict):
        raise BadBodyError(400, f"'{name}' is not an object.")
    return _without_nulls(value)


def _realtime(keys: dict[str, Any], path: str) -> None:
    if keys.get("type", "realtime") != "realtime":
        raise BadBodyError(400, f"'{path}' must be 'realtime': there are no other sessions here.")


def _model(keys: dict[str, Any], path: str) -> str | None:
    model = keys.get("model")
    if model is None:
        return None
    if not isinstance(model, str) or not 1 <= len(model) <= _MODEL_CHARACTERS:
        raise BadBodyError(400, f"'{path}' is not a text of 1 to {_MODEL_CHARACTERS} characters.")
    return model


def _seconds(keys: dict[str, Any], name: str, path: str) -> float | None:
    after = _inner(keys, name)
    _allow(after, {"anchor", "seconds"}, f"{path}.")
    if after.get("anchor", "created_at") != "created_at":
        raise BadBodyError(400, f"'{path}.anchor' must be 'created_at'.")
    seconds = after.get("seconds")
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
        raise BadBodyError(400, f"'{path}.seconds' is not a whole number above 0.")
    return float(min(seconds, _LONGEST_SECONDS))  # an int may be too large for a float
