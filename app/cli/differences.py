"""What an event lost, changed and gained while it was rebuilt: two trees, compared key by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.policy.findings import below

DROPPED, CHANGED, ADDED = "dropped", "changed", "added"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place (internal spelling): dropped, changed or added. `value` is what goes on."""

    path: str
    what: str
    value: Any = None


def differences(
    sent: Mapping[str, Any], built: Mapping[str, Any], path: str = ""
) -> Iterator[Difference]:
    """Null, and an object or a list with nothing in it, say nothing: they are never missed."""
    for key, value in sent.items():
        here = below(path, key)
        if key in built:
            yield from _at(here, value, built[key])
        elif value not in (None, {}, []):
            yield Difference(here, DROPPED)
    for key in built:
        if key not in sent and below(path, key) != "session.type":  # a mark of the dialect alone
            yield Difference(below(path, key), ADDED, built[key])


def _at(path: str, sent: Any, built: Any) -> Iterator[Difference]:
    if isinstance(sent, dict) and isinstance(built, dict):
        flat = _flat_choice(sent) if path.endswith(".tool_choice") else sent
        yield from differences(flat, built, path)
    elif path.endswith(".tools") and isinstance(sent, list) and isinstance(built, list):
        yield from _tools(path, sent, built)
    elif isinstance(sent, list) and isinstance(built, list) and len(sent) == len(built):
        for index, (before, after) in enumerate(zip(sent, built, strict=True)):
            yield from _at(f"{path}[{index}]", before, after)
    elif sent != built:
        yield Difference(path, CHANGED, built)


def _flat_choice(choice: dict[str, Any]) -> dict[str, Any]:
    """As it is built anew: `name` beside `type`, where older documentation has it in `function`."""
    inner = choice.get("function")
    if not isinstance(inner, dict):
        return choice
    rest = {key: value for key, value in inner.items() if key != "name"}
    return {**choice, "name": inner.get("name"), "function": rest}


def _tools(path: str, sent: list[Any], built: list[Any]) -> Iterator[Difference]:
    """Tools go by their names: the operator's come first, whatever the client's order."""
    by_name = {tool["name"]: tool for tool in built}
    named = [tool.get("name") if isinstance(tool, dict) else None for tool in sent]
    for index, (name, tool) in enumerate(zip(named, sent, strict=True)):
        if isinstance(name, str) and name in by_name:
            yield from _at(f"{path}[{index}]", tool, by_name[name])
        else:
            yield Difference(f"{path}[{index}]", DROPPED)
    for name in by_name.keys() - {name for name in named if isinstance(name, str)}:
        yield Difference(path, ADDED, by_name[name])


def untold(found: Iterable[Difference], told: Iterable[str]) -> tuple[Difference, ...]:
    """Those that no path in `told` (internal spelling) speaks of: itself, what holds it, or what
    it holds."""
    known = tuple(told)
    return tuple(one for one in found if not any(_within(one.path, path) for path in known))


def _within(one: str, other: str) -> bool:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return longer.startswith(shorter) and longer[len(shorter) :][:1] in ("", ".", "[")
