"""What upstream's dialect cannot say of a client's event, so that somebody can be told. PURE.

A setting that has no name there is left out when the event is encoded, and a voice that upstream
does not know becomes another. A picture cannot be left out: the message would be another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.protocol.dialects.voices import preview_voice
from app.protocol.names import Dialect
from app.protocol.session_object import RESPONSE_CREATE, SESSION, outward

_SETTINGS = {"session": SESSION, "response": RESPONSE_CREATE}
_VOICE = ("audio", "output", "voice")
_MARKS = frozenset({"type"})
"""Keys that mean nothing but the dialect itself."""

IMAGE = "input_image"


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Internal paths: of settings that are `left_out`, and of those that go on as another value.
    `picture` is the part that cannot be sent at all."""

    left_out: tuple[str, ...] = ()
    changed: Mapping[str, Any] = field(default_factory=dict)
    picture: str | None = None


NOTHING = Unsaid()


def unsaid(body: Mapping[str, Any], dialect: Dialect) -> Unsaid:
    """What an upstream of this dialect does not get to hear of `body` (internal spelling)."""
    for root, tables in _SETTINGS.items():
        settings = body.get(root)
        if isinstance(settings, dict):
            table = tables[dialect]
            left_out = [f"{root}.{key}" for key in settings if key in table.unsent - _MARKS]
            changed = _other_voice(root, settings, dialect)
            picture = _picture(settings.get("input"), f"{root}.input", dialect)
            return Unsaid(tuple(left_out), changed, picture)
    item = body.get("item")
    if isinstance(item, dict):
        return Unsaid(picture=_picture_of(item, "item", dialect))
    return NOTHING


def says_nothing(session: Mapping[str, Any], dialect: Dialect) -> bool:
    """Whether nothing of a session's settings would reach an upstream of this dialect."""
    return not outward(session, SESSION[dialect]).keys() - _MARKS


def _other_voice(root: str, settings: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    value: Any = settings
    for step in _VOICE:
        value = value.get(step) if isinstance(value, dict) else None
    if dialect is not Dialect.PREVIEW or value == preview_voice(value):
        return {}
    return {".".join((root, *_VOICE)): preview_voice(value)}


def _picture(items: Any, path: str, dialect: Dialect) -> str | None:
    entries = items if isinstance(items, list) else []
    found = (
        _picture_of(item, f"{path}[{position}]", dialect) for position, item in enumerate(entries)
    )
    return next((path for path in found if path is not None), None)


def _picture_of(item: Mapping[str, Any], path: str, dialect: Dialect) -> str | None:
    content = item.get("content")
    if dialect is not Dialect.PREVIEW or not isinstance(content, list):
        return None
    for position, part in enumerate(content):
        if isinstance(part, dict) and part.get("type") == IMAGE:
            return f"{path}.content[{position}]"
    return None
