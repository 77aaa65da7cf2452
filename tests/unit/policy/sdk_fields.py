"""Every field that the installed `openai` package lets a program send, in both generations."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import typing_extensions
from openai.types import realtime as ga
from openai.types.beta import realtime as preview
from pydantic import BaseModel

from app.protocol.names import Dialect

_UNIONS = {
    (Dialect.GA, "models"): ga.RealtimeClientEvent,
    (Dialect.GA, "params"): ga.RealtimeClientEventParam,
    (Dialect.PREVIEW, "models"): preview.RealtimeClientEvent,
    (Dialect.PREVIEW, "params"): preview.RealtimeClientEventParam,
}
_WRAPPERS = (
    Annotated,
    Required,
    NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
)


@dataclass(frozen=True, order=True)
class Field:
    """One field of one event type. `path` is the SDK's spelling, without the marks of lists."""

    dialect: Dialect
    event: str
    path: str


def sdk_fields() -> frozenset[Field]:
    """All fields of all client events."""
    return frozenset(
        Field(dialect, event_type(event), path)
        for (dialect, _), union in _UNIONS.items()
        for event in members(union)
        for path in _paths(event, "", frozenset())
        if path
    )


def literals(name: str) -> frozenset[tuple[str, ...]]:
    """The words that a field `type` may have anywhere below a field of this name (`item`)."""
    return frozenset(
        (dialect.value, word)
        for (dialect, _), union in _UNIONS.items()
        for event in members(union)
        for word in _words(event, "", frozenset(), f"{name}.type")
    )


def members(kind: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the type itself."""
    origin = get_origin(kind)
    if origin in _WRAPPERS:
        return members(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return tuple(inner for one in get_args(kind) for inner in members(one))
    return (kind,)


def event_type(event: Any) -> str:
    (word,) = get_args(members(_fields(event)["type"])[0])
    return str(word)


def _fields(kind: Any) -> dict[str, Any]:
    if is_typeddict(kind) or typing_extensions.is_typeddict(kind):
        return get_type_hints(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    return {}


def _inside(kind: Any) -> Any:
    """What a list holds; the type itself where it is none."""
    origin = get_origin(kind)
    is_list = origin is list or getattr(origin, "__name__", "") in ("Iterable", "Sequence")
    return get_args(kind)[0] if is_list else kind


def _paths(kind: Any, path: str, seen: frozenset[Any]) -> Iterator[str]:
    for one in members(kind):
        inner = _inside(one)
        if inner is not one:
            yield from _paths(inner, path, seen)
            continue
        yield path
        if one in seen if isinstance(one, type) else False:
            continue
        for name, below in _fields(one).items():
            yield from _paths(below, f"{path}.{name}".lstrip("."), seen | {one})


def _words(kind: Any, path: str, seen: frozenset[Any], wanted: str) -> Iterator[str]:
    for one in members(kind):
        inner = _inside(one)
        if inner is not one:
            yield from _words(inner, path, seen, wanted)
        elif get_origin(one) is Literal and path.endswith(wanted):
            yield from (str(word) for word in get_args(one))
        elif one not in seen:
            for name, below in _fields(one).items():
                yield from _words(below, f"{path}.{name}", seen | {one}, wanted)
