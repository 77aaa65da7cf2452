"""Value rules of tools: what a client may offer the model, and what it may make it call. PURE.

Guided clients choose by name among the operator's client tools, and the operator's definition is
sent. Open clients add function tools of their own beside the operator's, which always go out
again. `mcp` is refused everywhere: the service itself would call its `server_url`.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.policy.findings import Fault, Findings, Kept, Shaped, too_long, wrong_type, wrong_value
from app.policy.policy import ClientTool, Policy, Profile

MAX_TOOLS = 64
MAX_DESCRIPTION = 4_000
MAX_PARAMETERS = 16 * 1024  # bytes of JSON

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def asks_for_mcp(value: Any) -> bool:
    """Whether a `tools` list or a `tool_choice` names anything of type `mcp`."""
    entries = value if isinstance(value, list) else [value]
    return any(isinstance(entry, dict) and entry.get("type") == "mcp" for entry in entries)


def may_call(name: str, policy: Policy) -> bool:
    """Whether a client may see and name the tool: hidden tools do not exist for it."""
    if policy.profile is Profile.OPEN:
        return all(name != tool.name for tool in policy.server_tools)
    return any(name == tool.name for tool in policy.client_tools)


def tools(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """The list of tools to send on, operator's hidden tools first."""
    if not isinstance(value, list):
        return wrong_type(path, "a list of tools")
    if len(value) > MAX_TOOLS:
        return wrong_value(path, f"at most {MAX_TOOLS} tools")
    chosen: list[dict[str, Any]] = []
    taken: set[str] = set()
    for position, entry in enumerate(value):
        where = f"{path}[{position}]"
        built = _tool(entry, where, rule, findings)
        if isinstance(built, Fault):
            return built
        if built is None:
            continue
        if built["name"] in taken:
            findings.ignore(where, rule)  # a second tool of one name
            continue
        taken.add(built["name"])
        chosen.append(built)
    policy = findings.policy
    ours = policy.server_tools
    if policy.profile is Profile.OPEN:
        ours += policy.client_tools
    elif value and not chosen:
        return None  # nothing that it asked for exists: that is no wish to have no tools
    return Kept([_sendable(tool) for tool in ours] + chosen)


def _tool(entry: Any, path: str, rule: str, findings: Findings) -> dict[str, Any] | Fault | None:
    if not isinstance(entry, dict):
        return wrong_type(path, "an object")
    if entry.get("type", "function") != "function":
        findings.ignore(path, rule)
        return None
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        return wrong_value(f"{path}.name", "1 to 64 characters of A-Z a-z 0-9 _ -")
    for known in findings.policy.client_tools:
        if known.name == name:
            return _operators(known, entry, path, rule, findings)
    if findings.policy.profile is not Profile.OPEN or not may_call(name, findings.policy):
        findings.ignore(path, rule)
        return None
    findings.ignore_others(entry, ("type", "name", "description", "parameters"), path, rule)
    return _clients_own(name, entry, path)


def _operators(
    known: ClientTool, entry: dict[str, Any], path: str, rule: str, findings: Findings
) -> dict[str, Any] | None:
    """A tool of the operator's: chosen by name, and what the client wrote about it is not read."""
    same = {key for key, value in known.definition.items() if entry.get(key) == value}
    findings.ignore_others(entry, same | {"type", "name"}, path, rule)
    if findings.policy.profile is Profile.OPEN:
        return None  # it goes out with the operator's own list
    return _sendable(known)


def _clients_own(name: str, entry: dict[str, Any], path: str) -> dict[str, Any] | Fault:
    built: dict[str, Any] = {"type": "function", "name": name}
    description, parameters = entry.get("description"), entry.get("parameters")
    if description is not None:
        if not isinstance(description, str):
            return wrong_type(f"{path}.description", "a string")
        if len(description) > MAX_DESCRIPTION:
            return too_long(f"{path}.description", MAX_DESCRIPTION)
        built["description"] = description
    if parameters is not None:
        if not isinstance(parameters, dict):
            return wrong_type(f"{path}.parameters", "an object")
        if len(msgspec.json.encode(parameters)) > MAX_PARAMETERS:
            return wrong_value(f"{path}.parameters", f"at most {MAX_PARAMETERS} bytes")
        built["parameters"] = parameters
    return built


def _sendable(tool: ClientTool) -> dict[str, Any]:
    return {**tool.definition, "type": "function", "name": tool.name}


def tool_choice(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """auto, none, required, or a function that the client may name, in one place."""
    if isinstance(value, str):
        known = ("auto", "none", "required")
        return Kept(value) if value in known else wrong_value(path, "'auto', 'none' or 'required'")
    if not isinstance(value, dict):
        return wrong_type(path, "a string or an object")
    if value.get("type") != "function":
        return wrong_value(f"{path}.type", "'function'")
    inner = value.get("function")  # as older documentation nests it
    nested = isinstance(inner, dict)
    name = inner.get("name") if isinstance(inner, dict) else value.get("name")
    if nested and value.get("name") is not None:
        return wrong_value(path, "one name, in 'name' or in 'function.name'")
    if not isinstance(name, str):
        return wrong_type(f"{path}.name", "a string")
    if not may_call(name, findings.policy):
        findings.ignore(path, rule)
        return None
    findings.ignore_others(value, ("type", "function" if nested else "name"), path, rule)
    if isinstance(inner, dict):
        findings.ignore_others(inner, ("name",), f"{path}.function", rule)
    return Kept({"type": "function", "name": name})
