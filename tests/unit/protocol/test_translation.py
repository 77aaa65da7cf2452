"""Preview to internal and back: nothing is lost, nothing is doubled, every name is found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.protocol.client_frames import decode_client, encode_client
from app.protocol.dialects import KINDS, kind_of, wire_type
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect, ServerKind
from app.protocol.paths import client_path, internal_path
from app.protocol.server_frames import encode_server
from app.protocol.session_object import (
    PREVIEW_SESSION_DEFAULTS,
    SESSION,
    format_name,
    inward,
    outward,
)

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA

PREVIEW_SESSION: dict[str, Any] = {
    "modalities": ["text", "audio"],
    "instructions": "hi",
    "voice": "echo",
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "de"},
    "input_audio_noise_reduction": {"type": "far_field"},
    "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    "tool_choice": {"type": "function", "name": "f"},
    "temperature": 0.7,
    "max_response_output_tokens": 50,
    "speed": 1.2,
}


@pytest.mark.parametrize("field", sorted(PREVIEW_SESSION))
def test_a_session_field_makes_the_round_trip(field: str) -> None:
    sent = {"type": "session.update", "session": {field: PREVIEW_SESSION[field]}}
    event = decode_client(json.dumps(sent).encode(), PREVIEW)
    assert isinstance(event, ClientEvent)
    assert json.loads(encode_client(event.body, PREVIEW, None)) == sent


def test_a_whole_session_makes_the_round_trip() -> None:
    inside = inward(PREVIEW_SESSION, SESSION[PREVIEW])
    assert inside.foreign == ()
    assert outward(inside.value, SESSION[PREVIEW]) == PREVIEW_SESSION


def test_a_response_create_makes_the_round_trip() -> None:
    sent = {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "metadata": {"topic": "x"},
            "modalities": ["text"],
            "voice": "alloy",
            "output_audio_format": "pcm16",
            "max_response_output_tokens": 7,
            "temperature": 0.6,
            "instructions": "i",
            "input": [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "text", "text": "a"}],
                }
            ],
        },
    }
    event = decode_client(json.dumps(sent).encode(), PREVIEW)
    assert isinstance(event, ClientEvent)
    assert json.loads(encode_client(event.body, PREVIEW, None)) == sent


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("session.audio.output.voice", "session.voice"),
        ("session.audio.input.format", "session.input_audio_format"),
        (
            "session.audio.input.transcription.language",
            "session.input_audio_transcription.language",
        ),
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.output_modalities", "session.modalities"),
        ("session.max_output_tokens", "session.max_response_output_tokens"),
        ("session.instructions", "session.instructions"),
        ("session.tools[0].name", "session.tools[0].name"),
        ("response.audio.output.voice", "response.voice"),
        ("item.content[0].text", "item.content[0].text"),
        ("type", "type"),
    ],
)
def test_a_path_is_named_as_a_preview_client_knows_it_and_back(path: str, said: str) -> None:
    assert client_path(path, PREVIEW) == said
    assert internal_path(said, PREVIEW) == path
    assert client_path(path, GA) == path
    assert internal_path(path, GA) == path


@pytest.mark.parametrize("kind", list(ServerKind))
def test_every_kind_is_known_in_a_dialect_under_one_name(kind: ServerKind) -> None:
    names = {d: [name for name, known in KINDS[d].items() if known is kind] for d in Dialect}
    assert any(names.values())
    for dialect, known in names.items():
        assert len(known) <= 1
        if known:
            assert wire_type(kind.value, dialect) == known[0]


@pytest.mark.parametrize(
    "name",
    [
        "response.output_audio.delta",
        "conversation.item.added",
        "response.mcp_call.completed",
        "output_audio_buffer.started",
        "input_audio_buffer.dtmf_event_received",
        "transcription_session.updated",
        "session.update",
    ],
)
def test_names_that_a_preview_client_would_choke_on_are_unknown(name: str) -> None:
    assert kind_of(name, PREVIEW) is None


def test_a_private_event_keeps_its_name() -> None:
    assert wire_type("relay.session", PREVIEW) == "relay.session"


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_format_of_a_session_has_a_name(dialect: Dialect) -> None:
    assert format_name({"type": "audio/pcm"}) == "pcm16"
    assert format_name({"type": []}) is None
    assert format_name("pcm16") is None


def test_a_preview_session_has_every_key_that_strict_clients_demand() -> None:
    body = {"type": "session.updated", "session": {"id": "s", "include": None, "prompt": None}}
    session = json.loads(encode_server(body, PREVIEW))["session"]
    assert set(session) == set(PREVIEW_SESSION_DEFAULTS)
    assert len(session) == 13
    assert session["id"] == "s"
    assert json.loads(encode_server(body, GA))["session"] == body["session"]
