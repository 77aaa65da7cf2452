"""The JSON samples of Microsoft's how-to, as a developer would paste them.

Kept as they stand there. Two of them hold commas behind a last entry: that is JavaScript, not
JSON, and is answered in words; `pasted` takes those commas out, as whoever tries it will.
"""

from __future__ import annotations

import re

import pytest

from tests.integration.flows.answers import SPOKEN, answer, order
from tests.integration.flows.stack import errors, stack
from tests.integration.flows.test_out_of_band import WRITTEN_BESIDE, typed

SESSION_UPDATE = """\
{
  "type": "session.update",
  "session": {
    "voice": "alloy",
    "instructions": "",
    "input_audio_format": "pcm16",
    "input_audio_transcription": {
      "model": "whisper-1"
    },
    "turn_detection": {
      "type": "server_vad",
      "threshold": 0.5,
      "prefix_padding_ms": 300,
      "silence_duration_ms": 200,
      "create_response": true
    },
    "tools": []
  }
}
"""
OUT_OF_BAND = """\
{
  "type": "response.create",
  "response": {
    "conversation": "none",
    "metadata": {
      "topic": "world_capitals"
    },
    "modalities": ["text"],
    "prompt": "What is the capital of France?"
  }
}
"""
CUSTOM_CONTEXT = """\
{
  "type": "response.create",
  "response": {
    "conversation": "none",
    "modalities": ["text"],
    "prompt": "What is the capital of France?",
    "input": [
      {
        "type": "item_reference",
        "id": "existing_conversation_item_id"
      },
      {
        "type": "message",
        "role": "user",
        "content": [
          {
            "type": "input_text",
            "text": "The capital of France is Paris."
          },
        ],
      },
    ]
  }
}
"""
RESPONSE_CREATE = """\
{
  "event_id": null,
  "type": "response.create",
  "response": {
    "commit": true,
    "cancel_previous": true,
    "instructions": "Please assist the user.",
    "modalities": ["text", "audio"],
  }
}
"""
RESPONSE_CREATE_CALL = """\
{
  "type": "response.create",
  "response": {
    "modalities": ["text", "audio"],
    "instructions": "Please assist the user."
  }
}
"""
MODERATION = """\
{
  "turn_detection": {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "create_response": false
  }
}
"""


