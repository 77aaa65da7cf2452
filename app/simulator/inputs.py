"""Items that a response is given to read beside or instead of the conversation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.simulator.checks import Fields
from app.simulator.errors import invalid
from app.simulator.item_checks import ItemReader, checked_item
from app.simulator.item_log import ItemLog
from app.simulator.items import MESSAGE, Item, Part


@dataclass(frozen=True, slots=True)
class Inputs:
    """Reads lists of items, of which some may be references to those of the conversation."""

    log: ItemLog
    read: ItemReader

    def entries(self, fields: Fields, name: str) -> Iterator[Item]:
        """The items of the list `name`; none if it is absent. Raises `Rejected`."""
        for path, value in fields.entries(name):
            if isinstance(value, dict) and value.get("type") == "item_reference":
                yield self._referred(value, path)
            else:
                yield checked_item(value, path, self.read)

    def said(self, text: str) -> Item:
        """A user's typed message."""
        part = Part("input_text", text=text)
        return Item(id=self.read.new_id("item"), type=MESSAGE, role="user", content=[part])

    def _referred(self, value: dict[str, Any], path: str) -> Item:
        reference = Fields(value, path, ("type", "id"))
        item_id = reference.required_text("id")
        item = self.log.find(item_id)
        if item is None:
            raise invalid(reference.path("id"), f"Item with item_id not found: '{item_id}'.")
        return item
