"""Function tools: whether a text asks for one, and arguments that satisfy its schema.

Nothing here understands language. Words in common decide about the call; arguments come from the
text where it plainly holds them, and from the schema's own bounds and enums where it does not.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

_Schema = dict[str, Any]

_IDLE_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about all an and any are as at be by call can current data do does each fetch find for
        from function get given has have how if in info information into is it its list look lookup
        make me my need new of on one or out query return returns run search set show some specific
        such tell than that the their them then this to tool up use used user users value want what
        when where which who will with would you your
        """,
    )
)
"""Words that most tools' names and descriptions share: they say nothing about which is meant."""
_DEPTH = 5
_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
}


def chosen(
    text: str, tools: Sequence[_Schema], tool_choice: str | dict[str, Any]
) -> _Schema | None:
    """The tool to call for `text`, or nothing. Tools that are no named functions are passed over.

    `required` takes the best match or the first tool; a named choice takes that tool if it is
    among `tools`; `none` never calls; `auto` calls on a match.
    """
    callable_tools = [tool for tool in tools if isinstance(tool.get("name"), str) and tool["name"]]
    if isinstance(tool_choice, dict):
        name = tool_choice.get("name") or (tool_choice.get("function") or {}).get("name")
        return next((tool for tool in callable_tools if tool["name"] == name), None)
    if tool_choice == "none" or not callable_tools:
        return None
    best = max(callable_tools, key=lambda tool: _match(text, tool))
    return best if tool_choice == "required" or _match(text, best) else None


def arguments(tool: _Schema, text: str) -> dict[str, Any]:
    """Arguments for `tool`: all required properties, and others of which the text speaks."""
    value = _object(_as_schema(tool.get("parameters")), text, 0)
    return value if isinstance(value, dict) else {}


def _match(text: str, tool: _Schema) -> int:
    """How strongly the text asks for the tool: a word of its name, or two of its description."""
    said = _words(text)
    if tool["name"].lower() in text.lower():
        return 100
    by_name = len(said & _words(tool["name"]))
    description = _words(str(tool.get("description") or ""))
    by_description = len(said & description)
    if by_name:
        return 10 * by_name + by_description
    return by_description if description and by_description >= min(2, len(description)) else 0


def _words(text: str) -> set[str]:
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    words = (word for word in re.findall(r"[^\W_]+", split) if len(word) > 2)
    return {_stem(word) for word in words if word not in _IDLE_WORDS}


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _as_schema(value: Any) -> _Schema:
    return value if isinstance(value, dict) else {}


def _value(name: str, schema: _Schema, text: str, depth: int) -> Any:
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return _mentioned(schema["enum"], text, schema["enum"][0])
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key] and depth < _DEPTH:
            return _value(name, _as_schema(schema[key][0]), text, depth + 1)
    match _type_of(schema):
        case "object":
            return _object(schema, text, depth)
        case "array":
            return _array(name, schema, text, depth)
        case "integer" | "number" as kind:
            return _number(schema, text, whole=kind == "integer")
        case "boolean":
            return not re.search(r"\b(?:no|not|off|without|don't|never|disable)\b", text.lower())
        case "null":
            return None
        case _:
            return _string(name, schema, text)


def _array(name: str, schema: _Schema, text: str, depth: int) -> list[Any]:
    """As many items as the schema demands, up to twenty, and at least one; few in the depth."""
    if depth >= _DEPTH:
        return []
    least = schema.get("minItems")
    count = min(max(1, least), 20 if depth == 1 else 2) if isinstance(least, int) else 1
    items = _as_schema(schema.get("items"))
    return [_value(name, items, text, depth + 1) for _ in range(count)]


def _type_of(schema: _Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if kind is None and "properties" in schema:
        return "object"
    return str(kind)


def _object(schema: _Schema, text: str, depth: int) -> dict[str, Any]:
    properties = _as_schema(schema.get("properties"))
    listed = schema.get("required")
    required = [str(name) for name in listed] if isinstance(listed, list) else []
    result: dict[str, Any] = {}
    if depth >= _DEPTH:
        return result
    for name in [*properties, *(name for name in required if name not in properties)]:
        field = _as_schema(properties.get(name))
        if name in required or _speaks_of(field, text):
            result[name] = _value(name, field, text, depth + 1)
    return result


def _speaks_of(schema: _Schema, text: str) -> bool:
    """Whether an optional property has its value in the text: one of its enum's words."""
    options = schema.get("enum")
    absent = object()
    return isinstance(options, list) and _mentioned(options, text, absent) is not absent


def _mentioned(options: list[Any], text: str, otherwise: Any) -> Any:
    said = text.lower()
    for option in options:
        if re.search(rf"(?<!\w){re.escape(str(option).lower())}(?!\w)", said):
            return option
    return otherwise


def _number(schema: _Schema, text: str, *, whole: bool) -> int | float:
    """The first number in the text that the schema allows; else the simplest that it allows."""
    found = re.findall(r"-?\d{1,15}(?:\.\d{1,9})?", text)
    in_text = [float(number) if "." in number else int(number) for number in found]
    bounds = [bound for key in _BOUNDS if (bound := _limit(schema, key)) is not None]
    step = _limit(schema, "multipleOf") or 1
    near = [bound + step * k for bound in bounds for k in (0, 1, -1)]
    multiples = [bound // step * step + step * k for bound in bounds for k in (0, 1)]
    middle = [sum(bounds) / len(bounds)] if bounds else []
    for number in [*in_text, 1, step, *near, *multiples, *middle, 0]:
        if (not whole or number == int(number)) and _allowed(number, schema):
            return int(number) if whole else number
    return 1


def _allowed(number: int | float, schema: _Schema) -> bool:
    step = _limit(schema, "multipleOf")
    if step and number % step:
        return False
    limits = ((holds, _limit(schema, key)) for key, holds in _BOUNDS.items())
    return all(limit is None or holds(number, limit) for holds, limit in limits)


def _limit(schema: _Schema, key: str) -> int | float | None:
    value = schema.get(key)
    return value if _is_number(value) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _string(name: str, schema: _Schema, text: str) -> str:
    """A quoted part, else what follows "in", "for", "at" or "to" for a place, else the text."""
    plain = " ".join(text.split()).rstrip(" .!?")
    if quoted := re.search(r"[\"“]([^\"“”]+)[\"”]", text):
        plain = quoted[1]
    elif re.search(r"location|city|place|country|town|address|region|destination", name.lower()):
        place = re.search(
            r"\b(?:in|for|at|to|near)\s+((?:[A-Z][\w'’.-]*)(?:,?\s+[A-Z][\w'’.-]*)*)", text
        ) or re.search(r"\b(?:in|for|at|near)\s+([^\s?!.,]+)", text)
        plain = place[1].rstrip(" .!?") if place else "Paris"
    default = schema.get("default")
    if not plain:
        plain = default if isinstance(default, str) else name.replace("_", " ")
    longest = schema.get("maxLength")
    return plain[:longest] if isinstance(longest, int) and longest >= 0 else plain
