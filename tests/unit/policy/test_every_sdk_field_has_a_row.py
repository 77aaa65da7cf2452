"""A new release of the `openai` package shows its new fields here, as a red test.

Every field of every client event is one of: a row; below a row, and known to the row's rule for
values (`BELOW`, shown by a value that gets through); or dropped, for a reason (`DROPPED`, shown by
a canary that does not).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.policy.policy import ClientTool, Policy
from app.policy.tables import (
    CONTENT_PARTS,
    EVENTS,
    ITEM_REFERENCE,
    ITEM_TYPES,
    PARENTS,
    RESPONSE_FIELDS,
    SESSION_FIELDS,
    UNKNOWN_EVENT,
)
from app.policy.verdict import Forward, Refuse
from app.protocol.client_frames import encode_client
from app.protocol.item_object import item_in
from app.protocol.names import Dialect
from app.protocol.paths import internal_path
from tests.unit.policy.sdk_fields import Field, literals, sdk_fields
from tests.unit.policy.stand_in import OPEN, ask, user

CANARY = "canary-d41d8cd9"
FIELDS = sdk_fields()
ROWS = SESSION_FIELDS | RESPONSE_FIELDS
RULES = Policy(
    profile=OPEN, transcription_model="the-deployment", client_tools=(ClientTool("a", {}),)
)

UNKNOWN_EVENTS = {
    "output_audio_buffer.clear": "WebRTC and telephone alone: the API refuses it on a WebSocket"
}

OF_EVENTS: dict[str, dict[str, Any]] = {
    "input_audio_buffer.append": {"audio": "AAAAAAAA"},
    "conversation.item.create": {"item": user(), "previous_item_id": "item_user"},
    "conversation.item.delete": {"item_id": "item_user"},
    "conversation.item.retrieve": {"item_id": "item_user"},
    "conversation.item.truncate": {"item_id": "item_said", "content_index": 0, "audio_end_ms": 7},
    "response.cancel": {"response_id": "resp_1"},
    "response.create": {"response": {"instructions": "x"}},
    "session.update": {"session": {"instructions": "x"}},
}
"""Fields of events themselves, each with a value that gets through."""

_FUNCTION = {
    "type": "function",
    "name": "own",
    "description": "d",
    "parameters": {"type": "object"},
}
_VAD = {"threshold": 0.7, "prefix_padding_ms": 9, "silence_duration_ms": 400}
_FLAGS = {"create_response": False, "interrupt_response": False}

BELOW: dict[str, Any] = {
    "session.audio.input.turn_detection": {"type": "server_vad", **_VAD, **_FLAGS},
    "session.audio.input.turn_detection.eagerness": {"type": "semantic_vad", "eagerness": "low"},
    "session.audio.input.transcription.language": {"language": "de"},
    "session.audio.input.noise_reduction.type": {"type": "far_field"},
    "session.audio.input.format.type": {"type": "audio/pcmu"},
    "session.audio.output.format.type": {"type": "audio/pcma"},
    "response.audio.output.format.type": {"type": "audio/pcma"},
    "session.tools": [_FUNCTION],
    "response.tools": [_FUNCTION],
    "session.tool_choice": {"type": "function", "name": "own"},
    "response.tool_choice": {"type": "function", "name": "own"},
    "response.metadata": {"topic": "x"},
}
"""Fields that stand below a row: values of the row that hold them, and that get through."""

_MCP = "only tools of type `mcp` have it, and those are refused"
_FORCED = "forced: what a client says is not read"
DROPPED = {
    "session.audio.input.turn_detection.idle_timeout_ms": "it bills for silence",
    "session.audio.input.transcription.model": _FORCED + " (on Azure it names a deployment)",
    "session.audio.input.transcription.prompt": "the operator's: it steers the transcriber",
    "session.audio.input.transcription.delay": "the operator's: cost and quality",
    "session.audio.input.transcription.keywords": "the operator's: it steers the transcriber",
    "session.audio.input.transcription.languages": "one language, by `language`",
    "session.audio.input.noise_reduction.strength": "not documented for Azure",
    "session.audio.input.format.rate": _FORCED + ": it follows from the type",
    "session.audio.output.format.rate": _FORCED + ": it follows from the type",
    "response.audio.output.format.rate": _FORCED + ": it follows from the type",
    "session.audio.output.voice.id": "a custom voice is the operator's",
    "response.audio.output.voice.id": "a custom voice is the operator's",
    **{
        f"{root}.tools.{name}": _MCP
        for root in ("session", "response")
        for name in (
            "allowed_tools",
            "allowed_tools.read_only",
            "allowed_tools.tool_names",
            "authorization",
            "connector_id",
            "headers",
            "require_approval",
            "require_approval.always",
            "require_approval.always.read_only",
            "require_approval.always.tool_names",
            "require_approval.never",
            "require_approval.never.read_only",
            "require_approval.never.tool_names",
            "server_description",
            "server_label",
            "server_url",
            "tunnel_id",
        )
    },
    **{
        f"{root}.tools.{name}": "not documented for Azure; a function tool needs none of it"
        for root in ("session", "response")
        for name in ("allowed_callers", "defer_loading")
    },
    "session.tool_choice.server_label": _MCP,
    "response.tool_choice.server_label": _MCP,
    "item.object": "the service's own mark",
    "item.status": "a client cannot say how far an item has come",
    "item.content.transcript": "a client must not write the transcript that audit reads",
    "item.content.id": "it would name items that are hidden",
    "item.content.detail": "how closely images are looked at is cost, and the operator's",
    "item.name": "of a function call, and only the model calls tools",
    "item.arguments": "of a function call, and only the model calls tools",
    **{
        f"item.{name}": "of an mcp item, and those are refused"
        for name in (
            "approval_request_id",
            "approve",
            "error",
            "error.code",
            "error.message",
            "error.type",
            "reason",
            "server_label",
            "tools",
            "tools.annotations",
            "tools.description",
            "tools.input_schema",
            "tools.name",
        )
    },
}
"""Fields that are never sent on, in the internal spelling, each with the reason."""

OF_ITEMS: dict[str, dict[str, Any]] = {
    "id": {**user(), "id": "mine"},
    "type": user(),
    "role": user(),
    "content": user(),
    "content.type": user(),
    "content.text": user("words"),
    "content.audio": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": "AAAAAAAA"}],
    },
    "content.image_url": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_image", "image_url": "data:image/jpeg;base64,/9j/AAAA"}],
    },
    "call_id": {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    "output": {"type": "function_call_output", "call_id": "call_1", "output": "42"},
}
"""Fields of items that get through, each in an item that shows it."""


def inside(field: Field) -> str:
    """The field in the internal spelling; items stand under `item`, wherever they are sent."""
    path = internal_path(field.path, field.dialect)
    for place in ("response.input.", "item."):
        if path.startswith(place):
            return "item." + path.removeprefix(place)
    return path


def steps_of(path: str) -> Iterator[str]:
    """The path and everything that holds it, the longest first."""
    steps = path.split(".")
    return (".".join(steps[:length]) for length in range(len(steps), 0, -1))


def why_not_known(field: Field) -> str | None:
    """What is missing for a field; None: nothing."""
    path = inside(field)
    if field.path in ("type", "event_id") or field.event in UNKNOWN_EVENTS:
        return None
    if not EVENTS[field.event].opens() or path in OF_EVENTS.get(field.event, {}):
        return None
    if path in DROPPED or path in PARENTS or path in ROWS:
        return None
    if path.startswith("item."):
        return None if path.removeprefix("item.") in OF_ITEMS else "no entry in OF_ITEMS or DROPPED"
    row = next((ROWS[outer] for outer in steps_of(path) if outer in ROWS), None)
    if row is None:
        return "no row"
    if not row.opens() or path in held():
        return None
    return f"below the row {row.name}, without an entry in BELOW or DROPPED"


def held() -> frozenset[str]:
    """Every field that a value of `BELOW` shows."""
    return frozenset(path for name, value in BELOW.items() for path in _held(_row(name), value))


def _row(name: str) -> str:
    return next(outer for outer in steps_of(name) if outer in ROWS)


def _held(path: str, value: Any) -> Iterator[str]:
    yield path
    if isinstance(value, list):
        yield from _held(path, value[0])
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _held(f"{path}.{key}", entry)


# -- every field is known ----------------------------------------------------------------------


def test_the_package_is_walked_in_both_generations() -> None:
    known = {(field.dialect, field.path) for field in FIELDS}
    assert (Dialect.GA, "session.audio.input.turn_detection.idle_timeout_ms") in known
    assert (Dialect.PREVIEW, "session.turn_detection.threshold") in known
    assert (Dialect.GA, "response.input.content.image_url") in known
    assert len(FIELDS) > 300


def test_every_event_has_a_row_or_a_reason() -> None:
    events = {field.event for field in FIELDS}
    assert events == {str(kind) for kind in EVENTS} | set(UNKNOWN_EVENTS)


def test_every_field_has_a_row_or_a_reason() -> None:
    missing = {field: why for field in FIELDS if (why := why_not_known(field)) is not None}
    assert not missing, "\n".join(
        f"{f.dialect} {f.event}: {f.path}: {missing[f]}" for f in sorted(missing)
    )


def test_every_type_of_item_and_of_content_has_a_row() -> None:
    items = {word for _, word in literals("item") | literals("input")}
    assert items - {"message", ITEM_REFERENCE} <= set(ITEM_TYPES)
    parts = {name.partition("/")[2] for name in CONTENT_PARTS}
    without = set()
    for dialect, word in literals("content"):
        inner = item_in({"content": [{"type": word}]}, Dialect(dialect))["content"][0]["type"]
        without |= {inner} - parts
    assert without == {"output_audio"}, "a part without a row is refused"


def test_no_entry_is_about_a_field_that_is_gone() -> None:
    known = {inside(field) for field in FIELDS}
    assert set(DROPPED) <= known
    assert {f"item.{name}" for name in OF_ITEMS} <= known
    assert set(UNKNOWN_EVENTS) <= {field.event for field in FIELDS}
    for event, fields in OF_EVENTS.items():
        assert set(fields) <= {field.path for field in FIELDS if field.event == event}
    free = {"response.metadata", "session.tools.parameters", "response.tools.parameters"}
    assert {path for path in held() if path.rpartition(".")[0] not in free} <= known


# -- and the entries are true ------------------------------------------------------------------


def nested(path: str, value: Any) -> dict[str, Any]:
    """`value` at `path`, without the root's own name."""
    for step in reversed(path.split(".")[1:]):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def event_with(path: str, value: Any) -> dict[str, Any]:
    root = path.partition(".")[0]
    kind = "session.update" if root == "session" else "response.create"
    return {"type": kind, root: nested(path, value)}


