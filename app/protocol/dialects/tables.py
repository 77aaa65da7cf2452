"""Which wire type means which kind of server event, per dialect: tables, and nothing else. PURE.

The internal spelling is the GA one, so the GA tables are the identity minus what only the preview
dialect says. Client events have the same types in both dialects.
"""

from __future__ import annotations

from app.protocol.names import PREVIEW_SERVER_TYPES, Dialect, ServerKind

_PREVIEW_ONLY = frozenset({ServerKind.ITEM_CREATED})
_GA_ONLY = frozenset(
    {
        ServerKind.ITEM_ADDED,
        ServerKind.ITEM_DONE,
        ServerKind.AUDIO_TIMEOUT,
        ServerKind.TRANSCRIPTION_SEGMENT,
    }
)


def _preview_kinds() -> dict[str, ServerKind]:
    renamed = frozenset(PREVIEW_SERVER_TYPES.values())
    same = {kind.value: kind for kind in ServerKind if kind not in renamed | _GA_ONLY}
    return same | PREVIEW_SERVER_TYPES


KINDS: dict[Dialect, dict[str, ServerKind]] = {
    Dialect.PREVIEW: _preview_kinds(),
    Dialect.GA: {kind.value: kind for kind in ServerKind if kind not in _PREVIEW_ONLY},
}
"""Wire type to kind. A type without an entry is unknown in that dialect."""

WIRE_TYPES: dict[Dialect, dict[str, str]] = {
    Dialect.PREVIEW: {kind.value: wire for wire, kind in PREVIEW_SERVER_TYPES.items()},
    Dialect.GA: {},
}
"""Internal type to wire type, where they differ."""


def kind_of(wire_type: str, dialect: Dialect) -> ServerKind | None:
    """The kind of a server event with this `type`; None: unknown in this dialect."""
    return KINDS[dialect].get(wire_type)


def wire_type(internal_type: str, dialect: Dialect) -> str:
    """The `type` that a client of this dialect knows for an event of ours."""
    return WIRE_TYPES[dialect].get(internal_type, internal_type)