def pasted(sample: str) -> str:
    """The sample without the commas that JSON does not know."""
    return re.sub(r",(\s*[\]}])", r"\1", sample)


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_the_session_update_is_answered_by_session_updated_in_every_profile(
    profile: str,
) -> None:
    async with stack(profile=profile) as way, way.client() as me:
        await me.send(SESSION_UPDATE)
        updated = await me.next()
        await me.say("Hello")
        await me.next()
        assert order((await answer(me)).events) == SPOKEN
    session = updated["session"]
    assert updated["type"] == "session.updated"
    assert session["voice"] == "alloy"
    assert session["input_audio_format"] == "pcm16"
    assert session["instructions"] == ""
    assert session["tools"] == []
    assert session["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["input_audio_transcription"] is None, "only the operator switches it on"
    ignored = set(updated["relay"]["ignored"])
    all_of_it = {
        "session.voice",
        "session.instructions",
        "session.input_audio_format",
        "session.input_audio_transcription",
        "session.turn_detection",
        "session.tools",
    }
    assert (
        ignored
        == {
            "locked": all_of_it,
            "guided": {"session.instructions", "session.input_audio_transcription"},
            "open": {"session.input_audio_transcription"},
        }[profile]
    )


async def test_the_session_update_where_the_operator_transcribes() -> None:
    async with stack(session_transcription_model="my-whisper") as way, way.client() as me:
        await me.send(SESSION_UPDATE)
        updated = await me.next()
    assert updated["session"]["input_audio_transcription"] == {"model": "whisper-1"}
    assert "session.input_audio_transcription.model" in updated["relay"]["ignored"]


@pytest.mark.parametrize("profile", ["guided", "open"])
async def test_the_out_of_band_response_comes_back_with_its_metadata(profile: str) -> None:
    async with stack(profile=profile) as way, way.client() as me:
        await me.send(OUT_OF_BAND)
        written = await answer(me)
    assert order(written.events) == WRITTEN_BESIDE
    assert written.response["metadata"] == {"topic": "world_capitals"}
    assert written.response["conversation_id"] is None
    told = written.events[0].get("relay", {}).get("ignored", [])
    assert told == (["response.prompt"] if profile == "guided" else []), "as instructions are"


async def test_the_custom_context_names_an_item_and_brings_a_message() -> None:
    async with stack() as way, way.client() as me:
        item_id = await typed(me, "My name is Ada")
        sample = CUSTOM_CONTEXT.replace("existing_conversation_item_id", item_id)
        await me.send(pasted(sample))
        written = await answer(me)
    assert order(written.events) == WRITTEN_BESIDE
    assert written.text == "You wrote: The capital of France is Paris."


async def test_the_custom_context_with_the_id_that_the_how_to_prints_finds_no_item() -> None:
    async with stack() as way, way.client() as me:
        await me.send(pasted(CUSTOM_CONTEXT))
        (error,) = errors([await me.next()])
    assert error["param"] == "response.input[0].id"
    assert "existing_conversation_item_id" in error["message"]
    assert way.received() == {"session.update": 1}


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
@pytest.mark.parametrize("sample", [RESPONSE_CREATE, RESPONSE_CREATE_CALL], ids=["json", "js"])
async def test_the_response_create_with_its_old_fields_is_answered(
    profile: str, sample: str
) -> None:
    async with stack(profile=profile) as way, way.client() as me:
        await typed(me, "Hello")
        await me.send(pasted(sample))
        said = await answer(me)
    assert order(said.events) == SPOKEN
    assert said.text == "Hello! How can I help you today?"
    told = said.events[0].get("relay", {}).get("ignored", [])
    assert ("response.instructions" in told) is (profile != "open")
    if sample is RESPONSE_CREATE:
        assert {"response.commit", "response.cancel_previous"} <= set(told)


@pytest.mark.parametrize("sample", [CUSTOM_CONTEXT, RESPONSE_CREATE], ids=["context", "create"])
async def test_a_sample_that_is_no_json_is_answered_in_words(sample: str) -> None:
    async with stack() as way, way.client() as me:
        await me.send(sample)
        (error,) = errors([await me.next()])
        await me.send(pasted(RESPONSE_CREATE))
        await answer(me)
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "invalid_json"


async def test_turn_detection_without_automatic_response() -> None:
    async with stack() as way, way.client() as me:
        await me.send(f'{{"type": "session.update", "session": {MODERATION}}}')
        updated = await me.next()
    assert updated["session"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": False,
        "interrupt_response": True,
    }
    assert updated["relay"] == {"profile": "guided"}, "nothing was ignored or changed"


async def test_the_text_and_audio_example_shows_the_keys_that_the_how_to_prints() -> None:
    """`session.created`, `response.created` and `response.done` hold at least the printed keys."""
    async with stack() as way, way.client() as me:
        await me.say("Hello")
        await me.next()
        said = await answer(me)
    session = set(me.seen[0]["session"])
    assert session >= {
        *("id", "object", "model", "expires_at", "modalities", "instructions", "voice"),
        *("turn_detection", "input_audio_format", "output_audio_format"),
        *("input_audio_transcription", "tool_choice", "temperature"),
        *("max_response_output_tokens", "tools"),
    }
    response = {"object", "id", "status", "status_details", "output", "usage"}
    assert set(said.events[0]["response"]) >= response
    assert set(said.response) >= response
    usage = said.response["usage"]
    assert set(usage) >= {
        *("total_tokens", "input_tokens", "output_tokens"),
        *("input_token_details", "output_token_details"),
    }
    assert set(usage["input_token_details"]) >= {"cached_tokens", "text_tokens", "audio_tokens"}
    assert set(usage["output_token_details"]) >= {"text_tokens", "audio_tokens"}
