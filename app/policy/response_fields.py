"""A client's `response.create`: the allowed overrides as a new event. PURE.

This event can override everything that `session.update` can, for one response, and bring its own
context: it obeys the same rows.
"""

from __future__ import annotations

from typing import Any

from app.policy.fields import rebuild
from app.policy.findings import Fault, Findings, wrong_type, wrong_value
from app.policy.items import Built, Desk, judge_item
from app.policy.sight import Sight
from app.policy.tables import EVENTS, ITEM_REFERENCE, REFERENCE, RESPONSE_FIELDS, Act
from app.policy.verdict import Forward, Refuse, Verdict
from app.policy.wording import no_such_item
from app.protocol.events import ClientEvent

MAX_INPUT = 16


def judge_response_create(event: ClientEvent, findings: Findings, sight: Sight) -> Verdict:
    """Forward what is allowed; refuse where stripping would change what was asked for. What was
    dropped stands in `findings`."""
    rule = EVENTS[event.kind].rule
    response = event.body.get("response")
    if response is None:
        return Forward(rule, {"type": event.body["type"]})
    if not isinstance(response, dict):
        return findings.refusal(wrong_type("response", "an object or null"))
    built = rebuild("response", response, RESPONSE_FIELDS, findings)
    if isinstance(built, Refuse):
        return built
    audio_ms, characters = 0.0, 0
    if response.get("input") is not None:
        context = _input(response["input"], Desk(findings, sight, sight.text_left()))
        if not isinstance(context, _Context):
            return context
        built["input"] = context.entries
        audio_ms, characters = context.audio_ms, context.text_characters
    create: dict[str, Any] = {"type": event.body["type"]}
    if built:
        create["response"] = built
    return Forward(rule, create, None, audio_ms, characters)


class _Context:
    """The rebuilt `input` while it grows."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.references: set[str] = set()
        self.calls: set[str] = set()
        self.audio_ms = 0.0
        self.text_characters = 0


def _input(value: Any, desk: Desk) -> _Context | Refuse:
    path, findings = "response.input", desk.findings
    if not isinstance(value, list):
        return findings.refusal(wrong_type(path, "a list of items"))
    if len(value) > MAX_INPUT:
        return findings.refusal(wrong_value(path, f"at most {MAX_INPUT} entries"))
    context = _Context()
    for position, entry in enumerate(value):
        where = f"{path}[{position}]"
        refusal = _entry(entry, where, desk, context)
        if refusal is not None:
            return refusal
    return context


def _entry(entry: Any, path: str, desk: Desk, context: _Context) -> Refuse | None:
    if isinstance(entry, dict) and entry.get("type") == ITEM_REFERENCE:
        if desk.findings.act(REFERENCE) is not Act.ALLOW:
            return desk.refused(REFERENCE, f"'{{path}}' of type '{ITEM_REFERENCE}'", path)
        desk.findings.ignore_others(entry, ("type", "id"), path)
        return _reference(entry.get("id"), f"{path}.id", desk, context)
    left = desk.after(context.text_characters)
    built = judge_item(entry, path, left)
    if isinstance(built, Fault):
        return desk.findings.refusal(built)
    if not isinstance(built, Built):
        return built
    call_id = built.item.get("call_id")
    if call_id is not None:
        if call_id in context.calls:
            return desk.findings.refusal(wrong_value(f"{path}.call_id", "each call only once"))
        context.calls.add(call_id)
    context.entries.append(built.item)
    context.audio_ms += built.audio_ms
    context.text_characters += built.text_characters
    return None


def _reference(item_id: Any, path: str, desk: Desk, context: _Context) -> Refuse | None:
    findings = desk.findings
    if not isinstance(item_id, str):
        return findings.refusal(wrong_type(path, "a string"))
    if item_id in context.references:
        return findings.refusal(wrong_value(path, "each item only once"))
    if desk.sight.item(item_id) is None:
        return no_such_item("invalid_value", "referencing", item_id, findings.sent.path(path))
    context.references.add(item_id)
    context.entries.append({"type": ITEM_REFERENCE, "id": item_id})
    return None
