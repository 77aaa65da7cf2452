"""One client event against the policy: the only door through which an event goes upstream. PURE.

    ClientEvent --row of the event--> its judge --> Forward(rebuilt) | Refuse | Ignore | Acknowledge

`Forward.event` is built here, key by key; nothing of the client's own objects is in it except
free JSON that a row allows (the parameters of an open client's own tool).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.policy.audio import measure
from app.policy.findings import Fault, Findings, missing, wrong_type, wrong_value
from app.policy.items import Built, Desk, judge_item
from app.policy.policy import Policy
from app.policy.response_fields import judge_response_create
from app.policy.session_fields import judge_session_update
from app.policy.shapes import is_integer
from app.policy.sight import Sight
from app.policy.tables import EVENTS, UNKNOWN_EVENT, Act
from app.policy.verdict import Acknowledge, Forward, Ignore, Refuse, Verdict
from app.policy.wording import no_such_item, refused
from app.protocol.errors import FIXED_TEXTS
from app.protocol.events import ClientEvent
from app.protocol.names import ClientKind
from app.protocol.strictness import MAX_INTEGER

MAX_CONTENT_INDEX = 15


def judge(event: ClientEvent, policy: Policy, sight: Sight) -> Verdict:
    """The policy's answer. Never raises for what a client sent."""
    findings = Findings(policy, event.sent)
    verdict = _judged(event, findings, sight)
    would = tuple(findings.would.values())
    if isinstance(verdict, Forward | Acknowledge):
        hint = findings.hint()
        return verdict if hint is None else replace(verdict, hint=hint, would=would)
    return replace(verdict, would=would) if would else verdict


