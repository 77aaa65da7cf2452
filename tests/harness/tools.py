"""Function tools of an operator, as the settings take them, and what a client says of them."""

from __future__ import annotations

import json
from typing import Any

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
ALARM: dict[str, Any] = {
    "type": "function",
    "name": "ring_alarm",
    "description": "Rings the alarm bell.",
    "parameters": {"type": "object", "properties": {}},
}


def tools_file(*tools: dict[str, Any]) -> str:
    """The text of a tools file, for `running_relay(session_tools=...)`."""
    return json.dumps(tools or (WEATHER,))


def tool_output(call_id: str, output: str, **fields: Any) -> dict[str, Any]:
    """The `conversation.item.create` that answers a call."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output, **fields}
    return {"type": "conversation.item.create", "item": item}
