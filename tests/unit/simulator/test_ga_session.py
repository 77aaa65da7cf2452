"""GA's `session.update`: what it changes, what it refuses, in the service's codes and words."""

from __future__ import annotations

from typing import Any

import pytest

from app.simulator.session import DEFAULT_INSTRUCTIONS
from tests.unit.simulator.ga_talk import GaTalk
from tests.unit.simulator.talk import Event, Talk, silence, types, utterance

FUNCTION = {"type": "function", "name": "weather", "description": "x", "parameters": {}}
PCM = {"type": "audio/pcm", "rate": 24000}
SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_0",
    "model": "gpt-4o-realtime-preview",
    "output_modalities": ["audio"],
    "instructions": DEFAULT_INSTRUCTIONS,
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 1800,
    "audio": {
        "input": {
            "format": PCM,
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": SERVER_VAD,
        },
        "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
    },
    "include": None,
}


def listening(**changes: Any) -> Event:
    return {"audio": {"input": changes}}


def speaking(**changes: Any) -> Event:
    return {"audio": {"output": changes}}


def laid_over(session: Event, changes: Event) -> Event:
    """The session with the changes in it, objects merged."""
    return {
        name: laid_over(value, changes[name])
        if name in changes and name in ("audio", "input", "output")
        else changes.get(name, value)
        for name, value in session.items()
    }


def test_session_created_is_as_the_service_shows_it_in_its_order() -> None:
    (created,) = GaTalk().opening
    assert created["session"] == SESSION
    assert list(created["session"]) == list(SESSION)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, None),
        ({"output_modalities": ["text"]}, None),
        ({"instructions": ""}, None),
        ({"instructions": None}, {"instructions": ""}),
        ({"tools": [FUNCTION]}, None),
        ({"tools": None}, {"tools": []}),
        ({"tool_choice": "required"}, None),
        ({"tool_choice": {"type": "function", "name": "weather"}}, None),
        ({"max_output_tokens": 4096}, None),
        ({"max_output_tokens": None}, {"max_output_tokens": "inf"}),
        ({"tracing": "auto"}, None),
        ({"truncation": "disabled"}, None),
        ({"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}}, None),
        ({"prompt": None}, None),
        ({"include": ["item.input_audio_transcription.logprobs"]}, None),
        ({"model": "gpt-realtime"}, {}),
        ({"audio": None}, {}),
        ({"audio": {"input": None, "output": {}}}, {}),
        (listening(format={"type": "audio/pcmu"}), None),
        (speaking(format={"type": "audio/pcma"}), None),
        (speaking(voice="marin"), None),
        (speaking(voice="cedar", speed=1.5), None),
        (
            listening(transcription={"model": "my-deployment"}),
            listening(transcription={"language": None, "prompt": None, "model": "my-deployment"}),
        ),
        (
            listening(transcription={"model": "m", "languages": ["en", "de"], "keywords": []}),
            listening(
                transcription={
                    "language": None,
                    "prompt": None,
                    "model": "m",
                    "keywords": [],
                    "languages": ["en", "de"],
                }
            ),
        ),
        (listening(noise_reduction={"type": "far_field", "strength": 0.3}), None),
        (listening(turn_detection=None), None),
        (
            listening(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}),
            listening(turn_detection={**SERVER_VAD, "idle_timeout_ms": 5000}),
        ),
        (
            listening(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
            listening(
                turn_detection={
                    "type": "semantic_vad",
                    "eagerness": "low",
                    "create_response": True,
                    "interrupt_response": True,
                }
            ),
        ),
    ],
)
def test_only_what_is_named_changes(changes: Event, shown: Event | None) -> None:
    (updated,) = GaTalk().update(**changes)
    assert updated["session"] == laid_over(SESSION, changes if shown is None else shown)


def test_changes_add_up_and_an_object_of_turn_detection_replaces_the_former_whole() -> None:
    talk = GaTalk()
    talk.update(**speaking(voice="cedar"))
    talk.hears(threshold=0.9, silence_duration_ms=700)
    (updated,) = talk.hears(create_response=False)
    expected = laid_over(SESSION, speaking(voice="cedar"))
    detection = {**SERVER_VAD, "create_response": False}
    assert updated["session"] == laid_over(expected, listening(turn_detection=detection))


def test_what_only_reasoning_models_have_is_shown_once_it_was_set() -> None:
    (updated,) = GaTalk().update(reasoning={"effort": "low"}, parallel_tool_calls=False)
    assert updated["session"]["reasoning"] == {"effort": "low"}
    assert updated["session"]["parallel_tool_calls"] is False


IN, OUT = "session.audio.input", "session.audio.output"
VAD = f"{IN}.turn_detection"


