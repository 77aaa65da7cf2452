"""The exact frames that an upstream gets. Written out, because they are the promise."""

from __future__ import annotations

from typing import Any

import pytest

from app.protocol.client_frames import encode_client
from app.protocol.names import Dialect

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA


@pytest.mark.parametrize(
    ("body", "event_id", "frame"),
    [
        (
            {"type": "input_audio_buffer.append", "audio": "AAAA"},
            None,
            b'{"type":"input_audio_buffer.append","audio":"AAAA"}',
        ),
        (
            {"type": "input_audio_buffer.commit"},
            "e1",
            b'{"type":"input_audio_buffer.commit","event_id":"e1"}',
        ),
        (
            {"type": "session.update", "session": {"type": "realtime"}},
            "rly_1",
            b'{"type":"session.update","event_id":"rly_1","session":{}}',
        ),
        (
            {
                "type": "session.update",
                "session": {
                    "type": "realtime",
                    "output_modalities": ["audio"],
                    "instructions": "Be brief.",
                    "audio": {
                        "input": {
                            "format": {"type": "audio/pcmu"},
                            "transcription": {"model": "whisper-1"},
                            "turn_detection": {"type": "server_vad", "idle_timeout_ms": 5},
                        },
                        "output": {"voice": "alloy"},
                    },
                    "parallel_tool_calls": True,
                    "max_output_tokens": 100,
                },
            },
            None,
            b'{"type":"session.update","session":{"instructions":"Be brief.",'
            b'"modalities":["text","audio"],"voice":"alloy","input_audio_format":"g711_ulaw",'
            b'"input_audio_transcription":{"model":"whisper-1"},'
            b'"turn_detection":{"type":"server_vad"},"max_response_output_tokens":100}}',
        ),
        (
            {
                "type": "response.create",
                "response": {
                    "conversation": "none",
                    "output_modalities": ["text"],
                    "temperature": 0.7,
                    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}}},
                    "input": [
                        {"type": "item_reference", "id": "item_1"},
                        {
                            "type": "message",
                            "role": "assistant",
                            "content": [{"type": "output_text", "text": "a"}],
                        },
                    ],
                },
            },
            None,
            b'{"type":"response.create","response":{"conversation":"none","temperature":0.7,'
            b'"input":[{"type":"item_reference","id":"item_1"},{"type":"message",'
            b'"role":"assistant","content":[{"type":"text","text":"a"}]}],'
            b'"modalities":["text"],"output_audio_format":"pcm16"}}',
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "é"}],
                },
            },
            None,
            '{"type":"conversation.item.create","item":{"type":"message","role":"assistant",'
            '"content":[{"type":"text","text":"é"}]}}'.encode(),
        ),
        (
            {
                "type": "session.update",
                "session": {"audio": {"input": {"turn_detection": None}}},
            },
            None,
            b'{"type":"session.update","session":{"turn_detection":null}}',
        ),
    ],
)
def test_the_preview_frame_is(body: dict[str, Any], event_id: str | None, frame: bytes) -> None:
    assert encode_client(body, PREVIEW, event_id) == frame


def test_the_ga_frame_is_the_body_itself() -> None:
    body = {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"output": {"voice": "alloy"}}},
    }
    assert encode_client(body, GA, None) == (
        b'{"type":"session.update","session":{"type":"realtime",'
        b'"audio":{"output":{"voice":"alloy"}}}}'
    )


def test_encoding_leaves_the_body_as_it_was() -> None:
    part = {"type": "output_text", "text": "a"}
    body = {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "assistant", "content": [part]},
    }
    encode_client(body, PREVIEW, "e")
    assert part["type"] == "output_text"
    assert "event_id" not in body


@pytest.mark.parametrize("audio", [None, 5, {"output": 5}])
def test_odd_shapes_on_the_way_out_are_not_followed(audio: Any) -> None:
    frame = encode_client({"type": "session.update", "session": {"audio": audio}}, PREVIEW, None)
    assert frame == b'{"type":"session.update","session":{}}'
