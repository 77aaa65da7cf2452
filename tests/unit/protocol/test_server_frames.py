"""Upstream's frames: the head for a delta, the whole for the rest, and the way to the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.protocol.events import ServerHead
from app.protocol.names import Dialect, ServerKind
from app.protocol.server_frames import (
    decode_server,
    encode_server,
    server_head,
    type_for_logs,
)

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA

NO_EVENTS = [b"", b"x", b"[]", b"{}", b'{"type":5}', b'{"type":"never.heard"}', b"[" * 100_000]


@pytest.mark.parametrize("frame", NO_EVENTS, ids=lambda frame: repr(frame[:24]))
def test_what_is_no_known_event_is_none_to_every_reader(frame: bytes) -> None:
    assert server_head(frame, PREVIEW) is None
    assert decode_server(frame, PREVIEW) is None


def test_the_type_is_read_by_a_parser_not_found_in_the_text() -> None:
    frame = b'{"item":{"type":"error"},"note":"\\"type\\":\\"error\\"","type":"response.done"}'
    head = server_head(frame, PREVIEW)
    assert head is not None
    assert head.kind is ServerKind.RESPONSE_DONE


@pytest.mark.parametrize(
    ("frame", "logged"),
    [
        (b'{"type":"response.new_thing.delta"}', "response.new_thing.delta"),
        (b'{"type":"bad\\nname: admin"}', "odd"),
        (b'{"type":5}', "unreadable"),
        (b"x", "unreadable"),
    ],
)
def test_an_unknown_type_is_logged_only_where_it_is_a_name(frame: bytes, logged: str) -> None:
    assert type_for_logs(frame) == logged


def test_the_head_of_a_delta_names_its_response_and_item() -> None:
    frame = json.dumps(
        {
            "type": "response.audio.delta",
            "event_id": "event_1",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 0,
            "delta": "AAAA" * 1000,
        }
    ).encode()
    assert server_head(frame, PREVIEW) == ServerHead(ServerKind.AUDIO_DELTA, "resp_1", "item_1")
    assert server_head(frame, GA) is None


def test_a_head_whose_id_is_no_string_is_none() -> None:
    assert server_head(b'{"type":"response.audio.delta","response_id":5}', PREVIEW) is None


def test_a_server_event_is_read_into_the_internal_spelling() -> None:
    frame = json.dumps(
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "modalities": ["audio", "text"],
                "voice": "alloy",
                "output_audio_format": "pcm16",
                "max_output_tokens": "inf",
                "output": [
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "audio", "transcript": "hi"}],
                    }
                ],
            },
        }
    ).encode()
    event = decode_server(frame, PREVIEW)
    assert event is not None
    assert event.kind is ServerKind.RESPONSE_DONE
    response = event.body["response"]
    assert response["output_modalities"] == ["audio"]
    assert response["audio"]["output"] == {
        "voice": "alloy",
        "format": {"type": "audio/pcm", "rate": 24000},
    }
    assert response["max_output_tokens"] == "inf"
    assert response["output"][0]["content"][0]["type"] == "output_audio"


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "session.updated",
            "event_id": "e",
            "session": {
                "id": "s",
                "model": "m",
                "modalities": ["text", "audio"],
                "instructions": "i",
                "voice": "alloy",
                "input_audio_format": "pcm16",
                "output_audio_format": "pcm16",
                "input_audio_transcription": None,
                "turn_detection": {"type": "server_vad", "threshold": 0.5},
                "tools": [],
                "tool_choice": "auto",
                "temperature": 0.8,
                "max_response_output_tokens": "inf",
            },
        },
        {
            "type": "response.created",
            "response": {"id": "r", "output": [], "modalities": ["text"], "temperature": 0.8},
        },
        {"type": "response.created", "response": {"id": "r"}},
        {
            "type": "conversation.item.created",
            "previous_item_id": None,
            "item": {"id": "i", "content": [{"type": "text", "text": "x"}]},
        },
        {"type": "response.text.done", "text": "x"},
        {
            "type": "response.content_part.added",
            "part": {"type": "audio", "transcript": ""},
        },
        {"type": "error", "error": {"code": None, "param": "session.turn_detection.threshold"}},
        {"type": "error", "error": {"code": None, "param": None}},
        {"type": "error", "error": "odd"},
    ],
    ids=lambda event: event["type"],
)
def test_a_server_event_makes_the_round_trip(event: dict[str, Any]) -> None:
    decoded = decode_server(json.dumps(event).encode(), PREVIEW)
    assert decoded is not None
    assert decoded.body["type"] == decoded.kind.value
    assert json.loads(encode_server(decoded.body, PREVIEW)) == event


def test_the_param_of_an_error_is_internal_inside() -> None:
    frame = b'{"type":"error","error":{"param":"session.voice"}}'
    event = decode_server(frame, PREVIEW)
    assert event is not None
    assert event.body["error"]["param"] == "session.audio.output.voice"
    assert b'"session.voice"' in encode_server(event.body, PREVIEW)


def test_the_frame_for_a_client_begins_with_the_type_in_its_spelling() -> None:
    body = {"type": "response.output_audio.done", "event_id": "e", "relay": {"profile": "guided"}}
    assert encode_server(body, PREVIEW) == (
        b'{"type":"response.audio.done","event_id":"e","relay":{"profile":"guided"}}'
    )


def test_the_frame_for_a_client_leaves_the_body_as_it_was() -> None:
    body: dict[str, Any] = {"type": "response.output_text.done", "session": {"id": "s"}}
    encode_server(body, PREVIEW)
    assert body == {"type": "response.output_text.done", "session": {"id": "s"}}
