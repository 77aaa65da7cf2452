"""Every documented server event with a canary in every text, built from the types of `openai`.

A canary is `◆` and the path of the field that it was put into, so that one which gets out tells
where it came from. In a number it is one that stands in no other field. Unknown keys are planted in
every object as well: the service grows.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import openai.types.beta.realtime as preview_types
import openai.types.realtime as ga_types
from pydantic import BaseModel

from app.protocol.names import Dialect

CANARY = "◆"
UNKNOWN = "field_of_tomorrow"
FIRST_NUMBER = 7_100_001
_numbers: dict[str, int] = {}
"""The number that was put into the field of each path."""

KEPT_LITERALS = frozenset({"type", "role"})
"""Without these nothing is recognised, and everything would be dropped for that reason alone."""

TYPES: dict[Dialect, tuple[type[BaseModel], ...]] = {
    Dialect.PREVIEW: get_args(get_args(preview_types.RealtimeServerEvent)[0]),
    Dialect.GA: get_args(get_args(ga_types.RealtimeServerEvent)[0]),
}


def events(dialect: Dialect, *, wild: bool) -> Iterator[dict[str, Any]]:
    """Each event of the dialect in as many forms as its unions have; `wild`: words that the types
    list are canaries too."""
    for model in TYPES[dialect]:
        yield from _objects(model, "", wild)


def kinds(dialect: Dialect) -> set[str]:
    """The wire types of all of them."""
    return {get_args(model.model_fields["type"].annotation)[0] for model in TYPES[dialect]}


def leaks(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all canaries in what a client was sent; list positions are `[]`."""
    if _is_canary(value):
        yield path
    elif isinstance(value, list):
        for entry in value:
            yield from leaks(entry, f"{path}[]")
    elif isinstance(value, dict):
        for key, entry in value.items():
            shown = "{}" if CANARY in key else f".{key}"
            if CANARY in key:
                yield f"{path}{{}}"
            yield from leaks(entry, f"{path}{shown}".removeprefix("."))


def _is_canary(value: Any) -> bool:
    if isinstance(value, str):
        return CANARY in value
    return isinstance(value, int | float) and 0 <= value - FIRST_NUMBER < len(_numbers)


def _objects(model: type[BaseModel], path: str, wild: bool) -> list[dict[str, Any]]:
    forms = {
        name: _values(field.annotation, f"{path}.{name}".removeprefix("."), name, wild)
        for name, field in model.model_fields.items()
    }
    count = max((len(values) for values in forms.values()), default=1)
    unknown = _unknown(path)
    return [
        {name: values[number % len(values)] for name, values in forms.items()} | unknown
        for number in range(count)
    ]


def _unknown(path: str) -> dict[str, Any]:
    word, number = f"{CANARY}{path}.{UNKNOWN}", _number(f"{path}.{UNKNOWN}")
    return {UNKNOWN: word, f"{UNKNOWN}_too": {UNKNOWN: [word]}, f"{UNKNOWN}_more": number}


def _number(path: str) -> int:
    return _numbers.setdefault(path, FIRST_NUMBER + len(_numbers))


def _values(annotation: Any, path: str, name: str, wild: bool) -> list[Any]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _values(inner[0], path, name, wild)
    if origin in (Union, types.UnionType):
        members = (member for member in inner if member is not type(None))
        return [value for member in members for value in _values(member, path, name, wild)]
    if origin is Literal:
        return [CANARY + path] if wild and name not in KEPT_LITERALS else list(inner)
    if origin is list:
        return [_values(inner[0], f"{path}[]", "", wild)]
    if origin is dict:
        return [{f"{CANARY}{path}": _values(inner[1], path, "", wild)[0]}]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(_objects(annotation, path, wild))
    return [_scalar(annotation, path)]


def _scalar(annotation: Any, path: str) -> Any:
    if annotation is str:
        return CANARY + path
    if annotation is bool:
        return True
    if annotation is int:
        return _number(path)
    if annotation is float:
        return _number(path) + 0.5
    return {CANARY + path: CANARY + path}
