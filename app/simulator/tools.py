"""Functions that the model may call: `tools` and `tool_choice`, of a session or a response."""

from __future__ import annotations

import re
from typing import Any

from app.simulator.checks import Fields, entries
from app.simulator.errors import invalid, missing, unsupported, wrong_type

Tool = dict[str, Any]
ToolChoice = str | dict[str, str]

_CHOICES = ("auto", "none", "required")
_KINDS = ("function",)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked_tools(value: Any, path: str) -> tuple[Tool, ...]:
    """The tools as they will be echoed; `null` clears them. Only functions exist here: the
    embedded upstream reaches no MCP server, and a tool that is accepted must work."""
    if value is None:
        return ()
    return tuple(_checked_tool(entry, where) for where, entry in entries(value, path))


def _checked_tool(value: Any, path: str) -> Tool:
    fields = Fields(value, path, ("type", "name", "description", "parameters"))
    fields.required("type")
    fields.choice("type", _KINDS)
    name = fields.required_text("name")
    if not _NAME.fullmatch(name):
        where = fields.path("name")
        message = (
            f"Invalid '{where}': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise invalid(where, message)
    fields.text("description")
    parameters = fields.given("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise wrong_type(fields.path("parameters"), "an object", parameters)
    return dict(value)


def checked_choice(value: Any, path: str, *, nested: bool = False) -> ToolChoice:
    """`auto`, `none`, `required`, or one function by name. `null` means `auto`. `nested` takes
    the name in the first preview's form as well: `{"function": {"name": ...}}`."""
    if value is None:
        return "auto"
    if isinstance(value, str):
        if value not in _CHOICES:
            raise unsupported(path, value, _CHOICES)
        return value
    if not isinstance(value, dict):
        raise wrong_type(path, "one of a string or an object", value)
    fields = Fields(value, path, ("type", "name", "function") if nested else ("type", "name"))
    fields.required("type")
    fields.choice("type", _KINDS)
    if fields.given("function") is not None:
        inner = fields.inside("function", ("name",))
        return {"type": "function", "name": inner.required_text("name")}
    name = fields.text("name")
    if not name:
        raise missing(fields.path("name"))
    return {"type": "function", "name": name}
