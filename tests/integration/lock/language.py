"""The language in which upstream may be spoken to, written down a second time.

These rules were written from the table "Client -> upstream" of the policy's design alone; nothing
of the application is imported, so that a mistake in its tables cannot hide here. `check` takes what
a frame for upstream means and raises `Illegal` with the first thing in it that may not be there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.integration.lock.settings_language import response_settings, session_settings
from tests.integration.lock.words import Illegal, World, exactly, number_in, one_of, text, whole

Event = dict[str, Any]
Rule = Callable[[Event, World], None]

_LENT_ID = re.compile(r"rly_[A-Za-z0-9_]{1,28}\Z")
_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_IMAGES = {"data:image/png;base64,": b"\x89PNG", "data:image/jpeg;base64,": b"\xff\xd8\xff"}

APPEND_BYTES = 96 * 1024
IMAGE_BYTES = 1024 * 1024
PART_CHARACTERS = 4_000
PARTS = 16
OUTPUT_BYTES = 16 * 1024
INPUT_ENTRIES = 16


def check(event: Any, world: World) -> None:
    """Raises `Illegal` unless upstream may be told this."""
    if not isinstance(event, dict):
        raise Illegal("no object")
    kind = event.get("type")
    rule = _EVENTS.get(kind) if isinstance(kind, str) else None
    if rule is None:
        raise Illegal(f"an event {kind!r}")
    event_id = event.get("event_id")
    if event_id is not None or kind != "input_audio_buffer.append":
        if not isinstance(event_id, str) or not _LENT_ID.match(event_id):
            raise Illegal("an event_id that the relay has not lent")
        if event_id in world.said_ids:
            raise Illegal("an event_id of the relay's, in a client's mouth")
    if not world.opens(str(kind), True):
        raise Illegal(f"an event {kind!r}, which the operator has shut")
    if characters(event) > world.text_left:
        raise Illegal("more text than the session has left")
    known = {key: value for key, value in event.items() if key not in ("type", "event_id")}
    rule(known, replace(world, lent=event_id))


def items(event: Event) -> list[Event]:
    """The items that an event brings, wherever they stand."""
    response = event.get("response")
    brought = response.get("input", []) if isinstance(response, dict) else []
    return [item for item in [event.get("item"), *brought] if isinstance(item, dict)]


def characters(event: Event) -> int:
    """How much an event writes into the conversation."""
    contents = (item.get("content") for item in items(event))
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return sum(len(part["text"]) for part in parts if isinstance(part.get("text"), str))


def answered(event: Event) -> list[str]:
    """The calls that an event answers."""
    return [item["call_id"] for item in items(event) if item["type"] == "function_call_output"]


def _nothing(event: Event, _world: World) -> None:
    exactly(event, required=())


def _append(event: Event, world: World) -> None:
    exactly(event, required=("audio",))
    _audio(event["audio"], world)


def _audio(value: Any, world: World) -> None:
    if not isinstance(value, str):
        raise Illegal("audio that is no text")
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Illegal("audio that is no base64") from error
    if len(decoded) > APPEND_BYTES or (world.pcm16 and len(decoded) % 2):
        raise Illegal("too much audio, or half a sample")


def _visible(item_id: Any, allowed: frozenset[str]) -> None:
    if not isinstance(item_id, str) or item_id not in allowed:
        raise Illegal("an item that this client may not name")


def _retrieve(event: Event, world: World) -> None:
    exactly(event, required=("item_id",))
    _visible(event["item_id"], world.messages)


def _delete(event: Event, world: World) -> None:
    if not world.opens("conversation.item.delete", not world.locked):
        raise Illegal("a locked client deletes")
    exactly(event, required=("item_id",))
    _visible(event["item_id"], world.items)


def _truncate(event: Event, world: World) -> None:
    exactly(event, required=("item_id", "content_index", "audio_end_ms"))
    _visible(event["item_id"], world.spoken)
    number_in(whole(event["content_index"]), 0, 15)
    number_in(whole(event["audio_end_ms"]), 0, 2**53)


def _cancel(event: Event, world: World) -> None:
    exactly(event, required=(), optional=("response_id",))
    if "response_id" in event and event["response_id"] not in world.responses:
        raise Illegal("a response that this client may not name")


def _item_create(event: Event, world: World) -> None:
    exactly(event, required=("item",), optional=("previous_item_id",))
    _item(event["item"], world)
    if "previous_item_id" in event and event["previous_item_id"] != world.root:
        _visible(event["previous_item_id"], world.items)


def _item(item: Any, world: World) -> None:
    if not isinstance(item, dict):
        raise Illegal("an item that is no object")
    if "id" in item:
        own = item["id"]
        if not isinstance(own, str) or not _ITEM_ID.match(own) or own == "root":
            raise Illegal("an item id")
        if own.startswith("rly_"):
            raise Illegal("an item id of the relay's")
    if item.get("type") == "function_call_output":
        _output(item, world)
        return
    one_of(item.get("type"), "message")
    exactly(item, required=("type", "role", "content"), optional=("id",))
    if not isinstance(item["content"], list) or not 1 <= len(item["content"]) <= PARTS:
        raise Illegal("content")
    for part in item["content"]:
        _part(part, item["role"], world)


def _output(item: Event, world: World) -> None:
    if not world.opens("function_call_output", not world.locked):
        raise Illegal("a locked client answers a call")
    exactly(item, required=("type", "call_id", "output"), optional=("id",))
    if item["call_id"] not in world.calls:
        raise Illegal("a call that this client was not shown")
    if not isinstance(item["output"], str) or len(item["output"].encode()) > OUTPUT_BYTES:
        raise Illegal("an output")


def _part(part: Any, role: Any, world: World) -> None:
    if not isinstance(part, dict):
        raise Illegal("a part that is no object")
    said = "text" if world.preview else "output_text"
    allowed: dict[tuple[Any, Any], bool] = {
        ("user", "input_text"): True,
        ("user", "input_audio"): world.opened or (world.guided and not world.listens),
        ("user", "input_image"): world.opened,
        ("system", "input_text"): world.opened,
        ("assistant", said): world.opened or (world.guided and world.history),
    }
    kind = part.get("type")
    row = f"{role}/{'output_text' if kind == 'text' else kind}"
    if not isinstance(role, str) or not isinstance(kind, str) or (role, kind) not in allowed:
        raise Illegal(f"a part {kind!r} of role {role!r}")
    if not world.opens(row, allowed[role, kind]):
        raise Illegal(f"a part {kind!r} of role {role!r}, for this client")
    if kind == "input_image" and not world.pictures:
        raise Illegal("a picture that upstream has no name for")
    if kind == "input_audio":
        exactly(part, required=("type", "audio"))
        _audio(part["audio"], world)
    elif kind == "input_image":
        exactly(part, required=("type", "image_url"))
        _image(part["image_url"])
    else:
        exactly(part, required=("type", "text"))
        text(part["text"], PART_CHARACTERS)


def _image(url: Any) -> None:
    for prefix, magic in _IMAGES.items():
        if isinstance(url, str) and url.startswith(prefix):
            image = base64.b64decode(url[len(prefix) :], validate=True)
            if image.startswith(magic) and len(image) <= IMAGE_BYTES:
                return
    raise Illegal("an image that is not inside the event")


def _response_create(event: Event, world: World) -> None:
    exactly(event, required=(), optional=("response",))
    if "response" not in event:
        return
    response = event["response"]
    if not isinstance(response, dict):
        raise Illegal("a response that is no object")
    for key, value in response.items():
        if key == "input":
            _input(value, world)
        else:
            response_settings(key, value, world)


def _input(entries: Any, world: World) -> None:
    opened = world.opens("response.input", not world.locked)
    if not opened or not isinstance(entries, list) or len(entries) > INPUT_ENTRIES:
        raise Illegal("an input")
    named: list[str] = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("type") == "item_reference":
            exactly(entry, required=("type", "id"))
            _visible(entry["id"], world.items)
            named.append(entry["id"])
        else:
            _item(entry, world)
    if len(set(named)) != len(named):
        raise Illegal("an item that is named twice")
    calls = answered({"response": {"input": entries}})
    if len(set(calls)) != len(calls):
        raise Illegal("a call that is answered twice")


def _session_update(event: Event, world: World) -> None:
    exactly(event, required=("session",))
    session_settings(event["session"], world)


_EVENTS: dict[str, Rule] = {
    "session.update": _session_update,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.commit": _nothing,
    "input_audio_buffer.clear": _nothing,
    "conversation.item.create": _item_create,
    "conversation.item.retrieve": _retrieve,
    "conversation.item.truncate": _truncate,
    "conversation.item.delete": _delete,
    "response.create": _response_create,
    "response.cancel": _cancel,
}
EVENTS = frozenset(_EVENTS)
