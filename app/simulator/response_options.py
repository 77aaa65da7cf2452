"""What `response.create` asks for: the session's values, with the event's own laid over them.

Beside the fields of the preview reference this takes those of the first Azure preview, which the
how-to still shows and rtclient still sends: `commit`, `cancel_previous`, `prompt` as a string,
`append_input_items`, `input_items` and `max_output_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.simulator.audio import FORMATS
from app.simulator.checks import Fields
from app.simulator.errors import Rejected, invalid, missing, too_long, wrong_type
from app.simulator.item_checks import NewId, checked_item
from app.simulator.item_log import ItemLog
from app.simulator.items import MESSAGE, Item, Part
from app.simulator.session import VOICES, Session
from app.simulator.session_changes import (
    checked_max_tokens,
    checked_modalities,
    checked_temperature,
    checked_word,
)
from app.simulator.tools import Tool, ToolChoice, checked_choice, checked_tools

_CONVERSATIONS = ("auto", "none")
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_OVERRIDES: tuple[tuple[str, str, Callable[[Fields, str], Any]], ...] = (
    ("modalities", "modalities", checked_modalities),
    ("instructions", "instructions", lambda fields, name: fields.text(name)),
    ("voice", "voice", lambda fields, name: checked_word(fields, name, VOICES)),
    (
        "output_audio_format",
        "output_audio_format",
        lambda fields, name: checked_word(fields, name, FORMATS),
    ),
    ("tools", "tools", lambda fields, name: checked_tools(fields.given(name), fields.path(name))),
    (
        "tool_choice",
        "tool_choice",
        lambda fields, name: checked_choice(fields.given(name), fields.path(name)),
    ),
    ("temperature", "temperature", checked_temperature),
    ("max_output_tokens", "max_output_tokens", checked_max_tokens),
    ("max_response_output_tokens", "max_output_tokens", checked_max_tokens),
)
"""Name on the wire, field of the options, check. The last of several names counts; null, like
absence, leaves the session's value."""
_KNOWN = frozenset(
    {
        *(name for name, _, _ in _OVERRIDES),
        *("conversation", "input", "metadata"),
        *("commit", "cancel_previous", "prompt", "append_input_items", "input_items"),
    }
)


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """Everything that one response goes by.

    `context` replaces the conversation as what the response reads (None: it does not);
    `appended` follows it. `in_conversation` is false for an out-of-band response.
    """

    modalities: tuple[str, ...]
    instructions: str
    voice: str
    output_audio_format: str
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice
    temperature: float
    max_output_tokens: int | str
    in_conversation: bool = True
    context: tuple[Item, ...] | None = None
    appended: tuple[Item, ...] = ()
    metadata: dict[str, str] | None = None
    commit: bool = False
    cancel_previous: bool = False

    @property
    def speaks(self) -> bool:
        return "audio" in self.modalities


def session_options(session: Session) -> ResponseOptions:
    """What a response goes by where nobody said otherwise: those that a turn's end starts."""
    return ResponseOptions(
        modalities=session.modalities,
        instructions=session.instructions,
        voice=session.voice,
        output_audio_format=session.output_audio_format,
        tools=session.tools,
        tool_choice=session.tool_choice,
        temperature=session.temperature,
        max_output_tokens=session.max_response_output_tokens,
    )


def checked_options(value: Any, session: Session, log: ItemLog, new_id: NewId) -> ResponseOptions:
    """The options of a `response.create`; `value` is its `response`, which may be null."""
    if value is None:
        return session_options(session)
    fields = Fields(value, "response", _KNOWN)
    overrides = {
        option: check(fields, name)
        for name, option, check in _OVERRIDES
        if fields.given(name) is not None
    }
    return replace(
        session_options(session),
        **overrides,
        in_conversation=fields.choice("conversation", _CONVERSATIONS) != "none",
        context=_context(fields, session, log, new_id),
        appended=_appended(fields, session, log, new_id),
        metadata=_metadata(fields),
        commit=bool(fields.boolean("commit")),
        cancel_previous=bool(fields.boolean("cancel_previous")),
    )


def _context(
    fields: Fields, session: Session, log: ItemLog, new_id: NewId
) -> tuple[Item, ...] | None:
    name = "input" if fields.given("input") is not None else "input_items"
    if fields.given(name) is None:
        return None
    return tuple(_input(fields, name, session, log, new_id))


def _appended(fields: Fields, session: Session, log: ItemLog, new_id: NewId) -> tuple[Item, ...]:
    """`append_input_items`, and the how-to's `prompt` as the last words of a user."""
    items = list(_input(fields, "append_input_items", session, log, new_id))
    prompt = fields.text("prompt")
    if prompt is not None:
        said = Part("input_text", text=prompt)
        items.append(Item(id=new_id("item"), type=MESSAGE, role="user", content=[said]))
    return tuple(items)


def _input(
    fields: Fields, name: str, session: Session, log: ItemLog, new_id: NewId
) -> Iterator[Item]:
    for path, value in fields.entries(name):
        if isinstance(value, dict) and value.get("type") == "item_reference":
            yield _referred(value, path, log)
        else:
            yield checked_item(value, path, audio_format=session.input_audio_format, new_id=new_id)


def _referred(value: dict[str, Any], path: str, log: ItemLog) -> Item:
    reference = Fields(value, path, ("type", "id"))
    item_id = reference.required_text("id")
    item = log.find(item_id)
    if item is None:
        raise invalid(reference.path("id"), f"Item with item_id not found: '{item_id}'.")
    return item


def _metadata(fields: Fields) -> dict[str, str] | None:
    value, path = fields.given("metadata"), fields.path("metadata")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    if len(value) > _METADATA_PAIRS:
        raise _too_many_pairs(path, len(value))
    for key, text in value.items():
        where = f"{path}.{key}"
        if len(key) > _METADATA_KEY:
            raise too_long(path, _METADATA_KEY, len(key))
        if text is None:
            raise missing(where)
        if not isinstance(text, str):
            raise wrong_type(where, "a string", text)
        if len(text) > _METADATA_VALUE:
            raise too_long(where, _METADATA_VALUE, len(text))
    return dict(value)


def _too_many_pairs(path: str, count: int) -> Rejected:
    message = (
        f"Invalid '{path}': too many properties. Expected an object with at most "
        f"{_METADATA_PAIRS} properties, but got an object with {count} properties instead."
    )
    return Rejected("object_above_max_properties", message, path)
