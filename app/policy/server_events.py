"""One event of upstream against the policy: pass its bytes, rebuild it, or drop it. PURE.

    frame --server_head--> a kind of DELTAS --> judge_delta: the original bytes, or nothing
                           any other kind  --> decode_server --> judge_server --> verdict

What the client may see is the session's knowledge (`ServerSight`); what an object may show stands
in `server_objects`. The session answers `session.created` and `session.updated` itself, with
`view.session_view`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.policy.policy import Policy, Profile
from app.policy.server_objects import (
    scalars,
    shown_item,
    shown_part,
    shown_response,
    transcription_usage,
)
from app.policy.sight import ServerSight
from app.protocol.errors import answers_relay, safe_error, safe_transcription_error
from app.protocol.events import ServerEvent, ServerHead
from app.protocol.names import ServerKind


@dataclass(frozen=True, slots=True)
class Pass:
    """Send the original bytes where both dialects are one, else the event re-encoded."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Send `body` (internal spelling) through `events.encode_server`."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Nothing for this client. Counted by rule."""

    rule: str


ServerVerdict = Pass | Rebuild | Drop

_K = ServerKind

DELTAS = frozenset(
    {
        _K.TEXT_DELTA,
        _K.TEXT_DONE,
        _K.AUDIO_DELTA,
        _K.AUDIO_DONE,
        _K.AUDIO_TRANSCRIPT_DELTA,
        _K.AUDIO_TRANSCRIPT_DONE,
        _K.ARGUMENTS_DELTA,
        _K.ARGUMENTS_DONE,
    }
)
"""Parts of a response: they pass untouched where their response and their item are visible."""

_OF_AN_ITEM = frozenset(
    {
        _K.SPEECH_STARTED,
        _K.SPEECH_STOPPED,
        _K.AUDIO_TIMEOUT,
        _K.ITEM_TRUNCATED,
        _K.ITEM_DELETED,
        _K.TRANSCRIPTION_SEGMENT,
    }
)
"""Events about one item that hold nothing but its id, numbers and what the user said."""

_ITEM_FACTS = (
    *("item_id", "content_index", "audio_start_ms", "audio_end_ms"),
    *("id", "start", "end", "speaker", "text"),
)

HIDDEN = "hidden"


def judge_delta(head: ServerHead, sight: ServerSight) -> bool:
    """Whether the original bytes of an event of `DELTAS` pass: its head alone decides."""
    return _response_shown(head.response_id, sight) and _item_shown(head.item_id, sight)


def judge_server(event: ServerEvent, policy: Policy, sight: ServerSight) -> ServerVerdict:
    """The verdict on an event that was decoded whole. `session.created` and `session.updated` are
    dropped here: the client gets a view instead, which the session makes."""
    body, kind = event.body, event.kind
    judge = _JUDGES.get(kind)
    if judge is not None:
        return judge(body, policy, sight)
    item_id = _text(body.get("item_id"))
    if kind in DELTAS:
        head = ServerHead(kind, _text(body.get("response_id")), item_id)
        return Pass() if judge_delta(head, sight) else Drop(HIDDEN)
    if kind in _OF_AN_ITEM:
        return Rebuild(_head(body, *_ITEM_FACTS)) if _item_shown(item_id, sight) else Drop(HIDDEN)
    if kind is _K.AUDIO_CLEARED:
        return Rebuild(_head(body))
    if kind is _K.RATE_LIMITS_UPDATED:
        return _rate_limits(body) if policy.show_rate_limits else Drop("rate-limits")
    return Drop("session-view")


def _rate_limits(body: dict[str, Any]) -> Rebuild:
    limits = body.get("rate_limits")
    shown = [
        scalars(limit, ("name", "limit", "remaining", "reset_seconds"))
        for limit in (limits if isinstance(limits, list) else [])
        if isinstance(limit, dict)
    ]
    return Rebuild({**_head(body), "rate_limits": shown})


def _response_shown(response_id: str | None, sight: ServerSight) -> bool:
    return response_id is not None and sight.response_visible(response_id)


def _item_shown(item_id: str | None, sight: ServerSight) -> bool:
    return item_id is not None and sight.item_visible(item_id)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _head(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return scalars(body, ("type", "event_id", *keys))


def _predecessor(body: dict[str, Any], sight: ServerSight) -> dict[str, str | None]:
    """`previous_item_id` as this client knows the order: never the name of a hidden item."""
    if "previous_item_id" not in body:
        return {}
    previous = _text(body["previous_item_id"])
    if previous is not None and not sight.item_visible(previous):
        previous = sight.visible_predecessor(previous)
    return {"previous_item_id": previous}


def _conversation(body: dict[str, Any], _policy: Policy, _sight: ServerSight) -> ServerVerdict:
    conversation = body.get("conversation")
    known = scalars(conversation, ("id", "object")) if isinstance(conversation, dict) else {}
    return Rebuild({**_head(body), "conversation": known})


def _committed(body: dict[str, Any], _policy: Policy, sight: ServerSight) -> ServerVerdict:
    if not _item_shown(_text(body.get("item_id")), sight):
        return Drop(HIDDEN)
    rebuilt = {**_head(body), **_predecessor(body, sight), "item_id": body["item_id"]}
    return Rebuild(rebuilt)


def _item(body: dict[str, Any], _policy: Policy, sight: ServerSight) -> ServerVerdict:
    retrieved = body["type"] == _K.ITEM_RETRIEVED
    item = shown_item(body.get("item"), sight, retrieved=retrieved)
    if item is None:
        return Drop(HIDDEN)
    return Rebuild({**_head(body), **_predecessor(body, sight), "item": item})


def _output_item(body: dict[str, Any], _policy: Policy, sight: ServerSight) -> ServerVerdict:
    item = shown_item(body.get("item"), sight)
    if item is None or not _response_shown(_text(body.get("response_id")), sight):
        return Drop(HIDDEN)
    return Rebuild({**_head(body, "response_id", "output_index"), "item": item})


def _content_part(body: dict[str, Any], _policy: Policy, sight: ServerSight) -> ServerVerdict:
    shown = _response_shown(_text(body.get("response_id")), sight)
    if not (shown and _item_shown(_text(body.get("item_id")), sight)):
        return Drop(HIDDEN)
    part = body.get("part")
    rebuilt = _head(body, "response_id", "item_id", "output_index", "content_index")
    rebuilt["part"] = shown_part(part) if isinstance(part, dict) else {}
    return Rebuild(rebuilt)


def _response(body: dict[str, Any], policy: Policy, sight: ServerSight) -> ServerVerdict:
    response = body.get("response")
    if not isinstance(response, dict) or not _response_shown(_text(response.get("id")), sight):
        return Drop(HIDDEN)
    rebuilt = {**_head(body), "response": shown_response(response, policy, sight)}
    return Rebuild(rebuilt)


def _transcription(body: dict[str, Any], policy: Policy, sight: ServerSight) -> ServerVerdict:
    if not _item_shown(_text(body.get("item_id")), sight):
        return Drop(HIDDEN)
    rebuilt = _head(body, "item_id", "content_index", "delta", "transcript")
    if "usage" in body:
        rebuilt["usage"] = transcription_usage(body["usage"], policy)
    if policy.profile is Profile.OPEN and "logprobs" in body:
        rebuilt["logprobs"] = body["logprobs"]
    return Rebuild(rebuilt)


def _transcription_failed(
    body: dict[str, Any], _policy: Policy, sight: ServerSight
) -> ServerVerdict:
    if not _item_shown(_text(body.get("item_id")), sight):
        return Drop(HIDDEN)
    error = body.get("error")
    safe = safe_transcription_error(error if isinstance(error, dict) else {})
    return Rebuild({**_head(body, "item_id", "content_index"), "error": safe})


def _error(body: dict[str, Any], _policy: Policy, _sight: ServerSight) -> ServerVerdict:
    error = body.get("error")
    known = error if isinstance(error, dict) else {}
    if answers_relay(known):
        return Drop("own-error")
    return Rebuild({**_head(body), "error": safe_error(known)})


_JUDGES: dict[ServerKind, Callable[[dict[str, Any], Policy, ServerSight], ServerVerdict]] = {
    _K.CONVERSATION_CREATED: _conversation,
    _K.AUDIO_COMMITTED: _committed,
    _K.ITEM_CREATED: _item,
    _K.ITEM_ADDED: _item,
    _K.ITEM_DONE: _item,
    _K.ITEM_RETRIEVED: _item,
    _K.OUTPUT_ITEM_ADDED: _output_item,
    _K.OUTPUT_ITEM_DONE: _output_item,
    _K.CONTENT_PART_ADDED: _content_part,
    _K.CONTENT_PART_DONE: _content_part,
    _K.RESPONSE_CREATED: _response,
    _K.RESPONSE_DONE: _response,
    _K.TRANSCRIPTION_DELTA: _transcription,
    _K.TRANSCRIPTION_COMPLETED: _transcription,
    _K.TRANSCRIPTION_FAILED: _transcription_failed,
    _K.ERROR: _error,
}
