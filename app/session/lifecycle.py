"""Keeps the state in step with what upstream reports: items, responses, calls, usage.

Called with each decoded server event, before the policy judges it (`observe`) and after
(`forget`): an item that is being deleted must still be visible when its farewell is judged.
"""

from __future__ import annotations

from typing import Any

from app.policy.server_objects import may_show
from app.policy.sight import ServerSight
from app.protocol.events import ServerEvent
from app.protocol.names import ServerKind
from app.session.outstanding import Origin, Sent
from app.session.state import Item, Response, SessionState

_SPOKEN = frozenset({"audio", "output_audio"})


def observe(state: SessionState, event: ServerEvent, sight: ServerSight) -> Sent | None:
    """Learns of new items, responses and calls. An item is visible if its kind may be shown
    (`server_objects.may_show`) and it does not belong to a hidden response. Returns the client's
    event that a `response.created` (where it says so itself), or the first event about a new item,
    answers."""
    body = event.body
    match event.kind:
        case ServerKind.ITEM_CREATED | ServerKind.ITEM_ADDED:
            shown = not _may_be_hidden(state, body)
            asked = _learn_item(state, body.get("item"), None, shown, sight)
            _place(state, body.get("item"), body.get("previous_item_id"))
            return asked
        case ServerKind.OUTPUT_ITEM_ADDED:
            response = state.responses.get(_text(body.get("response_id")) or "")
            shown = response is not None and response.visible
            _learn_item(state, body.get("item"), None, shown, sight)
        case ServerKind.ITEM_RETRIEVED:
            state.outstanding.retrieved(_id_of(body.get("item")))
        case ServerKind.CONTENT_PART_ADDED:
            _learn_part(state, body)
        case ServerKind.SPEECH_STARTED | ServerKind.AUDIO_COMMITTED:
            _learn_audio_item(state, body)
        case ServerKind.RESPONSE_CREATED:
            return _learn_response(state, body.get("response"))
        case ServerKind.RESPONSE_DONE:
            _finish_response(state, body.get("response"))
        case _:
            pass
    return None


def forget(state: SessionState, event: ServerEvent) -> None:
    """Drops a deleted item and mends the chain of its successors."""
    if event.kind is not ServerKind.ITEM_DELETED:
        return
    gone = state.items.pop(_text(event.body.get("item_id")) or "", None)
    if gone is None:
        return
    for item in state.items.values():
        if item.previous == event.body.get("item_id"):
            item.previous = gone.previous


def _learn_item(
    state: SessionState, item: Any, previous: Any, shown: bool, sight: ServerSight
) -> Sent | None:
    if not isinstance(item, dict) or (item_id := _text(item.get("id"))) is None:
        return None
    if item_id in state.items:
        return None
    asked = _asked_for(state, item_id, item)
    learned = Item(
        visible=False,
        kind=_text(item.get("type")) or "",
        role=_text(item.get("role")),
        previous=_text(previous),
        client_wrote=asked is not None,
    )
    state.items[item_id] = learned
    learned.visible = shown and may_show(item, sight)
    call_id = _text(item.get("call_id"))
    if learned.visible and learned.kind == "function_call" and call_id is not None:
        state.calls.setdefault(call_id, False)
    return asked


def _place(state: SessionState, item: Any, previous: Any) -> None:
    known = state.items.get(_text(_id_of(item)) or "")
    if known is not None:
        known.previous = _text(previous) or known.previous
        known.placed = True


def _may_be_hidden(state: SessionState, body: dict[str, Any]) -> bool:
    """Whether an item that nobody has announced may be part of a response that is hidden."""
    item = body.get("item")
    said_by = item.get("role") if isinstance(item, dict) else None
    kind = item.get("type") if isinstance(item, dict) else None
    if said_by != "assistant" and kind != "function_call":
        return False
    return any(response.active and not response.visible for response in state.responses.values())


def _asked_for(state: SessionState, item_id: str, item: dict[str, Any]) -> Sent | None:
    """The `conversation.item.create` of the client's that the item answers. What the model or the
    microphone makes never answers one."""
    named = state.outstanding.names_item(item_id)
    made_here = item.get("role") in {"assistant", "system"} or item.get("type") == "function_call"
    if made_here and not named:
        return None
    return state.outstanding.item(item_id, item.get("call_id"))


def _learn_part(state: SessionState, body: dict[str, Any]) -> None:
    part = body.get("part")
    item = state.items.get(_text(body.get("item_id")) or "")
    if item is not None and isinstance(part, dict) and part.get("type") in _SPOKEN:
        item.audio = True


def _learn_audio_item(state: SessionState, body: dict[str, Any]) -> None:
    """The user's speech has an id before its item is created."""
    item_id = _text(body.get("item_id"))
    if item_id is not None and item_id not in state.items:
        state.items[item_id] = Item(
            visible=True, role="user", previous=_text(body.get("previous_item_id")), placed=True
        )


def _learn_response(state: SessionState, response: Any) -> Sent | None:
    if not isinstance(response, dict) or (response_id := _text(response.get("id"))) is None:
        return None
    known = response["conversation_id"] is not None if "conversation_id" in response else None
    asked = state.outstanding.marked(response.get("metadata"))
    turn = asked or state.outstanding.next_response(known)
    if known is None:
        known = turn is None or turn.in_conversation
    state.responses[response_id] = Response(
        visible=_is_for_the_client(state, response, asked), in_conversation=known
    )
    state.counters.responses += 1
    return asked


def _is_for_the_client(state: SessionState, response: dict[str, Any], asked: Sent | None) -> bool:
    """Whether a response is anybody's but the relay's own. An upstream that tells no metadata
    cannot say: then none is shown while one of the relay's own is awaited."""
    if asked is not None:
        return asked.origin is Origin.CLIENT
    return "metadata" in response or not state.outstanding.hidden()


def _finish_response(state: SessionState, response: Any) -> None:
    if not isinstance(response, dict):
        return
    known = state.responses.get(_text(response.get("id")) or "")
    if known is not None:
        known.active = False
    usage = response.get("usage")
    if isinstance(usage, dict):
        state.counters.input_tokens += _count(usage.get("input_tokens"))
        state.counters.output_tokens += _count(usage.get("output_tokens"))


def _id_of(item: Any) -> Any:
    return item.get("id") if isinstance(item, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