def _judged(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    row = EVENTS.get(event.kind)
    if row is None:
        return refused(UNKNOWN_EVENT, findings.policy, "An event of this 'type'", "type")
    if findings.act(row) is not Act.ALLOW:
        return refused(row, findings.policy, f"'{row.name}'", "type")
    judge_kind, known = _JUDGES[row.name]
    if len(event.body) > 1:
        findings.ignore_others(event.body, known, "")
    return judge_kind(event, findings, sight)


def _session_update(event: ClientEvent, findings: Findings, _sight: Sight) -> Verdict:
    return judge_session_update(event, findings)


def _bare(event: ClientEvent, _findings: Findings, _sight: Sight) -> Verdict:
    """An event that is its type and nothing else."""
    return _forward(event)


def _append(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    text = event.body.get("audio")
    if text is None:
        return findings.refusal(missing("audio"))
    audio = measure(text, sight.input_format(), findings.policy.append_bytes, "audio")
    if isinstance(audio, Fault):
        return findings.refusal(audio)
    if not audio.text:
        return Ignore(EVENTS[event.kind].rule)
    rebuilt = {"type": event.body["type"], "audio": audio.text}
    return Forward(EVENTS[event.kind].rule, rebuilt, None, audio.milliseconds)


def _item_create(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    desk = Desk(findings, sight, sight.text_left())
    built = judge_item(event.body.get("item"), "item", desk)
    if isinstance(built, Fault):
        return findings.refusal(built)
    if not isinstance(built, Built):
        return built
    previous = _previous(event.body.get("previous_item_id"), findings, sight)
    if isinstance(previous, Refuse):
        return previous
    rebuilt = {"type": event.body["type"], **previous, "item": built.item}
    return Forward(EVENTS[event.kind].rule, rebuilt, None, built.audio_ms, built.text_characters)


def _previous(item_id: Any, findings: Findings, sight: Sight) -> dict[str, str] | Refuse:
    """The place of a new item: at the end, behind a visible item, or before the first of them."""
    if item_id is None:
        return {}
    if not isinstance(item_id, str):
        return findings.refusal(wrong_type("previous_item_id", "a string or null"))
    if item_id == "root":
        return {"previous_item_id": sight.root_predecessor() or "root"}
    if sight.item(item_id) is None:
        code = "item_create_invalid_previous_item_id"
        return no_such_item(code, "adding", item_id, "previous_item_id", "previous item")
    return {"previous_item_id": item_id}


def _item_retrieve(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    item_id = _required_id(event, findings)
    if isinstance(item_id, Refuse):
        return item_id
    seen = sight.item(item_id)
    if seen is None or not seen.message:
        return no_such_item("item_retrieve_invalid_item_id", "retrieving", item_id, "item_id")
    return _forward(event, item_id=item_id)


def _item_delete(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    item_id = _required_id(event, findings)
    if isinstance(item_id, Refuse):
        return item_id
    if sight.item(item_id) is None:
        return no_such_item("item_delete_invalid_item_id", "deleting", item_id, "item_id")
    return _forward(event, item_id=item_id)


def _item_truncate(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    item_id = _required_id(event, findings)
    if isinstance(item_id, Refuse):
        return item_id
    numbers: dict[str, int] = {}
    for name, most in (("content_index", MAX_CONTENT_INDEX), ("audio_end_ms", MAX_INTEGER)):
        value = event.body.get(name)
        if value is None:
            return findings.refusal(missing(name))
        if not is_integer(value):
            return findings.refusal(wrong_type(name, "an integer"))
        if not 0 <= value <= most:
            return findings.refusal(wrong_value(name, f"0 to {most}"))
        numbers[name] = value
    seen = sight.item(item_id)
    code = "item_truncate_invalid_item_id"
    if seen is None:
        return no_such_item(code, "truncating", item_id, "item_id")
    if not seen.assistant_audio:
        message = "Only model output audio messages can be truncated"
        return Refuse("unknown-id", code, message, "item_id", violation=False)
    return _forward(event, item_id=item_id, **numbers)


def _response_cancel(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    response_id = event.body.get("response_id")
    if response_id is None:
        return _forward(event)
    if not isinstance(response_id, str):
        return findings.refusal(wrong_type("response_id", "a string or null"))
    if not sight.response_visible(response_id):
        code = "response_cancel_not_active"
        return Refuse("unknown-id", code, FIXED_TEXTS[code], "response_id", violation=False)
    return _forward(event, response_id=response_id)


def _required_id(event: ClientEvent, findings: Findings) -> str | Refuse:
    item_id = event.body.get("item_id")
    if item_id is None:
        return findings.refusal(missing("item_id"))
    if not isinstance(item_id, str):
        return findings.refusal(wrong_type("item_id", "a string"))
    return item_id


def _forward(event: ClientEvent, **fields: str | int) -> Forward:
    return Forward(EVENTS[event.kind].rule, {"type": event.body["type"], **fields})


Judge = Callable[[ClientEvent, Findings, Sight], Verdict]


def _kind(judge_kind: Judge, *keys: str) -> tuple[Judge, frozenset[str]]:
    return judge_kind, frozenset({"type", *keys})


_JUDGES: dict[str, tuple[Judge, frozenset[str]]] = {
    ClientKind.SESSION_UPDATE: _kind(_session_update, "session"),
    ClientKind.AUDIO_APPEND: _kind(_append, "audio"),
    ClientKind.AUDIO_COMMIT: _kind(_bare),
    ClientKind.AUDIO_CLEAR: _kind(_bare),
    ClientKind.ITEM_CREATE: _kind(_item_create, "item", "previous_item_id"),
    ClientKind.ITEM_RETRIEVE: _kind(_item_retrieve, "item_id"),
    ClientKind.ITEM_TRUNCATE: _kind(_item_truncate, "item_id", "content_index", "audio_end_ms"),
    ClientKind.ITEM_DELETE: _kind(_item_delete, "item_id"),
    ClientKind.RESPONSE_CREATE: _kind(judge_response_create, "response"),
    ClientKind.RESPONSE_CANCEL: _kind(_response_cancel, "response_id"),
}
"""Each event's judge, and the keys that it reads: every other key is dropped, and told."""