def read_at(event: dict[str, Any], path: str) -> Any:
    found: Any = event
    for step in path.split("."):
        found = found[step]
    return found


@pytest.mark.parametrize("name", BELOW)
def test_a_field_below_a_row_gets_through(name: str) -> None:
    path = _row(name)
    sent = event_with(path, BELOW[name])
    verdict = ask(sent, RULES, dialect=Dialect.GA)
    assert isinstance(verdict, Forward), verdict
    passed = read_at(verdict.event, path)
    if isinstance(passed, list):
        assert BELOW[name][0] in passed
    else:
        assert {**passed, **BELOW[name]} == passed


@pytest.mark.parametrize("event", OF_EVENTS)
def test_a_field_of_an_event_gets_through(event: str) -> None:
    verdict = ask({"type": event, **OF_EVENTS[event]}, RULES, dialect=Dialect.GA)
    assert isinstance(verdict, Forward), verdict
    assert set(OF_EVENTS[event]) <= set(verdict.event)


@pytest.mark.parametrize("name", OF_ITEMS)
def test_a_field_of_an_item_gets_through(name: str) -> None:
    item = OF_ITEMS[name]
    verdict = ask({"type": "conversation.item.create", "item": item}, RULES, dialect=Dialect.GA)
    assert isinstance(verdict, Forward), verdict
    assert verdict.event["item"] == item


