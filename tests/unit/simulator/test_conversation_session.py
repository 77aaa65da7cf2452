"""`session.update`: what it changes, what it refuses, in the service's codes and words."""

from __future__ import annotations

from typing import Any

import pytest

from app.simulator.session import DEFAULT_INSTRUCTIONS
from tests.unit.simulator.talk import Talk, silence, types, utterance

FUNCTION = {
    "type": "function",
    "name": "weather",
    "description": "The weather.",
    "parameters": {"$schema": "x", "type": "object", "properties": {}},
}


def test_the_example_of_the_how_to_is_accepted_and_echoed_whole() -> None:
    changes = {
        "voice": "alloy",
        "instructions": "",
        "input_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "create_response": True,
        },
        "tools": [],
    }
    (updated,) = Talk().update(**changes)
    session = updated["session"]
    assert {**session, **changes, "turn_detection": session["turn_detection"]} == session
    assert session["turn_detection"]["interrupt_response"] is True
    assert set(session) >= {"id", "model", "modalities", "temperature", "expires_at"}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"modalities": ["text"]}, {}),
        ({"modalities": ["text", "audio"]}, {}),
        ({"voice": "verse"}, {}),
        ({"input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw"}, {}),
        ({"temperature": 0.6}, {}),
        ({"temperature": 1.2}, {}),
        ({"max_response_output_tokens": 4096}, {}),
        ({"max_response_output_tokens": "inf"}, {}),
        ({"max_response_output_tokens": None}, {"max_response_output_tokens": "inf"}),
        ({"turn_detection": None}, {}),
        ({"turn_detection": {"type": "none"}}, {"turn_detection": None}),
        ({"input_audio_noise_reduction": {"type": "near_field"}}, {}),
        ({"input_audio_noise_reduction": None}, {}),
        (
            {"input_audio_transcription": {"model": "my-deployment", "language": "de"}},
            {},
        ),
        ({"input_audio_transcription": {}}, {"input_audio_transcription": {"model": "whisper-1"}}),
        ({"tools": [FUNCTION]}, {}),
        ({"tools": None}, {"tools": []}),
        ({"instructions": None}, {"instructions": ""}),
        ({"tool_choice": "required"}, {}),
        ({"tool_choice": None}, {"tool_choice": "auto"}),
        ({"tool_choice": {"type": "function", "name": "weather"}}, {}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"tool_choice": {"type": "function", "name": "weather"}},
        ),
        ({"speed": 1.5}, {}),
        ({"tracing": "auto"}, {}),
        ({"tracing": {"workflow_name": "w", "group_id": "g"}}, {}),
        ({"model": "gpt-realtime"}, {"model": "gpt-4o-realtime-preview"}),
        (
            {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}},
            {
                "turn_detection": {
                    "type": "semantic_vad",
                    "eagerness": "high",
                    "create_response": True,
                    "interrupt_response": True,
                }
            },
        ),
    ],
)
def test_accepted(changes: dict[str, Any], shown: dict[str, Any]) -> None:
    (updated,) = Talk().update(**changes)
    session = updated["session"]
    expected = shown or changes
    assert {name: session[name] for name in expected} == expected
    assert session["instructions"] == shown.get("instructions", DEFAULT_INSTRUCTIONS)


