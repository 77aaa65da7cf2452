"""The operator's tools file: function tools that run in the client, or behind the relay.

    [{"type": "function", "name": "...", "description": "...", "parameters": {"type": "object"},
      "runs": "client"}]

Checked as a whole at the start, because upstream would refuse the configuration of every session
for one bad tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator

from app.policy.policy import ClientTool
from app.settings.problem import FileRefused

MOST_TOOLS = 64
MOST_BYTES = 16 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEYS = frozenset({"type", "name", "description", "parameters", "runs"})
_PLACES = ("client", "server")


def parse_tools(text: str) -> tuple[tuple[ClientTool, ...], tuple[str, ...]]:
    """The tools of a file, and everything that is wrong with it: one of the two is empty.

    A complaint names index and field and completes the sentence "FILE: ...".
    """
    try:
        entries = json.loads(text, object_pairs_hook=_no_twice, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return (), (f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}",)
    except (ValueError, RecursionError) as error:
        return (), (f"not JSON that can be used: {error}",)
    if not isinstance(entries, list):
        return (), ('it must hold a JSON array: write [{"type": "function", ...}]',)
    if len(entries) > MOST_TOOLS:
        return (), (f"it holds {len(entries)} tools: at most {MOST_TOOLS} are allowed",)
    complaints = [
        f"[{index}]{complaint}"
        for index, entry in enumerate(entries)
        for complaint in _complaints(entry)
    ]
    complaints += _twins(entries)
    if complaints:
        return (), tuple(complaints)
    return tuple(_tool(entry) for entry in entries), ()


def _tool(entry: dict[str, Any]) -> ClientTool:
    definition = {key: value for key, value in entry.items() if key != "runs"}
    return ClientTool(entry["name"], definition, on_server=entry.get("runs") == "server")


def _complaints(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield " must be an object"
        return
    if entry.get("type") != "function":
        yield '.type must be "function"'
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield ".name must be 1 to 64 letters, digits, underscores and hyphens"
    if not isinstance(entry.get("description", ""), str):
        yield ".description must be a text that tells the model when to call the tool"
    yield from _parameter_complaints(entry.get("parameters"))
    if entry.get("runs", "client") not in _PLACES:
        yield '.runs must be "client" or "server": where the tool runs'
    for key in sorted(set(entry) - _KEYS):
        yield f".{key[:64]} is not a field of a tool: remove it"
    size = len(json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        yield f" takes {size} bytes: at most {MOST_BYTES} are allowed"


def _parameter_complaints(parameters: Any) -> Iterator[str]:
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        yield '.parameters must be an object schema: {"type": "object", "properties": {...}}'
        return
    if not isinstance(parameters.get("properties", {}), dict):
        yield ".parameters.properties must be an object"
    required = parameters.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield ".parameters.required must be an array of names"


def _twins(entries: list[Any]) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            yield f"[{index}].name is the same as [{first[name]}].name: names must be unique"
        first.setdefault(name, index)


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _from_text(value: object) -> object:
    """What `load` hands over is the file's text; tests and `demo` may hand over the tools."""
    if not isinstance(value, str):
        return value
    tools, complaints = parse_tools(value)
    if complaints:
        raise FileRefused(complaints)
    return tools


Tools = Annotated[tuple[ClientTool, ...], BeforeValidator(_from_text)]
