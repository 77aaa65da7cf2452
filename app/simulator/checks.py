"""Reads one JSON object strictly: every member has a name that is known and a type that fits.

A `null` counts as absent, except where the caller asks for the raw value. All methods raise
`Rejected` with the path of the member, as the service does ("session.turn_detection.type").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Self

from app.simulator.errors import (
    Rejected,
    decimal_above,
    decimal_below,
    integer_above,
    integer_below,
    invalid,
    missing,
    too_long,
    unknown_parameter,
    unsupported,
    wrong_type,
)

ID_LENGTH = 32
"""The longest item id that a client may choose."""


class Fields:
    """The members of one object; `path` is empty for the event itself."""

    def __init__(self, value: Any, path: str, known: Collection[str]) -> None:
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        self._members: dict[str, Any] = value
        self._path = path
        for name in value:
            if name not in known:
                raise unknown_parameter(self.path(name))

    def path(self, name: str) -> str:
        """The full name of a member, for an error's `param`."""
        return f"{self._path}.{name}" if self._path else name

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def inside(self, name: str, known: Collection[str]) -> Self:
        """The members of the object `name`, read just as strictly."""
        return type(self)(self.given(name), self.path(name), known)

    def given(self, name: str) -> Any:
        """The value as it came; None if absent or null."""
        return self._members.get(name)

    def required(self, name: str) -> Any:
        """The value as it came; absent and null are refused."""
        value = self._members.get(name)
        if value is None:
            raise missing(self.path(name))
        return value

    def text(self, name: str, *, limit: int | None = None) -> str | None:
        """A string of at most `limit` characters."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong_type(self.path(name), "a string", value)
        if limit is not None and len(value) > limit:
            raise too_long(self.path(name), limit, len(value))
        return value

    def required_text(self, name: str, *, limit: int | None = None) -> str:
        self.required(name)
        return self.text(name, limit=limit) or ""

    def boolean(self, name: str) -> bool | None:
        value = self._members.get(name)
        if value is not None and not isinstance(value, bool):
            raise wrong_type(self.path(name), "a boolean", value)
        return value

    def decimal(self, name: str, low: float, high: float) -> float | None:
        """A number between `low` and `high`, both included."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(self.path(name), "a decimal", value)
        if value < low:
            raise decimal_below(self.path(name), low, value)
        if value > high:
            raise decimal_above(self.path(name), high, value)
        return value

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number between `low` and `high`, both included."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.path(name), "an integer", value)
        if not low <= value <= high:
            raise self._beyond(name, value, low, high)
        return value

    def _beyond(self, name: str, value: int, low: int, high: int) -> Rejected:
        message = (
            f"Invalid '{self.path(name)}': expected an integer between {low} and {high}, "
            f"but got {value} instead."
        )
        return invalid(self.path(name), message)

    def choice(self, name: str, supported: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(name)
        if value is not None and value not in supported:
            raise unsupported(self.path(name), value, supported)
        return value

    def entries(self, name: str) -> Iterator[tuple[str, Any]]:
        """The entries of an array, each with its path; nothing if absent."""
        value = self._members.get(name)
        if value is None:
            return
        yield from entries(value, self.path(name))


class BoundedFields(Fields):
    """Members of which a whole number beyond its bounds has error codes of its own, as in GA."""

    def _beyond(self, name: str, value: int, low: int, high: int) -> Rejected:
        if value < low:
            return integer_below(self.path(name), low, value)
        return integer_above(self.path(name), high, value)


def entries(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The entries of an array of objects, each with its path ("session.tools[0]")."""
    if not isinstance(value, list):
        raise wrong_type(path, "an array of objects", value)
    for index, entry in enumerate(value):
        yield f"{path}[{index}]", entry