VAD = "session.turn_detection"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"output_modalities": ["audio"]}, "unknown_parameter", "session.output_modalities"),
        ({"audio": {}}, "unknown_parameter", "session.audio"),
        ({"prompt": {"id": "p"}}, "unknown_parameter", "session.prompt"),
        ({"truncation": "auto"}, "unknown_parameter", "session.truncation"),
        ({"modalities": ["audio"]}, "invalid_value", "session.modalities"),
        ({"modalities": []}, "invalid_value", "session.modalities"),
        ({"modalities": ["text", "text"]}, "invalid_value", "session.modalities"),
        ({"modalities": ["video"]}, "invalid_value", "session.modalities[0]"),
        ({"modalities": "text"}, "invalid_type", "session.modalities"),
        ({"modalities": [1]}, "invalid_type", "session.modalities[0]"),
        ({"instructions": 3}, "invalid_type", "session.instructions"),
        ({"voice": "bob"}, "invalid_value", "session.voice"),
        ({"voice": "marin"}, "invalid_value", "session.voice"),
        ({"voice": {"id": "x"}}, "invalid_type", "session.voice"),
        ({"voice": None}, "invalid_type", "session.voice"),
        ({"input_audio_format": "mp3"}, "invalid_value", "session.input_audio_format"),
        ({"output_audio_format": {}}, "invalid_type", "session.output_audio_format"),
        ({"temperature": 0.5}, "decimal_below_min_value", "session.temperature"),
        ({"temperature": 1.3}, "decimal_above_max_value", "session.temperature"),
        ({"temperature": "hot"}, "invalid_type", "session.temperature"),
        ({"temperature": True}, "invalid_type", "session.temperature"),
        (
            {"max_response_output_tokens": 0},
            "invalid_value",
            "session.max_response_output_tokens",
        ),
        (
            {"max_response_output_tokens": 4097},
            "invalid_value",
            "session.max_response_output_tokens",
        ),
        (
            {"max_response_output_tokens": "many"},
            "invalid_value",
            "session.max_response_output_tokens",
        ),
        (
            {"max_response_output_tokens": 1.5},
            "invalid_type",
            "session.max_response_output_tokens",
        ),
        ({"turn_detection": "server_vad"}, "invalid_type", VAD),
        ({"turn_detection": {}}, "missing_required_parameter", f"{VAD}.type"),
        ({"turn_detection": {"type": "client_vad"}}, "invalid_value", f"{VAD}.type"),
        (
            {"turn_detection": {"type": "server_vad", "threshold": 1.1}},
            "decimal_above_max_value",
            f"{VAD}.threshold",
        ),
        (
            {"turn_detection": {"type": "server_vad", "threshold": -0.1}},
            "decimal_below_min_value",
            f"{VAD}.threshold",
        ),
        (
            {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 1.5}},
            "invalid_type",
            f"{VAD}.prefix_padding_ms",
        ),
        (
            {"turn_detection": {"type": "server_vad", "silence_duration_ms": -1}},
            "invalid_value",
            f"{VAD}.silence_duration_ms",
        ),
        (
            {"turn_detection": {"type": "server_vad", "create_response": "yes"}},
            "invalid_type",
            f"{VAD}.create_response",
        ),
        (
            {"turn_detection": {"type": "server_vad", "eagerness": "low"}},
            "unknown_parameter",
            f"{VAD}.eagerness",
        ),
        (
            {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}},
            "unknown_parameter",
            f"{VAD}.threshold",
        ),
        (
            {"turn_detection": {"type": "semantic_vad", "eagerness": "very"}},
            "invalid_value",
            f"{VAD}.eagerness",
        ),
        (
            {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}},
            "unknown_parameter",
            f"{VAD}.idle_timeout_ms",
        ),
        (
            {"turn_detection": {"type": "none", "threshold": 1}},
            "unknown_parameter",
            f"{VAD}.threshold",
        ),
        (
            {"input_audio_transcription": {"model": 1}},
            "invalid_type",
            "session.input_audio_transcription.model",
        ),
        (
            {"input_audio_transcription": {"url": "x"}},
            "unknown_parameter",
            "session.input_audio_transcription.url",
        ),
        (
            {"input_audio_noise_reduction": {"type": "loud"}},
            "invalid_value",
            "session.input_audio_noise_reduction.type",
        ),
        (
            {"input_audio_noise_reduction": {}},
            "missing_required_parameter",
            "session.input_audio_noise_reduction.type",
        ),
        ({"tools": {}}, "invalid_type", "session.tools"),
        ({"tools": ["x"]}, "invalid_type", "session.tools[0]"),
        (
            {"tools": [{"type": "mcp", "server_url": "https://x"}]},
            "unknown_parameter",
            "session.tools[0].server_url",
        ),
        ({"tools": [{"type": "mcp"}]}, "invalid_value", "session.tools[0].type"),
        ({"tools": [{"name": "x"}]}, "missing_required_parameter", "session.tools[0].type"),
        (
            {"tools": [FUNCTION, {"type": "function"}]},
            "missing_required_parameter",
            "session.tools[1].name",
        ),
        (
            {"tools": [{"type": "function", "name": "a b"}]},
            "invalid_value",
            "session.tools[0].name",
        ),
        (
            {"tools": [{"type": "function", "name": "a", "parameters": "{}"}]},
            "invalid_type",
            "session.tools[0].parameters",
        ),
        ({"tool_choice": "maybe"}, "invalid_value", "session.tool_choice"),
        ({"tool_choice": 1}, "invalid_type", "session.tool_choice"),
        ({"tool_choice": {}}, "missing_required_parameter", "session.tool_choice.type"),
        (
            {"tool_choice": {"type": "function"}},
            "missing_required_parameter",
            "session.tool_choice.name",
        ),
        ({"tool_choice": {"type": "mcp"}}, "invalid_value", "session.tool_choice.type"),
        ({"speed": 0.2}, "decimal_below_min_value", "session.speed"),
        ({"speed": 1.6}, "decimal_above_max_value", "session.speed"),
        ({"speed": None}, "missing_required_parameter", "session.speed"),
        ({"tracing": "on"}, "invalid_value", "session.tracing"),
        ({"tracing": {"secret": 1}}, "unknown_parameter", "session.tracing.secret"),
        ({"model": 3}, "invalid_type", "session.model"),
    ],
)
def test_refused(changes: dict[str, Any], code: str, param: str) -> None:
    talk = Talk()
    error = talk.refused("session.update", session=changes, event_id="mine")
    assert (error["type"], error["code"], error["param"], error["event_id"]) == (
        "invalid_request_error",
        code,
        param,
        "mine",
    )
    assert talk.update()[0]["session"] == talk.opening[0]["session"], "nothing has changed"