def vad(**changes: Any) -> Event:
    return listening(turn_detection={"type": "server_vad", **changes})


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"voice": "alloy"}, "unknown_parameter", "session.voice"),
        ({"input_audio_format": "pcm16"}, "unknown_parameter", "session.input_audio_format"),
        ({"output_audio_format": "pcm16"}, "unknown_parameter", "session.output_audio_format"),
        (
            {"input_audio_transcription": None},
            "unknown_parameter",
            "session.input_audio_transcription",
        ),
        (
            {"input_audio_noise_reduction": None},
            "unknown_parameter",
            "session.input_audio_noise_reduction",
        ),
        ({"turn_detection": None}, "unknown_parameter", "session.turn_detection"),
        ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
        (
            {"max_response_output_tokens": 1},
            "unknown_parameter",
            "session.max_response_output_tokens",
        ),
        ({"speed": 1.0}, "unknown_parameter", "session.speed"),
        ({"id": "sess_0"}, "unknown_parameter", "session.id"),
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": []}, "invalid_value", "session.output_modalities"),
        ({"output_modalities": ["video"]}, "invalid_value", "session.output_modalities[0]"),
        ({"output_modalities": "audio"}, "invalid_type", "session.output_modalities"),
        ({"instructions": 3}, "invalid_type", "session.instructions"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
        ({"max_output_tokens": 4097}, "integer_above_max_value", "session.max_output_tokens"),
        ({"max_output_tokens": "many"}, "invalid_type", "session.max_output_tokens"),
        ({"truncation": "never"}, "invalid_value", "session.truncation"),
        (
            {"truncation": {"type": "retention_ratio"}},
            "missing_required_parameter",
            "session.truncation.retention_ratio",
        ),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
            "decimal_above_max_value",
            "session.truncation.retention_ratio",
        ),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_value", "session.prompt.id"),
        ({"prompt": {}}, "missing_required_parameter", "session.prompt.id"),
        ({"include": ["everything"]}, "invalid_value", "session.include[0]"),
        ({"reasoning": {"effort": "enormous"}}, "invalid_value", "session.reasoning.effort"),
        ({"parallel_tool_calls": "yes"}, "invalid_type", "session.parallel_tool_calls"),
        (
            {"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x"}]},
            "unknown_parameter",
            "session.tools[0].server_label",
        ),
        ({"tools": [{"type": "mcp"}]}, "invalid_value", "session.tools[0].type"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            "unknown_parameter",
            "session.tool_choice.function",
        ),
        ({"audio": "loud"}, "invalid_type", "session.audio"),
        ({"audio": {"voice": "alloy"}}, "unknown_parameter", "session.audio.voice"),
        (listening(voice="alloy"), "unknown_parameter", f"{IN}.voice"),
        (listening(format="pcm16"), "invalid_type", f"{IN}.format"),
        (listening(format=None), "invalid_type", f"{IN}.format"),
        (listening(format={"rate": 24000}), "missing_required_parameter", f"{IN}.format.type"),
        (listening(format={"type": "audio/mp3"}), "invalid_value", f"{IN}.format.type"),
        (
            listening(format={"type": "audio/pcm"}),
            "missing_required_parameter",
            f"{IN}.format.rate",
        ),
        (
            listening(format={"type": "audio/pcm", "rate": 16000}),
            "integer_below_min_value",
            f"{IN}.format.rate",
        ),
        (
            speaking(format={"type": "audio/pcm", "rate": 48000}),
            "integer_above_max_value",
            f"{OUT}.format.rate",
        ),
        (
            speaking(format={"type": "audio/pcmu", "rate": 8000}),
            "unknown_parameter",
            f"{OUT}.format.rate",
        ),
        (speaking(voice="nova"), "invalid_value", f"{OUT}.voice"),
        (speaking(voice=None), "invalid_type", f"{OUT}.voice"),
        (speaking(voice={"id": "voice_1"}), "invalid_value", f"{OUT}.voice.id"),
        (speaking(speed=1.6), "decimal_above_max_value", f"{OUT}.speed"),
        (speaking(turn_detection=None), "unknown_parameter", f"{OUT}.turn_detection"),
        (listening(transcription={"model": 1}), "invalid_type", f"{IN}.transcription.model"),
        (
            listening(transcription={"languages": "en"}),
            "invalid_type",
            f"{IN}.transcription.languages",
        ),
        (listening(transcription={"delay": "none"}), "invalid_value", f"{IN}.transcription.delay"),
        (
            listening(noise_reduction={"strength": 0.5}),
            "missing_required_parameter",
            f"{IN}.noise_reduction.type",
        ),
        (listening(turn_detection={"type": "none"}), "invalid_value", f"{VAD}.type"),
        (listening(turn_detection={}), "missing_required_parameter", f"{VAD}.type"),
        (vad(eagerness="low"), "unknown_parameter", f"{VAD}.eagerness"),
        (vad(create_responese=True), "unknown_parameter", f"{VAD}.create_responese"),
        (vad(idle_timeout_ms=4999), "integer_below_min_value", f"{VAD}.idle_timeout_ms"),
        (vad(idle_timeout_ms=30001), "integer_above_max_value", f"{VAD}.idle_timeout_ms"),
        (vad(silence_duration_ms=-1), "integer_below_min_value", f"{VAD}.silence_duration_ms"),
        (
            listening(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 5000}),
            "unknown_parameter",
            f"{VAD}.idle_timeout_ms",
        ),
    ],
)
def test_one_bad_member_refuses_the_whole_update(changes: Event, code: str, param: str) -> None:
    talk = GaTalk()
    harmless = {"instructions": "Be brief."} if "instructions" not in changes else {}
    session = {"type": "realtime", **harmless, **changes}
    error = talk.refused("session.update", event_id="mine", session=session)
    assert (error["code"], error["param"]) == (code, param)
    assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")
    (updated,) = talk.update()
    assert updated["session"] == SESSION


