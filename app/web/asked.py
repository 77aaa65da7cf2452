"""What a client asked for in its handshake, read from the ASGI scope once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs

from app.auth.denied import Denied
from app.auth.handshake import Selection, Shown, select_subprotocol
from app.protocol.close_reasons import CloseReason
from app.protocol.names import Dialect
from app.relay.registry import Opening
from app.wire.wire import Wire

Scope = Mapping[str, Any]

WIRE_EXTENSION = "realtime.wire"
"""Where our WebSocket class puts the wire into `scope["extensions"]`."""

_MODEL_CHARACTERS = 128

_PREVIEW_HEADER = "realtime=v1"
_PREVIEW_SUBPROTOCOL = "openai-beta.realtime-v1"
_GA_PATH = "/v1/realtime"

_UNSUPPORTED = {
    "call_id": "it joins a telephone call, which the relay does not carry",
    "intent": "it asks for a transcription session, and the relay offers conversations only",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One WebSocket handshake. `wire` is None under a server that is not the relay's own."""

    origins: tuple[str, ...]
    shown: Shown
    dialect: Dialect
    host: str
    scheme: str
    query: Mapping[str, list[str]] = field(repr=False)
    selection: Selection
    wire: Wire | None = field(repr=False)

    @property
    def reads_events(self) -> bool:
        """Whether a refusal is told by an `error` event: a browser shows no page the status or the
        body of a refused handshake. Other programs get the HTTP status."""
        return bool(self.origins) or bool(self.shown.subprotocols)

    @property
    def model(self) -> str | None:
        """The model that the client asks for: SDKs name it in `deployment` or in `model`."""
        named = [self.query.get(name, [""])[0] for name in ("deployment", "model")]
        return next((name[:_MODEL_CHARACTERS] for name in named if name), None)

    def opening(
        self,
        origin: str | None,
        address: str | None = None,
        *,
        model: str | None = None,
        deployment: str = "",
    ) -> Opening:
        """What the registry is told. `deployment` answers for `model`."""
        return Opening(
            origin=origin,
            model=model,
            private_events=self.selection.private_events,
            address=address,
            deployment=deployment,
            dialect=self.dialect,
        )


def read_handshake(scope: Scope) -> Asked:
    """Reads the scope of a WebSocket; nothing in it can make this fail."""
    subprotocols = tuple(scope.get("subprotocols") or ())
    hosts = header_values(scope, b"host")
    shown = read_shown(scope, subprotocols)
    return Asked(
        origins=header_values(scope, b"origin"),
        shown=shown,
        dialect=_dialect(scope["path"], header_values(scope, b"openai-beta"), subprotocols),
        host=hosts[0] if hosts else "",
        scheme=scope.get("scheme", "ws"),
        query=shown.query,
        selection=select_subprotocol(subprotocols),
        wire=cast("Wire | None", scope.get("extensions", {}).get(WIRE_EXTENSION)),
    )


def read_shown(scope: Scope, subprotocols: tuple[str, ...] = ()) -> Shown:
    """Every place of a request in which a credential may stand."""
    query = scope.get("query_string", b"").decode("latin-1")
    return Shown(
        authorizations=header_values(scope, b"authorization"),
        api_keys=header_values(scope, b"api-key"),
        subprotocols=subprotocols,
        query=parse_qs(query, keep_blank_values=True, errors="replace"),
    )


def _dialect(path: str, betas: tuple[str, ...], subprotocols: tuple[str, ...]) -> Dialect:
    """What the client speaks, as far as its handshake says so. Header and subprotocol are what
    SDKs of the preview send, on whatever path."""
    marks = [mark.strip() for beta in betas for mark in beta.split(",")]
    if _PREVIEW_HEADER in marks or _PREVIEW_SUBPROTOCOL in subprotocols:
        return Dialect.PREVIEW
    return Dialect.GA if path.rstrip("/").endswith(_GA_PATH) else Dialect.PREVIEW


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
