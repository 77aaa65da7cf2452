"""Conversation items: the content types that the dialects spell differently. PURE.

Preview calls what the model said `text` and `audio`, GA `output_text` and `output_audio`. The
`part` of `response.content_part.*` keeps the short names in both dialects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.protocol.names import Dialect

_INWARD: dict[Dialect, dict[str, str]] = {
    Dialect.PREVIEW: {"text": "output_text", "audio": "output_audio"},
    Dialect.GA: {},
}
_OUTWARD: dict[Dialect, dict[str, str]] = {
    dialect: {inside: outside for outside, inside in names.items()}
    for dialect, names in _INWARD.items()
}


def item_in(item: Any, dialect: Dialect) -> Any:
    """`item` in the internal spelling; anything that is not an item is returned as it is."""
    return _respelled(item, _INWARD[dialect])


def item_out(item: Any, dialect: Dialect) -> Any:
    """`item` in the dialect's spelling; anything that is not an item is returned as it is."""
    return _respelled(item, _OUTWARD[dialect])


def items_in(items: Any, dialect: Dialect) -> Any:
    """A list of items in the internal spelling."""
    return [item_in(item, dialect) for item in items] if isinstance(items, list) else items


def items_out(items: Any, dialect: Dialect) -> Any:
    """A list of items in the dialect's spelling."""
    return [item_out(item, dialect) for item in items] if isinstance(items, list) else items


def streamed_part(part: Any) -> Any:
    """The `part` of `response.content_part.*` under its short name, which both dialects document;
    a GA service may say it as it does in items."""
    return _part(part, _OUTWARD[Dialect.PREVIEW])


def _respelled(item: Any, names: Mapping[str, str]) -> Any:
    if not names or not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    return {**item, "content": [_part(part, names) for part in item["content"]]}


def _part(part: Any, names: Mapping[str, str]) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in names:
        return part
    return {**part, "type": names[kind]}
