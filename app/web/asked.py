"""What a client asked for in its handshake, read from the ASGI scope once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs

from app.auth.denied import Denied
from app.auth.handshake import Selection, select_subprotocol
from app.protocol.close_reasons import CloseReason
from app.relay.registry import Opening
from app.wire.wire import Wire

Scope = Mapping[str, Any]

WIRE_EXTENSION = "realtime.wire"
"""Where our WebSocket class puts the wire into `scope["extensions"]`."""

_MODEL_CHARACTERS = 128

_UNSUPPORTED = {
    "call_id": "it joins a telephone call, which the relay does not carry",
    "intent": "it asks for a transcription session, and the relay offers conversations only",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One WebSocket handshake. `wire` is None under a server that is not the relay's own."""

    origins: tuple[str, ...]
    authorizations: tuple[str, ...] = field(repr=False)
    subprotocols: tuple[str, ...] = field(repr=False)
    host: str
    scheme: str
    query: Mapping[str, list[str]] = field(repr=False)
    selection: Selection
    wire: Wire | None = field(repr=False)

    @property
    def reads_events(self) -> bool:
        """Whether a refusal is told by an `error` event: a browser shows no page the status or the
        body of a refused handshake. Other programs get the HTTP status."""
        return bool(self.origins) or bool(self.subprotocols)

    def opening(self, origin: str | None) -> Opening:
        """What the registry is told. SDKs name the model in `deployment` or `model`."""
        named = self.query.get("deployment") or self.query.get("model")
        return Opening(
            origin=origin,
            model=named[0][:_MODEL_CHARACTERS] if named else None,
            private_events=self.selection.private_events,
        )


def read_handshake(scope: Scope) -> Asked:
    """Reads the scope of a WebSocket; nothing in it can make this fail."""
    subprotocols = tuple(scope.get("subprotocols") or ())
    hosts = header_values(scope, b"host")
    query = scope.get("query_string", b"").decode("latin-1")
    return Asked(
        origins=header_values(scope, b"origin"),
        authorizations=header_values(scope, b"authorization"),
        subprotocols=subprotocols,
        host=hosts[0] if hosts else "",
        scheme=scope.get("scheme", "ws"),
        query=parse_qs(query, keep_blank_values=True, errors="replace"),
        selection=select_subprotocol(subprotocols),
        wire=cast("Wire | None", scope.get("extensions", {}).get(WIRE_EXTENSION)),
    )


def header_values(scope: Scope, name: bytes) -> tuple[str, ...]:
    """All values of a header, in order. `name` is in lower case, as ASGI has them."""
    return tuple(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def judge_query(query: Mapping[str, list[str]]) -> Denied | None:
    """Refuses what would mean another kind of session; other unknown keys are ignored."""
    for key, why in _UNSUPPORTED.items():
        if key in query:
            return Denied(
                f"query.{key}",
                f"The query parameter '{key}' is not allowed here: {why}. Remove it.",
                CloseReason.FORBIDDEN,
            )
    return None
