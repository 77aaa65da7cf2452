"""Items that a client sends: in `conversation.item.create`, and in the input of a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.audio import decoded, to_pcm
from app.simulator.checks import ID_LENGTH, Fields, entries
from app.simulator.errors import Rejected, invalid, missing, unsupported, wrong_type
from app.simulator.items import FUNCTION_CALL, FUNCTION_CALL_OUTPUT, MESSAGE, Item, Part

NewId = Callable[[str], str]

_TYPES = (MESSAGE, FUNCTION_CALL, FUNCTION_CALL_OUTPUT)
_STATUSES = ("completed", "incomplete", "in_progress")
_IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,")
_DETAILS = ("auto", "low", "high")
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
    "input_image": ("type", "image_url", "detail"),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """A dialect's content parts: which roles may have which, and its own words for types.

    `words` leads from our type to the dialect's, where they differ.
    """

    of_role: Mapping[str, tuple[str, ...]]
    words: dict[str, str]

    def type_of(self, word: str) -> str:
        """Our type for a word of the dialect."""
        return next((ours for ours, theirs in self.words.items() if theirs == word), word)


@dataclass(frozen=True, slots=True)
class ItemReader:
    """What reading an item takes: the dialect's content parts, the session's input format, and
    ids for what the client leaves without one."""

    contents: Contents
    audio_format: str
    new_id: NewId


def checked_item(value: Any, path: str, read: ItemReader) -> Item:
    """The item, with an id of the server's making where the client chose none. Raises
    `Rejected`."""
    if value is None:
        raise missing(path)
    fields = Fields(value, path, _ALL_KEYS)
    kind = fields.required_text("type")
    fields.choice("type", _TYPES)
    fields = Fields(value, path, _KEYS[kind])
    fields.choice("object", ("realtime.item",))
    item = Item(
        id=fields.text("id", limit=ID_LENGTH) or read.new_id("item"),
        type=kind,
        status=fields.choice("status", _STATUSES) or "completed",
    )
    if kind == MESSAGE:
        item.role = fields.required_text("role")
        fields.choice("role", tuple(read.contents.of_role))
        item.content = _parts(fields, item.role, read)
    elif kind == FUNCTION_CALL:
        item.name = fields.required_text("name")
        item.call_id = fields.text("call_id", limit=ID_LENGTH) or read.new_id("call")
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


def _parts(fields: Fields, role: str, read: ItemReader) -> list[Part]:
    content = fields.required("content")
    supported = read.contents.of_role[role]
    return [
        _part(part, where, supported, read)
        for where, part in entries(content, fields.path("content"))
    ]


def _part(value: Any, path: str, supported: tuple[str, ...], read: ItemReader) -> Part:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    word = value.get("type")
    if word is None:
        raise missing(f"{path}.type")
    if not isinstance(word, str):
        raise wrong_type(f"{path}.type", "a string", word)
    if word not in supported:
        raise unsupported(f"{path}.type", word, supported)
    kind = read.contents.type_of(word)
    fields = Fields(value, path, _PART_KEYS[kind])
    if kind == "input_audio":
        return _spoken(fields, read.audio_format)
    if kind == "input_image":
        return _pictured(fields)
    fields.required("text")
    return Part(kind, text=fields.text("text") or "")


def _spoken(fields: Fields, audio_format: str) -> Part:
    audio = decoded(fields.required_text("audio"), fields.path("audio"), audio_format)
    pcm = to_pcm(audio, audio_format)
    whole = pcm[: len(pcm) - len(pcm) % 2]
    return Part("input_audio", audio=whole, transcript=fields.text("transcript"))


def _pictured(fields: Fields) -> Part:
    url = fields.required_text("image_url")
    if not url.startswith(_IMAGES):
        where = fields.path("image_url")
        message = f"Invalid '{where}'. Expected a base64-encoded data URL with a PNG or JPEG image."
        raise invalid(where, message)
    detail = fields.choice("detail", _DETAILS) or "auto"
    return Part("input_image", image_url=url, detail=detail)