def test_one_bad_key_refuses_the_whole_update() -> None:
    talk = Talk()
    talk.refused("session.update", session={"instructions": "changed", "voice": "bob"})
    assert talk.update()[0]["session"]["instructions"] == DEFAULT_INSTRUCTIONS


def test_the_words_of_refusals_are_the_services_own() -> None:
    def words(**session: Any) -> str:
        return str(Talk().refused("session.update", session=session)["message"])

    assert words(type="realtime") == "Unknown parameter: 'session.type'."
    assert words(voice="bob") == (
        "Invalid value: 'bob'. Supported values are: 'alloy', 'ash', 'ballad', 'coral', 'echo', "
        "'sage', 'shimmer', and 'verse'."
    )
    assert words(temperature=0.5) == (
        "Invalid 'session.temperature': decimal below minimum value. "
        "Expected a value >= 0.6, but got 0.5 instead."
    )
    assert words(temperature="x") == (
        "Invalid type for 'session.temperature': expected a decimal, but got a string instead."
    )
    assert words(modalities=["audio"]) == (
        "Invalid modalities: ['audio']. Supported combinations are: ['text'] and ['audio', 'text']."
    )
    missing = Talk().refused("session.update")
    assert missing["message"] == "Missing required parameter: 'session'."


def test_the_voice_is_locked_once_assistant_audio_is_present() -> None:
    talk = Talk()
    talk.update(voice="ash")
    talk.send("response.create")
    talk.answer()
    error = talk.refused("session.update", session={"voice": "verse", "instructions": "x"})
    assert error["code"] == "cannot_update_voice"
    assert error["param"] is None
    assert error["message"] == (
        "Cannot update a conversation's voice if assistant audio is present."
    )
    (updated,) = talk.update(voice="ash")
    assert updated["session"]["instructions"] == DEFAULT_INSTRUCTIONS
    assert talk.refused("response.create", response={"voice": "verse"})["code"] == (
        "cannot_update_voice"
    )


def test_tracing_cannot_be_changed_once_enabled() -> None:
    talk = Talk()
    talk.update(tracing="auto")
    talk.update(tracing="auto")
    assert talk.refused("session.update", session={"tracing": None})["param"] == "session.tracing"


def test_other_fields_changed_in_the_middle_of_speech_do_not_lose_the_turn() -> None:
    talk = Talk()
    speech = utterance()
    (started,) = talk.append(silence(500) + speech[:28_800])
    talk.update(
        instructions="changed",
        turn_detection={"type": "server_vad", "create_response": False},
    )
    events = talk.append(speech[28_800:] + silence(1_000))
    assert types(events) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
    ]
    assert events[0]["item_id"] == started["item_id"]


def test_turn_detection_switched_off_in_the_middle_of_speech_leaves_the_audio_to_the_client() -> (
    None
):
    talk = Talk()
    speech = utterance()
    talk.append(silence(500) + speech[:28_800])
    talk.update(turn_detection=None)
    assert talk.append(speech[28_800:] + silence(1_000)) == []
    assert types(talk.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        "conversation.item.created",
    ]


def test_detection_that_is_switched_on_later_dates_speech_on_the_sessions_clock() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    talk.append(silence(5_000))
    talk.update(turn_detection={"type": "server_vad"})
    started = talk.append(silence(1_000) + utterance())[0]
    assert 5_500 <= started["audio_start_ms"] <= 6_100


def test_semantic_detection_waits_by_its_eagerness() -> None:
    def pause_needed(eagerness: str) -> int:
        talk = Talk()
        talk.update(turn_detection={"type": "semantic_vad", "eagerness": eagerness})
        talk.append(silence(500) + utterance())
        for waited in range(0, 4_000, 100):
            if talk.append(silence(100)):
                return waited
        raise AssertionError("the turn never ended")

    assert pause_needed("high") < pause_needed("medium") < pause_needed("low")


def test_transcription_session_update_changes_the_input_alone() -> None:
    talk = Talk()
    (updated,) = talk.send(
        "transcription_session.update",
        session={
            "input_audio_transcription": {"model": "gpt-4o-transcribe"},
            "include": ["item.input_audio_transcription.logprobs"],
        },
    )
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_transcription"] == {"model": "gpt-4o-transcribe"}
    assert updated["session"]["include"] == ["item.input_audio_transcription.logprobs"]
    error = talk.refused("transcription_session.update", session={"voice": "alloy"})
    assert error["code"] == "unknown_parameter"
    assert (
        talk.refused("transcription_session.update", session={"include": ["x"]})["code"]
        == "invalid_value"
    )