def test_the_type_is_asked_for_before_anything_else() -> None:
    talk = GaTalk()
    for session in ({}, {"type": None}, {"modalities": ["text"], "voice": "alloy"}):
        error = talk.refused("session.update", session=session)
        assert error["code"] == "missing_required_parameter"
        assert error["param"] == "session.type"
        assert error["message"] == "Missing required parameter: 'session.type'."
    error = talk.refused("session.update", session={"type": "session"})
    assert error["code"] == "invalid_value"
    assert error["message"].endswith("Supported values are: 'realtime' and 'transcription'.")
    assert talk.refused("session.update", session={"type": 1})["code"] == "invalid_type"
    assert talk.refused("session.update", session=[])["code"] == "invalid_type"
    assert talk.refused("session.update")["param"] == "session"


def test_a_conversation_does_not_become_a_transcription() -> None:
    talk = GaTalk()
    for event in (
        ("session.update", {"type": "transcription"}),
        ("transcription_session.update", {"input_audio_format": "pcm16"}),
    ):
        error = talk.refused(event[0], session=event[1])
        assert error["code"] == "invalid_parameter"
        assert error["message"].startswith("Passing a transcription session update event to a")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"output_modalities": ["audio", "text"]},
            "Invalid modalities: ['audio', 'text']. "
            "Supported combinations are: ['text'] and ['audio'].",
        ),
        (
            listening(format={"type": "audio/pcm", "rate": 16000}),
            "Invalid 'session.audio.input.format.rate': integer below minimum value. "
            "Expected a value >= 24000, but got 16000 instead.",
        ),
        (
            speaking(voice="nova"),
            "Invalid value: 'nova'. Supported values are: 'alloy', 'ash', 'ballad', 'coral', "
            "'echo', 'sage', 'shimmer', 'verse', 'marin', and 'cedar'.",
        ),
        ({"bogus_field": 1}, "Unknown parameter: 'session.bogus_field'."),
    ],
)
def test_refusals_are_in_the_services_words(changes: Event, sentence: str) -> None:
    error = GaTalk().refused("session.update", session={"type": "realtime", **changes})
    assert error["message"] == sentence


def test_the_voice_is_locked_once_the_model_has_spoken() -> None:
    talk = GaTalk()
    talk.update(**speaking(voice="marin"))
    talk.typed()
    talk.send("response.create")
    talk.answer()
    session = {"type": "realtime", "instructions": "x", **speaking(voice="cedar")}
    error = talk.refused("session.update", session=session)
    assert error["code"] == "cannot_update_voice"
    assert error["param"] is None
    (updated,) = talk.update(**speaking(voice="marin", speed=0.5))
    assert updated["session"]["instructions"] == DEFAULT_INSTRUCTIONS
    error = talk.refused("response.create", response=speaking(voice="cedar"))
    assert error["code"] == "cannot_update_voice"


def test_a_change_of_other_members_in_the_middle_of_speech_keeps_the_turn() -> None:
    talk = GaTalk()
    talk.append(silence(500) + utterance()[:24_000])
    talk.update(instructions="Be brief.")
    assert "input_audio_buffer.speech_stopped" in types(talk.append(silence(1_000)))


@pytest.mark.parametrize(
    "session",
    [
        {"type": "realtime"},
        {"output_modalities": ["audio"]},
        {"audio": {"output": {"voice": "alloy"}}},
        {"max_output_tokens": 1},
        {"truncation": "auto"},
        {"prompt": None},
    ],
)
def test_preview_refuses_what_belongs_to_ga(session: Event) -> None:
    error = Talk().refused("session.update", session=session)
    (name,) = session
    assert error["code"] == "unknown_parameter"
    assert error["message"] == f"Unknown parameter: 'session.{name}'."
