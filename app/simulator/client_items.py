"""Items of the conversation: created, retrieved, truncated, deleted by the client."""

from __future__ import annotations

from app.simulator.audio import BYTES_PER_MS
from app.simulator.checks import Fields
from app.simulator.client_audio import hear
from app.simulator.errors import Rejected, invalid, no_such_item
from app.simulator.item_checks import checked_item, duplicate, unknown_call
from app.simulator.item_log import ROOT
from app.simulator.items import FUNCTION_CALL_OUTPUT, Item
from app.simulator.state import State

_LONGEST_MS = 24 * 3600 * 1000


def create(state: State, fields: Fields) -> None:
    """`conversation.item.create`: at the end, or behind `previous_item_id` ("root": first)."""
    after = fields.text("previous_item_id")
    item = checked_item(fields.given("item"), "item", state.reader)
    if state.log.find(item.id) is not None:
        raise duplicate(item.id)
    if item.type == FUNCTION_CALL_OUTPUT and not state.log.has_call(item.call_id):
        raise unknown_call(item.call_id)
    if after is not None and after != ROOT and state.log.find(after) is None:
        message = f"Error adding item: the previous item with id '{after}' does not exist."
        raise invalid("previous_item_id", message)
    state.announce(item, state.log.add(item, after))
    hear(state, item)


def retrieve(state: State, fields: Fields) -> None:
    """`conversation.item.retrieve`: the item with its audio, which can be large."""
    item = _found(state, fields, "retrieve", "retrieving")
    whole = state.spelling.item(item, whole_audio=state.session.input_audio_format)
    state.emit("conversation.item.retrieved", item=whole)


def delete(state: State, fields: Fields) -> None:
    """`conversation.item.delete`: the items around it become neighbours."""
    item = _found(state, fields, "delete", "deleting")
    state.log.remove(item)
    state.emit("conversation.item.deleted", item_id=item.id)


def truncate(state: State, fields: Fields) -> None:
    """`conversation.item.truncate`: the model's audio ends where the person stopped hearing it.

    The transcript goes as a whole: the service keeps no text that was not heard.
    """
    item = _found(state, fields, "truncate", "truncating")
    fields.required("content_index")
    index = fields.integer("content_index", 0, 1_000) or 0
    fields.required("audio_end_ms")
    end_ms = fields.integer("audio_end_ms", 0, _LONGEST_MS) or 0
    part = item.content[index] if index < len(item.content) else None
    if item.role != "assistant" or part is None or part.type != "audio" or end_ms == 0:
        raise Rejected(None, "Only model output audio messages can be truncated")
    length = int(part.audio_ms)
    if end_ms > length:
        message = f"Audio content of {length}ms is already shorter than {end_ms}ms"
        raise Rejected("invalid_value", message)
    part.audio = bytearray(part.audio[: end_ms * BYTES_PER_MS[part.audio_format]])
    part.transcript = None
    state.emit(
        "conversation.item.truncated",
        item_id=item.id,
        content_index=index,
        audio_end_ms=end_ms,
    )


def _found(state: State, fields: Fields, verb: str, doing: str) -> Item:
    item_id = fields.required_text("item_id")
    item = state.log.find(item_id)
    if item is None:
        raise no_such_item(verb, doing, item_id)
    return item
