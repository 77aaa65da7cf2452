"""Objects of upstream's events, rebuilt from lists of known keys. PURE.

A key that is not listed is not copied, whatever it is called and whatever it holds: a new field of
the service stays inside until somebody has thought about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.policy.policy import Policy
from app.policy.sight import ServerSight
from app.protocol.errors import safe_status_error
from app.protocol.names import RELAY_ID_PREFIX

_ITEM_KEYS: dict[str, tuple[str, ...]] = {
    "message": ("id", "object", "type", "status", "role"),
    "function_call": ("id", "object", "type", "status", "name", "call_id", "arguments"),
    "function_call_output": ("id", "object", "type", "status", "call_id", "output"),
}
_PART_KEYS = ("type", "text", "transcript")
_RETRIEVED_PART_KEYS = (*_PART_KEYS, "audio", "image_url")
_RESPONSE_KEYS = ("object", "id", "status", "conversation_id")
_RESPONSE_SETTINGS = ("output_modalities", "temperature", "max_output_tokens")
_FORMAT_KEYS = ("type", "rate")

_CACHED = ("text_tokens", "audio_tokens", "image_tokens")
_USAGE: dict[str, tuple[str, ...]] = {
    "input_token_details": ("cached_tokens", *_CACHED, "cached_tokens_details"),
    "output_token_details": ("text_tokens", "audio_tokens"),
    "cached_tokens_details": _CACHED,
}
_USAGE_KEYS = ("type", "seconds", "total_tokens", "input_tokens", "output_tokens")
_USAGE_ALWAYS: dict[str, Any] = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_token_details": {"cached_tokens": 0, "text_tokens": 0, "audio_tokens": 0},
    "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
}


def scalars(source: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The listed keys that are there and hold no container."""
    return {
        key: source[key]
        for key in keys
        if key in source and not isinstance(source[key], dict | list)
    }


def may_show(item: Mapping[str, Any], sight: ServerSight) -> bool:
    """Whether an item of this kind is for the client at all: user, assistant, a client tool's
    calls and their outputs, a system item that the client wrote. The session asks before it
    registers a new item as visible."""
    item_id, kind, role = item.get("id"), item.get("type"), item.get("role")
    if not isinstance(item_id, str) or item_id.startswith(RELAY_ID_PREFIX):
        return False
    if kind == "message":
        return role in ("user", "assistant") or (role == "system" and sight.client_wrote(item_id))
    if kind == "function_call":
        name = item.get("name")
        return isinstance(name, str) and not sight.tool_is_hidden(name)
    call_id = item.get("call_id")
    return kind == "function_call_output" and isinstance(call_id, str) and sight.call_shown(call_id)


def shown_item(item: Any, sight: ServerSight, *, retrieved: bool = False) -> dict[str, Any] | None:
    """The item rebuilt, or None where it is not visible. Audio is in retrieved items alone."""
    if not isinstance(item, dict) or not may_show(item, sight):
        return None
    if not sight.item_visible(item["id"]):
        return None
    built = scalars(item, _ITEM_KEYS[item["type"]])
    content = item.get("content")
    if item["type"] == "message" and isinstance(content, list):
        keys = _RETRIEVED_PART_KEYS if retrieved else _PART_KEYS
        built["content"] = [scalars(part, keys) for part in content if isinstance(part, dict)]
    return built


def shown_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A content part, rebuilt."""
    return scalars(part, _PART_KEYS)


def shown_response(
    response: Mapping[str, Any], policy: Policy, sight: ServerSight
) -> dict[str, Any]:
    """A visible response, rebuilt: no hidden items, fixed texts for errors, usage by setting."""
    built = scalars(response, _RESPONSE_KEYS)
    if "status_details" in response:
        built["status_details"] = _status_details(response["status_details"])
    output = response.get("output")
    if isinstance(output, list):
        shown = (shown_item(item, sight) for item in output)
        built["output"] = [item for item in shown if item is not None]
    for key in _RESPONSE_SETTINGS:
        if key in response and not isinstance(response[key], dict):
            built[key] = _plain(response[key])
    audio = _audio(response.get("audio"))
    if audio is not None:
        built["audio"] = audio
    if "metadata" in response:
        built["metadata"] = _metadata(response["metadata"])
    if "usage" in response:
        built["usage"] = response_usage(response["usage"], policy)
    return built


def response_usage(usage: Any, policy: Policy) -> dict[str, Any] | None:
    """Token counts. By setting: hidden, they are zero with all their keys, because strict clients
    fail on null; null (no usage yet) stays null."""
    if not isinstance(usage, dict):
        return None
    return _usage(usage) if policy.show_usage else {**_USAGE_ALWAYS}


def transcription_usage(usage: Any, policy: Policy) -> dict[str, Any] | None:
    """What a transcription cost: tokens or seconds, with its `type`; by setting as above."""
    if not isinstance(usage, dict):
        return None
    shown = _usage(usage)
    return shown if policy.show_usage else _zeroed(shown)


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    built = scalars(usage, _USAGE_KEYS)
    for name in ("input_token_details", "output_token_details"):
        if isinstance(usage.get(name), dict):
            built[name] = _token_details(usage[name], _USAGE[name])
    return built


def _token_details(details: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    built = scalars(details, keys)
    for name in keys:
        if name in _USAGE and isinstance(details.get(name), dict):
            built[name] = scalars(details[name], _USAGE[name])
    return built


def _zeroed(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _zeroed(entry) if isinstance(entry, dict) else entry if key == "type" else 0
        for key, entry in value.items()
    }


def _status_details(details: Any) -> dict[str, Any] | None:
    if not isinstance(details, dict):
        return None
    built = scalars(details, ("type", "reason"))
    if isinstance(details.get("error"), dict):
        built["error"] = safe_status_error(details["error"])
    return built


def _audio(audio: Any) -> dict[str, Any] | None:
    """`audio.output`: voice and format. A custom voice is an object with an id: not shown."""
    output = audio.get("output") if isinstance(audio, dict) else None
    if not isinstance(output, dict):
        return None
    built = scalars(output, ("voice", "format"))
    if isinstance(output.get("format"), dict):
        built["format"] = scalars(output["format"], _FORMAT_KEYS)
    return {"output": built}


def _metadata(metadata: Any) -> dict[str, str] | None:
    if not isinstance(metadata, dict):
        return None
    return {
        key: value
        for key, value in metadata.items()
        if isinstance(value, str) and not key.startswith("relay")
    }


def _plain(value: Any) -> Any:
    return (
        [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else value
    )
