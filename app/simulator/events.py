"""Server events of the preview dialect: every one has a type and an id of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]


class EventMaker:
    """Makes events with ids from the given source (`new_id("event")`)."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id

    def __call__(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "event_id": self._new_id("event"), **fields}