@pytest.mark.parametrize("event", UNKNOWN_EVENTS)
def test_an_event_without_a_row_is_refused(event: str) -> None:
    verdict = ask({"type": event}, RULES)
    assert isinstance(verdict, Refuse)
    assert verdict.rule == UNKNOWN_EVENT.rule


def with_canary(path: str) -> dict[str, Any]:
    """An event that is good but for the canary in one field."""
    if path.startswith("item."):
        item = json.loads(json.dumps(user()))
        _plant(item, path.split(".")[1:])
        return {"type": "conversation.item.create", "item": item}
    row = _row(path)
    base: Any = next((BELOW[name] for name in BELOW if _row(name) == row), {})
    value = json.loads(json.dumps(base))
    _plant(value, path.removeprefix(f"{row}.").split("."))
    return event_with(row, value)


def _plant(target: Any, steps: list[str]) -> None:
    for step in steps[:-1]:
        target = target[0] if isinstance(target, list) else target
        target = target.setdefault(step, {})
    target = target[0] if isinstance(target, list) else target
    target[steps[-1]] = CANARY


@pytest.mark.parametrize("path", DROPPED)
def test_what_is_dropped_does_not_get_through(path: str) -> None:
    sent = with_canary(path)
    assert CANARY in json.dumps(sent)
    verdict = ask(sent, RULES, dialect=Dialect.GA)
    if isinstance(verdict, Forward):
        assert CANARY not in encode_client(verdict.event, Dialect.GA, None).decode()
    else:
        assert not isinstance(verdict, Refuse) or CANARY not in verdict.message


@pytest.mark.parametrize("path", [name for name, row in ROWS.items() if not row.opens()])
def test_what_no_profile_opens_does_not_get_through(path: str) -> None:
    sent = event_with(path, {"id": CANARY, "value": CANARY})
    verdict = ask(sent, RULES, dialect=Dialect.GA)
    if isinstance(verdict, Forward):
        assert CANARY not in encode_client(verdict.event, Dialect.GA, None).decode()
