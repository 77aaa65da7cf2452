"""The items of the default conversation, in order: a chain in which each knows the one before."""

from __future__ import annotations

from collections.abc import Iterator

from app.simulator.items import FUNCTION_CALL, Item

ROOT = "root"
"""The `previous_item_id` that means: before everything else."""


class ItemLog:
    """Ordered items with unique ids. A removed item's neighbours close ranks."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def find(self, item_id: str) -> Item | None:
        return next((item for item in self._items if item.id == item_id), None)

    def before(self, item: Item) -> str | None:
        """The id of the item that precedes this one, which stands in the conversation."""
        index = self._items.index(item)
        return self._items[index - 1].id if index else None

    def has_call(self, call_id: str) -> bool:
        """Whether a function call with this id stands in the conversation."""
        return any(i.type == FUNCTION_CALL and i.call_id == call_id for i in self._items)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts the item behind `after` (None: at the end, `ROOT`: first) and returns the id of
        the item that now precedes it. `after` must exist."""
        if after is None:
            index = len(self._items)
        elif after == ROOT:
            index = 0
        else:
            index = 1 + next(i for i, known in enumerate(self._items) if known.id == after)
        self._items.insert(index, item)
        return self._items[index - 1].id if index else None

    def remove(self, item: Item) -> None:
        self._items.remove(item)
