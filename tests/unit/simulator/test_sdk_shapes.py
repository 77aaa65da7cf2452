"""Each event that the embedded upstream can send, in both dialects, held against the types of the
installed client library."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from app.protocol.names import Dialect
from tests.unit.simulator.ga_talk import GaTalk
from tests.unit.simulator.sdk_shapes import MODELS, validated
from tests.unit.simulator.talk import CALL, WRITING, Event, Talk, silence, utterance

COMPLETED = "conversation.item.input_audio_transcription.completed"
SHARED = {
    *("session.created", "session.updated", "conversation.created", "error", "rate_limits.updated"),
    *(f"input_audio_buffer.{what}" for what in ("committed", "cleared")),
    *(f"input_audio_buffer.speech_{what}" for what in ("started", "stopped")),
    *(f"conversation.item.{what}" for what in ("retrieved", "truncated", "deleted")),
    *(
        f"conversation.item.input_audio_transcription.{what}"
        for what in ("delta", "completed", "failed")
    ),
    *(f"response.{what}" for what in ("created", "done")),
    *(
        f"response.{what}.{when}"
        for what in ("output_item", "content_part")
        for when in ("added", "done")
    ),
    *(f"response.function_call_arguments.{when}" for when in ("delta", "done")),
}
OUTPUTS = ("text", "audio", "audio_transcript")
ALL = {
    Dialect.PREVIEW: SHARED
    | {"conversation.item.created", "transcription_session.updated"}
    | {f"response.{what}.{when}" for what in OUTPUTS for when in ("delta", "done")},
    Dialect.GA: SHARED
    | {"conversation.item.added", "conversation.item.done", "input_audio_buffer.timeout_triggered"}
    | {f"response.output_{what}.{when}" for what in OUTPUTS for when in ("delta", "done")},
}
FUNCTION = {"type": "function", "name": "weather", "description": "x", "parameters": {}}


def everything(talk: Talk, configured: dict[str, Any], text_only: dict[str, Any]) -> list[Event]:
    """A conversation in which every kind of event occurs that both dialects know."""
    events = [*talk.opening, *talk.update(**configured)]
    events += talk.append(silence(500) + utterance() + silence(1_500))
    events += talk.answer()
    events += talk.heard("Hello.")
    events += talk.heard(None)
    (item,) = events[-1:]
    events += talk.typed("What is the weather?")
    events += talk.send("response.create")
    events += talk.answer(CALL)
    output = {"type": "function_call_output", "call_id": "call_2", "output": "sunny"}
    events += talk.send("conversation.item.create", item=output)
    events += talk.send("response.create", response={"metadata": {"a": "b"}, **text_only})
    events += talk.answer(WRITING)
    events += talk.send("response.create", response={"conversation": "none", "input": []})
    events += talk.answer()
    events += talk.send("response.create")
    events += talk.plan()
    events += [event for _ in range(3) for event in talk.step()]
    events += talk.append(utterance() + silence(1_500))
    events += talk.failed()
    spoken = [e for e in events if e["type"].endswith("audio.delta")]
    place = {"item_id": spoken[0]["item_id"], "content_index": 0}
    events += talk.send("conversation.item.retrieve", item_id=item["item_id"])
    events += talk.send("conversation.item.retrieve", item_id=spoken[0]["item_id"])
    events += talk.send("conversation.item.truncate", **place, audio_end_ms=300)
    events += talk.send("conversation.item.delete", item_id=spoken[0]["item_id"])
    events += talk.send("input_audio_buffer.clear")
    events += talk.send("nonsense")
    return events


def preview_events() -> list[Event]:
    talk = Talk(conversation_created=True)
    configured = {
        "input_audio_transcription": {"model": "gpt-4o-transcribe"},
        "input_audio_noise_reduction": {"type": "near_field"},
        "tools": [FUNCTION],
        "tracing": "auto",
    }
    events = everything(talk, configured, {"modalities": ["text"]})
    listening = {"input_audio_transcription": {"model": "whisper-1"}, "turn_detection": None}
    return [*events, *talk.send("transcription_session.update", session=listening)]


def ga_events() -> list[Event]:
    talk = GaTalk(conversation_created=True)
    configured = {
        "tools": [FUNCTION],
        "tool_choice": {"type": "function", "name": "weather"},
        "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}},
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": 0.5,
            "token_limits": {"post_instructions": 1000},
        },
        "include": ["item.input_audio_transcription.logprobs"],
        "max_output_tokens": 4096,
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en", "delay": "low"},
                "noise_reduction": {"type": "near_field", "strength": 0.5},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
            },
            "output": {"format": {"type": "audio/pcma"}, "voice": "cedar", "speed": 1.5},
        },
    }
    events = GaTalk().update(**configured)
    plain: dict[str, Any] = {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    events += everything(talk, {**plain, "tools": [FUNCTION]}, {"output_modalities": ["text"]})
    talk.answer()
    talk.hears(idle_timeout_ms=5_000)
    talk.send("response.create")
    talk.answer()
    events += talk.append(silence(7_000))
    picture = "data:image/png;base64,iVBORw0KGgo="
    content = [{"type": "input_image", "image_url": picture, "detail": "low"}]
    item = {"type": "message", "role": "user", "content": content}
    return [*events, *talk.send("conversation.item.create", item=item)]


@pytest.mark.parametrize(
    ("dialect", "events"), [(Dialect.PREVIEW, preview_events), (Dialect.GA, ga_events)]
)
def test_every_event_is_one_that_the_official_library_knows_whole(
    dialect: Dialect, events: Any
) -> None:
    sent = events()
    assert {event["type"] for event in sent} == ALL[dialect]
    for event in sent:
        validated(as_typed(event) if dialect is Dialect.PREVIEW else event, dialect)


def as_typed(event: Event) -> Event:
    """With what the types want and the preview service does not send over a WebSocket."""
    if event["type"] == COMPLETED:
        return {"usage": {"type": "duration", "seconds": 1.0}, **event}
    if event["type"] == "transcription_session.updated":
        secret = {"value": "ek_", "expires_at": 1}
        return {**event, "session": {"client_secret": secret, **event["session"]}}
    return event


def test_what_the_library_calls_ga_and_nobody_sends_here_is_known() -> None:
    """WebRTC and telephony, MCP, speakers' segments, and the preview's word for an item."""
    missing = set(MODELS[Dialect.GA]) - ALL[Dialect.GA]
    assert {
        kind for kind in missing if "mcp" not in kind and "output_audio_buffer" not in kind
    } == {
        "conversation.item.created",
        "conversation.item.input_audio_transcription.segment",
        "input_audio_buffer.dtmf_event_received",
    }


@pytest.mark.parametrize(
    "damage",
    [
        lambda event: event.pop("event_id"),
        lambda event: event["item"].pop("role"),
        lambda event: event["item"].update(role="nobody"),
        lambda event: event["item"]["content"][0].update(type="text"),
        lambda event: event["item"]["content"][0].update(words="x"),
        lambda event: event.update(previous_item_id=3),
    ],
)
def test_the_judge_sees_what_is_wrong(damage: Any) -> None:
    event = {
        "type": "conversation.item.added",
        "event_id": "event_1",
        "previous_item_id": None,
        "item": {
            "id": "item_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello."}],
        },
    }
    validated(event, Dialect.GA)
    damage(event)
    with pytest.raises((ValidationError, AssertionError)):
        validated(event, Dialect.GA)


def test_audio_that_is_retrieved_is_the_audio_that_was_said() -> None:
    talk = GaTalk()
    talk.typed()
    talk.send("response.create")
    said = b"".join(
        base64.b64decode(event["delta"])
        for event in talk.answer()
        if event["type"] == "response.output_audio.delta"
    )
    (retrieved,) = talk.send("conversation.item.retrieve", item_id="item_2")
    (part,) = retrieved["item"]["content"]
    assert part["type"] == "output_audio"
    assert base64.b64decode(part["audio"]) == said
