"""Server events: every one has a type and an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]


class EventMaker:
    """Makes events with ids from the given source (`new_id("event")`).

    Events are asked for by their GA names; `names` holds those that go by another.
    """

    def __init__(self, new_id: Callable[[str], str], names: Mapping[str, str]) -> None:
        self._new_id = new_id
        self._names = names

    def __call__(self, kind: str, **fields: Any) -> Event:
        name = self._names.get(kind, kind)
        return {"type": name, "event_id": self._new_id("event"), **fields}
