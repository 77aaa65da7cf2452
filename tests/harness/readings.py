"""Three readings of one JSON text, as parsers in the field read it.

Where a key stands twice, some parsers keep the first value and some the last; some take `Type` for
`type`. A frame that means the same to all three can be misread by none of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

Pairs = list[tuple[str, Any]]

EXACT_INTEGER = 2**53


class Unreadable(ValueError):  # noqa: N818  (an answer, not a fault)
    """Not JSON as RFC 8259 has it, or JSON that parsers are known to read differently."""


def first_wins(frame: bytes) -> Any:
    """The first value of a repeated key counts (simdjson on demand, RapidJSON's `FindMember`)."""

    def keep(pairs: Pairs) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            found.setdefault(key, value)
        return found

    return _read(frame, keep)


def last_wins(frame: bytes) -> Any:
    """The last value counts (Python, JavaScript, Go, msgspec, orjson)."""
    return _read(frame, dict)


def case_insensitive(frame: bytes) -> Any:
    """Keys that differ only in case are one key, spelled as it was first, with the last value
    (Go's `encoding/json` into structs, .NET with `PropertyNameCaseInsensitive`)."""

    def fold(pairs: Pairs) -> dict[str, Any]:
        spelled: dict[str, str] = {}
        found: dict[str, Any] = {}
        for key, value in pairs:
            found[spelled.setdefault(key.casefold(), key)] = value
        return found

    return _read(frame, fold)


READINGS: tuple[Callable[[bytes], Any], ...] = (first_wins, last_wins, case_insensitive)


def one_meaning(frame: bytes) -> Any:
    """What the frame means to all three; raises `Unreadable` where they differ."""
    meanings = [reading(frame) for reading in READINGS]
    for reading, meaning in zip(READINGS[1:], meanings[1:], strict=True):
        if not same(meanings[0], meaning):
            raise Unreadable(f"{READINGS[0].__name__} and {reading.__name__} differ: {frame!r}")
    return meanings[0]


def same(one: Any, other: Any) -> bool:
    """Equality in which `1`, `1.0` and `true` are three values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _read(frame: bytes, hook: Callable[[Pairs], dict[str, Any]]) -> Any:
    try:
        text = frame.decode("utf-8", "strict")
        if text.startswith("\ufeff"):
            raise Unreadable("a byte order mark")
        return json.loads(
            text,
            object_pairs_hook=hook,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > EXACT_INTEGER:
        raise Unreadable("an integer that floating point does not hold")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable("a number beyond floating point")
    return value
