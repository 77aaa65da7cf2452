"""Items that a client sends: in `conversation.item.create`, and in the input of a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.simulator.audio import decoded, to_pcm
from app.simulator.checks import ID_LENGTH, Fields, entries
from app.simulator.errors import Rejected, missing, unsupported, wrong_type
from app.simulator.items import FUNCTION_CALL, FUNCTION_CALL_OUTPUT, MESSAGE, Item, Part

NewId = Callable[[str], str]

_TYPES = (MESSAGE, FUNCTION_CALL, FUNCTION_CALL_OUTPUT)
_STATUSES = ("completed", "incomplete", "in_progress")
_PARTS_OF_ROLE = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio"),
    "assistant": ("text",),
}
_HEAD = frozenset({"id", "object", "type", "status"})
_KEYS = {
    MESSAGE: _HEAD | {"role", "content"},
    FUNCTION_CALL: _HEAD | {"call_id", "name", "arguments"},
    FUNCTION_CALL_OUTPUT: _HEAD | {"call_id", "output"},
}
_ALL_KEYS = frozenset().union(*_KEYS.values())
_PART_KEYS = {
    "input_text": ("type", "text"),
    "text": ("type", "text"),
    "input_audio": ("type", "audio", "transcript"),
}


def checked_item(value: Any, path: str, *, audio_format: str, new_id: NewId) -> Item:
    """The item, with an id of the server's making where the client chose none.

    `audio_format` is the session's input format. Raises `Rejected`.
    """
    if value is None:
        raise missing(path)
    fields = Fields(value, path, _ALL_KEYS)
    kind = fields.required_text("type")
    fields.choice("type", _TYPES)
    fields = Fields(value, path, _KEYS[kind])
    fields.choice("object", ("realtime.item",))
    item = Item(
        id=fields.text("id", limit=ID_LENGTH) or new_id("item"),
        type=kind,
        status=fields.choice("status", _STATUSES) or "completed",
    )
    if kind == MESSAGE:
        item.role = fields.required_text("role")
        fields.choice("role", tuple(_PARTS_OF_ROLE))
        item.content = _parts(fields, item.role, audio_format)
    elif kind == FUNCTION_CALL:
        item.name = fields.required_text("name")
        item.call_id = fields.text("call_id", limit=ID_LENGTH) or new_id("call")
        item.arguments = fields.text("arguments") or ""
    else:
        item.call_id = fields.required_text("call_id")
        fields.required("output")
        item.output = fields.text("output") or ""
    return item


def duplicate(item_id: str) -> Rejected:
    message = f"Error adding item: an item with id '{item_id}' already exists."
    return Rejected("item_create_duplicate_item_id", message)


def unknown_call(call_id: str) -> Rejected:
    message = f"Tool call ID '{call_id}' not found in conversation."
    return Rejected("invalid_tool_call_id", message)


def _parts(fields: Fields, role: str, audio_format: str) -> list[Part]:
    content = fields.required("content")
    supported = _PARTS_OF_ROLE[role]
    return [
        _part(part, where, supported, audio_format)
        for where, part in entries(content, fields.path("content"))
    ]


def _part(value: Any, path: str, supported: tuple[str, ...], audio_format: str) -> Part:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    kind = value.get("type")
    if kind is None:
        raise missing(f"{path}.type")
    if not isinstance(kind, str):
        raise wrong_type(f"{path}.type", "a string", kind)
    if kind not in supported:
        raise unsupported(f"{path}.type", kind, supported)
    fields = Fields(value, path, _PART_KEYS[kind])
    if kind != "input_audio":
        fields.required("text")
        return Part(kind, text=fields.text("text") or "")
    audio = decoded(fields.required_text("audio"), fields.path("audio"), audio_format)
    pcm = to_pcm(audio, audio_format)
    return Part(kind, audio=pcm[: len(pcm) - len(pcm) % 2], transcript=fields.text("transcript"))
