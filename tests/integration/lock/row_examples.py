"""For each row of the policy, an event in which its field or item stands, in the preview spelling.

`upstream` is what an allowed one must become on upstream's side: the field alone for a setting, the
whole event for an act (None: as it was sent).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.harness.tools import ALARM, WEATHER
from tests.integration.lock.honest import PNG, SOUND

Event = dict[str, Any]
ABSENT = object()


@dataclass(frozen=True)
class Setting:
    """A field of `session` or `response`: its name there, what is sent, what must go on."""

    name: str
    sent: Any
    upstream: Any = None
    changed: bool = False

    @property
    def expected(self) -> Any:
        return self.sent if self.upstream is None else self.upstream


@dataclass(frozen=True)
class Deed:
    """An event that is allowed or refused as a whole."""

    event: Event
    upstream: Event | None = None

    @property
    def expected(self) -> Event:
        return self.event if self.upstream is None else self.upstream


def typed(text: str = "Hello") -> Event:
    return {"type": "input_text", "text": text}


def message(role: str, *parts: Event) -> Event:
    return {"type": "message", "role": role, "content": list(parts)}


def create(item: Event) -> Event:
    return {"type": "conversation.item.create", "item": item}


def respond(**response: Any) -> Event:
    return {"type": "response.create", "response": response}


BY_NAME = [{"type": "function", "name": "get_weather", "description": "mine"}]
CALL = {"type": "function_call", "name": "get_weather", "call_id": "c", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_v", "output": "sunny"}

DEEDS: dict[str, Deed] = {
    "input_audio_buffer.append": Deed(
        {"type": "input_audio_buffer.append", "audio": SOUND, "format": "wav"},
        {"type": "input_audio_buffer.append", "audio": SOUND},
    ),
    "input_audio_buffer.commit": Deed(
        {"type": "input_audio_buffer.commit", "item_id": "mine"},
        {"type": "input_audio_buffer.commit"},
    ),
    "input_audio_buffer.clear": Deed(
        {"type": "input_audio_buffer.clear", "session": {}}, {"type": "input_audio_buffer.clear"}
    ),
    "conversation.item.create": Deed(create(message("user", typed()))),
    "conversation.item.truncate": Deed(
        {
            "type": "conversation.item.truncate",
            "item_id": "item_v",
            "content_index": 0,
            "audio_end_ms": 100,
        }
    ),
    "conversation.item.retrieve": Deed({"type": "conversation.item.retrieve", "item_id": "item_v"}),
    "conversation.item.delete": Deed({"type": "conversation.item.delete", "item_id": "item_v"}),
    "response.create": Deed(
        {"type": "response.create", "response": None}, {"type": "response.create"}
    ),
    "response.cancel": Deed({"type": "response.cancel", "response_id": "resp_v"}),
    "transcription_session.update": Deed(
        {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}}
    ),
    "user/input_text": Deed(
        create(message("user", typed() | {"transcript": "forged"}) | {"status": "completed"}),
        create(message("user", typed())),
    ),
    "user/input_audio": Deed(
        create(message("user", {"type": "input_audio", "audio": SOUND, "transcript": "forged"})),
        create(message("user", {"type": "input_audio", "audio": SOUND})),
    ),
    "user/input_image": Deed(
        create(message("user", {"type": "input_image", "image_url": PNG, "detail": "high"})),
        create(message("user", {"type": "input_image", "image_url": PNG})),
    ),
    "system/input_text": Deed(create(message("system", typed()))),
    "assistant/output_text": Deed(
        create(message("assistant", {"type": "text", "text": "I promised"})),
    ),
    "any/item_reference": Deed(
        create(message("user", {"type": "item_reference", "id": "item_v"})),
    ),
    "function_call_output": Deed(create(OUTPUT | {"status": "completed"}), create(OUTPUT)),
    "function_call": Deed(create(CALL)),
    "mcp_approval_response": Deed(
        create({"type": "mcp_approval_response", "approve": True, "approval_request_id": "x"})
    ),
    "mcp_approval_request": Deed(create({"type": "mcp_approval_request", "name": "x"})),
    "mcp_list_tools": Deed(create({"type": "mcp_list_tools", "server_label": "x", "tools": []})),
    "mcp_call": Deed(create({"type": "mcp_call", "name": "x", "server_label": "x"})),
    "item_reference": Deed(create({"type": "item_reference", "id": "item_v"})),
    "response.input/item_reference": Deed(
        respond(conversation="none", input=[{"type": "item_reference", "id": "item_v", "x": 1}]),
        respond(conversation="none", input=[{"type": "item_reference", "id": "item_v"}]),
    ),
    "response.conversation": Deed(respond(conversation="none")),
    "response.input": Deed(
        respond(append_input_items=[message("user", typed()) | {"object": "realtime.item"}]),
        respond(input=[message("user", typed())]),
    ),
}

_SHARED: dict[str, Setting] = {
    "instructions": Setting("instructions", "Be a pirate."),
    "tools": Setting("tools", BY_NAME, [WEATHER]),
    "tool_choice": Setting("tool_choice", "required"),
    "parallel_tool_calls": Setting("parallel_tool_calls", True, ABSENT),  # no word of preview's
    "output_modalities": Setting("modalities", ["text"]),
    "max_output_tokens": Setting("max_response_output_tokens", "inf", 4096, changed=True),
    "temperature": Setting("temperature", 5, 1.2, changed=True),
    "audio.output.voice": Setting("voice", "echo"),
    "audio.output.format": Setting("output_audio_format", "g711_alaw"),
    "prompt": Setting("prompt", {"id": "pmpt_1", "variables": {}}),
    "reasoning": Setting("reasoning", {"effort": "high"}),
}
SESSION: dict[str, Setting] = {
    **{f"session.{name}": setting for name, setting in _SHARED.items()},
    "session.type": Setting("type", "realtime", ABSENT),  # preview has no such key
    "session.audio.input.turn_detection": Setting(
        "turn_detection",
        {"type": "server_vad", "threshold": 0, "silence_duration_ms": 1, "idle_timeout_ms": 5},
        {"type": "server_vad", "threshold": 0.1, "silence_duration_ms": 200},
        changed=True,
    ),
    # Without the operator's own transcription nobody switches it on: see the test of its own.
    "session.audio.input.transcription": Setting(
        "input_audio_transcription", {"model": "x", "language": "de"}, ABSENT
    ),
    "session.audio.input.noise_reduction": Setting(
        "input_audio_noise_reduction",
        {"type": "near_field", "strength": 3},
        {"type": "near_field"},
    ),
    "session.audio.input.format": Setting("input_audio_format", "g711_ulaw"),
    "session.audio.output.speed": Setting("speed", 9, 1.5, changed=True),
    "session.model": Setting("model", "gpt-realtime"),
    "session.tracing": Setting("tracing", "auto"),
    "session.include": Setting("include", ["item.input_audio_transcription.logprobs"]),
    "session.truncation": Setting("truncation", "disabled"),
    "session.client_secret": Setting("client_secret", {"expires_after": {"seconds": 7200}}),
}
RESPONSE: dict[str, Setting] = {
    **{f"response.{name}": setting for name, setting in _SHARED.items()},
    "response.metadata": Setting(
        "metadata", {"client_event_id": "a", "relay_x": "b"}, {"client_event_id": "a"}
    ),
}
OPEN_TOOLS = [WEATHER, ALARM]
"""An open client's list never takes away what the operator offers."""
