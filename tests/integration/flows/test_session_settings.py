"""`session.update` through the relay: what is in force is shown, what was ignored is told."""

from __future__ import annotations

from typing import Any

from tests.harness.client import Client, Event
from tests.integration.flows.answers import SPOKEN, answer, order
from tests.integration.flows.stack import errors, stack

SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "create_response": True,
    "interrupt_response": True,
}


async def update(me: Client, session: dict[str, Any], event_id: str | None = "u1") -> Event:
    await me.send({"type": "session.update", "event_id": event_id, "session": session})
    updated = await me.next()
    assert updated["type"] == "session.updated", updated
    return updated


GUIDED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"voice": "verse"}, {"voice": "verse"}),
    ({"modalities": ["text"]}, {"modalities": ["text"]}),
    ({"modalities": ["audio", "text"]}, {"modalities": ["text", "audio"]}),
    ({"modalities": ["audio"]}, {"modalities": ["text", "audio"]}),
    ({"input_audio_format": "g711_ulaw"}, {"input_audio_format": "g711_ulaw"}),
    ({"output_audio_format": "g711_alaw"}, {"output_audio_format": "g711_alaw"}),
    ({"temperature": 0.9}, {"temperature": 0.9}),
    ({"speed": 1.25}, {"speed": 1.25}),
    ({"tool_choice": "none"}, {"tool_choice": "none"}),
    ({"tool_choice": "required"}, {"tool_choice": "required"}),
    (
        {"input_audio_noise_reduction": {"type": "near_field"}},
        {"input_audio_noise_reduction": {"type": "near_field"}},
    ),
    ({"input_audio_noise_reduction": None}, {"input_audio_noise_reduction": None}),
    ({"turn_detection": None}, {"turn_detection": None}),
    ({"turn_detection": {"type": "none"}}, {"turn_detection": None}),
    ({"turn_detection": {"type": "server_vad"}}, {"turn_detection": SERVER_VAD}),
    (
        {"turn_detection": {"type": "server_vad", "threshold": 0.8, "prefix_padding_ms": 100}},
        {"turn_detection": {**SERVER_VAD, "threshold": 0.8, "prefix_padding_ms": 100}},
    ),
    (
        {"turn_detection": {"type": "server_vad", "interrupt_response": False}},
        {"turn_detection": {**SERVER_VAD, "interrupt_response": False}},
    ),
    (
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
        {
            "turn_detection": {
                "type": "semantic_vad",
                "eagerness": "low",
                "create_response": True,
                "interrupt_response": True,
            }
        },
    ),
]


async def test_a_guided_client_sets_what_is_offered_and_is_shown_it() -> None:
    async with stack() as way:
        for sent, shown in GUIDED:
            async with way.client() as me:
                before = me.seen[0]["session"]
                updated = await update(me, sent)
            session = updated["session"]
            assert {key: session[key] for key in shown} == shown, sent
            unchanged = set(before) - set(shown)
            assert {k: session[k] for k in unchanged} == {k: before[k] for k in unchanged}, sent
            assert updated["relay"] == {"profile": "guided"}, "nothing was ignored"
            assert way.received()["session.update"] == 2


CLAMPED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"temperature": 5}, {"session.temperature": 1.2}),
    ({"temperature": 0}, {"session.temperature": 0.6}),
    ({"speed": 9.5}, {"session.speed": 1.5}),
    (
        {"turn_detection": {"type": "server_vad", "threshold": 0, "silence_duration_ms": 1}},
        {
            "session.turn_detection.threshold": 0.1,
            "session.turn_detection.silence_duration_ms": 200,
        },
    ),
    (
        {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 60_000}},
        {"session.turn_detection.prefix_padding_ms": 2_000},
    ),
]


async def test_a_value_out_of_range_is_moved_into_it_and_the_developer_told() -> None:
    async with stack() as way, way.client() as me:
        for sent, changed in CLAMPED:
            updated = await update(me, sent)
            assert updated["relay"]["changed"] == changed
            assert updated["relay"]["ignored"] == []
            assert updated["relay"]["event_id"] == "u1"
            for path, value in changed.items():
                shown = updated
                for step in path.split("."):
                    shown = shown[step]
                assert shown == value, path


