"""What a client sees of its session: every key that it parses, nothing that is the operator's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.policy.policy import Configuration, Policy, Profile
from app.policy.view import may_set, opening_view, session_view
from app.protocol.names import Dialect
from app.protocol.server_frames import decode_server, encode_server
from app.protocol.session_object import PREVIEW_SESSION_DEFAULTS
from tests.unit.policy.stand_in import DOOR, GUIDED, LAMP, LOCKED, OPEN, PROFILES, SECRET, tool

CANARY = "canary-7f3a"
TOOLS = [
    {**LAMP.definition, "new": CANARY},
    SECRET.definition | {"description": CANARY},
    {"type": "mcp", "server_url": CANARY, "name": "lamp"},
    {"type": "function", "name": "bare"},
    {"type": "function", "name": 5},
    CANARY,
]

UPSTREAM: dict[str, Any] = {
    "id": CANARY,
    "object": CANARY,
    "model": CANARY,
    "expires_at": 1,
    "modalities": ["audio", "text"],
    "instructions": CANARY,
    "voice": "echo",
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {
        "model": CANARY,
        "language": "de",
        "prompt": CANARY,
        "keywords": [CANARY],
    },
    "input_audio_noise_reduction": {"type": "far_field", "strength": CANARY},
    "turn_detection": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": 5000,
        "new": CANARY,
    },
    "tools": TOOLS,
    "tool_choice": {"type": "function", "name": "secret"},
    "temperature": 0.8,
    "max_response_output_tokens": 4000,
    "speed": 1.1,
    "client_secret": {"value": CANARY},
    "prompt": {"id": CANARY, "variables": {"x": CANARY}},
    "tracing": {"workflow_name": CANARY},
    "truncation": {"type": CANARY},
    "include": [CANARY],
    "new": CANARY,
}


def policy(profile: Profile) -> Policy:
    return Policy(profile=profile, client_tools=(LAMP,), server_tools=(SECRET,))


def view(
    session: dict[str, Any], rules: Policy, dialect: Dialect = Dialect.PREVIEW, own: str = "mine"
) -> dict[str, Any]:
    frame = json.dumps({"type": "session.updated", "session": session}).encode()
    event = decode_server(frame, dialect)
    assert event is not None
    body = {
        "type": "session.updated",
        "event_id": "rly_1",
        "session": session_view(
            event.body["session"],
            rules,
            session_id="sess_own",
            expires_at=1800,
            model="alias",
            instructions=own,
        ),
    }
    seen: dict[str, Any] = json.loads(encode_server(body, dialect))["session"]
    return seen


@pytest.mark.parametrize("profile", PROFILES)
def test_the_view_of_a_preview_session_holds_its_13_keys_and_no_secret(profile: Profile) -> None:
    seen = view(UPSTREAM, policy(profile))
    assert CANARY not in json.dumps(seen)
    assert set(PREVIEW_SESSION_DEFAULTS) <= set(seen)
    assert (seen["id"], seen["model"], seen["expires_at"]) == ("sess_own", "alias", 1800)
    assert seen["object"] == "realtime.session"
    assert seen["instructions"] == ("mine" if profile is OPEN else "")
    assert seen["tool_choice"] == "auto"
    assert [entry["name"] for entry in seen["tools"]] == (
        ["lamp", "bare"] if profile is OPEN else ["lamp"]
    )
    assert seen["tools"][0] == LAMP.definition


def test_what_clients_steer_by_is_never_blanked() -> None:
    seen = view(UPSTREAM, policy(LOCKED))
    assert seen["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    }
    assert seen["modalities"] == ["audio", "text"][::-1]
    assert seen["voice"] == "echo"
    assert (seen["input_audio_format"], seen["output_audio_format"]) == ("g711_ulaw", "pcm16")
    assert seen["input_audio_noise_reduction"] == {"type": "far_field"}
    assert (seen["temperature"], seen["max_response_output_tokens"]) == (0.8, 4000)
    assert seen["speed"] == 1.1


def test_the_true_transcription_model_reads_whisper() -> None:
    assert view(UPSTREAM, policy(GUIDED))["input_audio_transcription"] == {
        "model": "whisper-1",
        "language": "de",
    }
    plain = {**UPSTREAM, "input_audio_transcription": {"model": CANARY}}
    assert view(plain, policy(GUIDED))["input_audio_transcription"] == {"model": "whisper-1"}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_an_empty_echo_still_gives_a_whole_session(dialect: Dialect) -> None:
    seen = view({}, Policy(), dialect)
    if dialect is Dialect.PREVIEW:
        assert set(PREVIEW_SESSION_DEFAULTS) <= set(seen)
        assert seen["voice"] == "alloy"
        assert seen["modalities"] == ["text", "audio"]
    else:
        assert seen["audio"]["input"]["turn_detection"] is None
        assert (seen["prompt"], seen["tracing"], seen["include"]) == (None, None, None)


def test_a_custom_voice_is_shown_as_the_default_one() -> None:
    session = {"audio": {"output": {"voice": {"id": CANARY}, "format": CANARY}}}
    seen = view(session, Policy(), Dialect.GA)
    assert seen["audio"]["output"]["voice"] == "alloy"
    assert CANARY not in json.dumps(seen)


@pytest.mark.parametrize(
    ("choice", "seen"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "lamp"}, {"type": "function", "name": "lamp"}),
        ({"type": "function", "name": "secret"}, "auto"),
        ({"type": "mcp", "server_label": CANARY}, "auto"),
        (None, "auto"),
        (CANARY, "auto"),
    ],
)
def test_a_tool_choice_names_no_hidden_tool(choice: Any, seen: Any) -> None:
    assert view({"tool_choice": choice}, policy(GUIDED))["tool_choice"] == seen


def test_tools_that_are_no_list_are_none() -> None:
    assert view({"tools": CANARY}, policy(GUIDED))["tools"] == []


def test_a_locked_client_may_set_nothing() -> None:
    assert may_set(Policy(profile=LOCKED)) == []


def test_a_guided_client_may_set_what_the_table_allows_in_its_spelling() -> None:
    assert may_set(Policy()) == [
        "session.tools",
        "session.tool_choice",
        "session.modalities",
        "session.temperature",
        "session.turn_detection",
        "session.input_audio_noise_reduction",
        "session.input_audio_format",
        "session.output_audio_format",
        "session.voice",
        "session.speed",
    ]
    speaks = may_set(Policy(transcription_model="m"))
    assert "session.input_audio_transcription.language" in speaks


def test_an_open_client_may_also_set_its_instructions() -> None:
    assert {"session.instructions", "session.max_response_output_tokens"} <= set(
        may_set(Policy(profile=OPEN))
    )


def test_a_tickets_holder_sees_the_session_that_it_will_find() -> None:
    configuration = Configuration(
        instructions=CANARY,
        voice="echo",
        transcription_model=CANARY,
        tools=(LAMP, SECRET),
        max_output_tokens=900,
    )
    seen = opening_view(configuration, policy(GUIDED), model="alias")
    assert CANARY not in json.dumps(seen)
    assert set(PREVIEW_SESSION_DEFAULTS) - {"id"} <= set(seen)
    assert not {"id", "expires_at"} & set(seen)
    assert seen["voice"] == "echo"
    assert seen["model"] == "alias"
    assert seen["input_audio_transcription"] == {"model": "whisper-1"}
    assert seen["turn_detection"]["type"] == "server_vad"
    assert seen["max_response_output_tokens"] == 900
    assert [entry["name"] for entry in seen["tools"]] == ["lamp"]


def test_without_a_configuration_the_apis_defaults_are_shown() -> None:
    assert Configuration().session() == {"type": "realtime"}
    seen = opening_view(Configuration(), Policy(), model="alias")
    assert seen["turn_detection"]["create_response"] is True
    assert seen["voice"] == "alloy"


def test_the_configuration_is_what_its_fields_say() -> None:
    session = Configuration(instructions="i", voice="v", tools=(DOOR, tool("x"))).session()
    assert session == {
        "type": "realtime",
        "instructions": "i",
        "audio": {"output": {"voice": "v"}},
        "tools": [DOOR.definition, tool("x").definition],
        "tool_choice": "auto",
    }