IGNORED: list[dict[str, Any]] = [
    {"instructions": "You are a pirate."},
    {"instructions": ""},
    {"model": "gpt-realtime"},
    {"tracing": "auto"},
    {"tracing": {"workflow_name": "x", "metadata": {"a": "b"}}},
    {"prompt": {"id": "pmpt_1"}},
    {"include": ["item.input_audio_transcription.logprobs"]},
    {"truncation": "disabled"},
    {"client_secret": {"expires_after": {"anchor": "created_at", "seconds": 600}}},
    {"max_response_output_tokens": 4096},
    {"voice": "nobody"},
    {"voice": {"id": "voice_123"}},
    {"parallel_tool_calls": False},
    {"audio": {"output": {"voice": "marin"}}},
    {"output_modalities": ["audio"]},
    {"providerData": {"anything": 1}},
    {"tool_choice": {"type": "function", "name": "hidden_tool"}},
]


async def test_a_setting_that_is_not_the_clients_is_ignored_told_and_still_answered() -> None:
    """R7 and R8: each `session.update` gets its `session.updated`, and never an error."""
    async with stack() as way, way.client() as me:
        before = me.seen[0]["session"]
        for sent in IGNORED:
            updated = await update(me, sent)
            (name,) = sent
            assert updated["session"] == before, sent
            assert updated["relay"]["profile"] == "guided"
            assert updated["relay"]["ignored"] == [f"session.{name}"]
            assert updated["relay"]["event_id"] == "u1"
            assert updated["relay"]["why"].startswith("docs/policy.md#")
        await me.say("Hello")
        await me.next()
        assert order((await answer(me)).events) == SPOKEN
    assert way.received()["session.update"] == 1, "nothing was left to tell upstream"


async def test_null_for_a_setting_without_an_off_is_no_wish() -> None:
    async with stack() as way, way.client() as me:
        before = me.seen[0]["session"]
        for name in ("speed", "tracing", "instructions", "voice", "temperature", "tools"):
            updated = await update(me, {name: None}, event_id=None)
            assert updated["session"] == before, name
            assert updated["relay"] == {"profile": "guided"}, name


async def test_an_empty_update_is_answered() -> None:
    async with stack() as way, way.client() as me:
        before = me.seen[0]["session"]
        updated = await update(me, {})
        assert updated["session"] == before


NONSENSE: list[tuple[Any, str, str]] = [
    (None, "missing_required_parameter", "session"),
    ([], "invalid_type", "session"),
    ({"voice": 7}, "invalid_type", "session.voice"),
    ({"modalities": ["smell"]}, "invalid_value", "session.modalities"),
    ({"modalities": "text"}, "invalid_type", "session.modalities"),
    ({"temperature": "hot"}, "invalid_type", "session.temperature"),
    ({"temperature": True}, "invalid_type", "session.temperature"),
    ({"turn_detection": "server_vad"}, "invalid_type", "session.turn_detection"),
    ({"turn_detection": {"type": "psychic"}}, "invalid_value", "session.turn_detection.type"),
    (
        {"turn_detection": {"type": "server_vad", "silence_duration_ms": 0.5}},
        "invalid_type",
        "session.turn_detection.silence_duration_ms",
    ),
    ({"input_audio_format": "mp3"}, "invalid_value", "session.input_audio_format"),
    ({"tools": "none"}, "invalid_type", "session.tools"),
    ({"type": "transcription"}, "invalid_value", "session.type"),
]


async def test_a_setting_that_makes_no_sense_is_refused_in_the_apis_words() -> None:
    async with stack() as way, way.client() as me:
        for session, code, param in NONSENSE:
            await me.send({"type": "session.update", "event_id": "u1", "session": session})
            (error,) = errors([await me.next()])
            told = (error["code"], error["param"], error["event_id"])
            assert told == (code, param, "u1"), session
        await update(me, {"temperature": 0.7})
    assert way.received()["session.update"] == 2, "ours, and the one that made sense"


async def test_the_voice_is_fixed_once_it_was_heard_and_the_same_voice_is_no_change() -> None:
    async with stack() as way, way.client() as me:
        await update(me, {"voice": "echo"})
        await me.say("Hello")
        await me.until("response.done")
        await update(me, {"voice": "echo"})
        await me.send({"type": "session.update", "event_id": "u2", "session": {"voice": "sage"}})
        (error,) = errors([await me.next()])
        after = await update(me, {"temperature": 0.7})
    assert error["code"] == "cannot_update_voice"
    assert error["event_id"] == "u2"
    assert after["session"]["voice"] == "echo"
