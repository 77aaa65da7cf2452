"""The flows of the documentation, event by event: order, ids, chaining."""

from __future__ import annotations

import base64

from app.simulator.plan import Speech
from tests.unit.simulator.talk import (
    CALL,
    SECOND_OF_SPEECH,
    WRITING,
    Talk,
    message,
    silence,
    squeezed,
    types,
    utterance,
)

AUDIO_RESPONSE = [
    "response.output_item.added",
    "conversation.item.created",
    "response.content_part.added",
    "response.audio_transcript.delta",
    "response.audio.delta",
    "response.audio_transcript.delta",
    "response.audio.delta",
    "response.audio.done",
    "response.audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
CLOSE_OUT = AUDIO_RESPONSE[7:]


def test_the_first_event_is_session_created_and_conversation_created_needs_the_switch() -> None:
    assert types(Talk().opening) == ["session.created"]
    opening = Talk(conversation_created=True).opening
    assert types(opening) == ["session.created", "conversation.created"]
    assert opening[1]["conversation"] == {"id": "conv_1", "object": "realtime.conversation"}


def test_session_created_shows_the_documented_defaults() -> None:
    session = Talk().opening[0]["session"]
    assert session["instructions"].startswith("Your knowledge cutoff is 2023-10. You are a helpful")
    assert session["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "create_response": True,
        "interrupt_response": True,
    }
    documented = {
        "id": "sess_0",
        "object": "realtime.session",
        "model": "gpt-4o-realtime-preview",
        "expires_at": 1800,
        "modalities": ["audio", "text"],
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "tool_choice": "auto",
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "tools": [],
    }
    assert {name: session[name] for name in documented} == documented


def test_a_text_in_audio_out() -> None:
    talk = Talk()
    (created,) = talk.typed("hello")
    assert created["type"] == "conversation.item.created"
    assert created["previous_item_id"] is None
    assert created["item"]["content"] == [{"type": "input_text", "text": "hello"}]

    (begun,) = talk.send("response.create")
    response = begun["response"]
    assert begun["type"] == "response.created"
    assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)
    assert talk.thoughts[0].turn.text == "hello"

    events = talk.answer()
    assert squeezed(events) == AUDIO_RESPONSE
    added, item_created, part_added = events[:3]
    assert added["item"]["status"] == "in_progress"
    assert added["item"]["content"] == []
    assert item_created["previous_item_id"] == created["item"]["id"]
    assert item_created["item"]["id"] == added["item"]["id"]
    assert part_added["part"] == {"type": "audio", "transcript": ""}
    for event in events:
        assert event["event_id"].startswith("event_")
        if event["type"].startswith("response.audio"):
            assert event["response_id"] == response["id"]
            assert event["item_id"] == added["item"]["id"]
            assert (event["output_index"], event["content_index"]) == (0, 0)
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)

    audio = [base64.b64decode(e["delta"]) for e in events if e["type"] == "response.audio.delta"]
    assert b"".join(audio) == SECOND_OF_SPEECH.audio
    assert all(4_800 <= len(delta) <= 12_000 for delta in audio)
    done = events[-2]["response"]
    assert done["status"] == "completed"
    assert done["status_details"] is None
    (item,) = done["output"]
    assert item["status"] == "completed"
    assert item["content"] == [{"type": "audio", "transcript": "Hello there."}]
    assert done["usage"]["output_token_details"] == {"text_tokens": 3, "audio_tokens": 20}
    limits = {limit["name"]: limit for limit in events[-1]["rate_limits"]}
    assert limits["requests"]["remaining"] == limits["requests"]["limit"] - 1
    used = done["usage"]["total_tokens"]
    assert limits["tokens"]["remaining"] == limits["tokens"]["limit"] - used


def test_text_only() -> None:
    talk = Talk()
    talk.typed()
    talk.send("response.create", response={"modalities": ["text"]})
    assert talk.thoughts[0].speaks is False
    events = talk.answer(WRITING)
    assert squeezed(events) == [
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert events[2]["part"] == {"type": "text", "text": ""}
    assert "".join(e["delta"] for e in events if e["type"] == "response.text.delta") == (
        "Hello there."
    )
    assert events[-2]["response"]["output"][0]["content"] == [
        {"type": "text", "text": "Hello there."}
    ]
    assert events[-2]["response"]["usage"]["output_token_details"]["audio_tokens"] == 0


def test_b_push_to_talk() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    speech = utterance()
    assert talk.append(speech[:20_000]) == []
    assert talk.append(speech[20_000:] + silence(2_000)) == []
    committed, created = talk.send("input_audio_buffer.commit")
    assert committed["type"] == "input_audio_buffer.committed"
    assert committed["previous_item_id"] is None
    assert created["type"] == "conversation.item.created"
    assert created["item"]["id"] == committed["item_id"]
    assert created["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    talk.send("response.create")
    assert talk.thoughts[0].turn.audio == speech + silence(2_000)
    assert squeezed(talk.answer()) == AUDIO_RESPONSE


def test_c_server_vad_answers_by_itself() -> None:
    talk = Talk()
    talk.append(silence(1_000))
    events = talk.append(utterance() + silence(1_000))
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
    ]
    started, stopped, committed, created, _ = events
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]
    assert created["item"]["id"] == started["item_id"]
    assert 500 <= started["audio_start_ms"] <= 1_100
    heard = len(talk.thoughts[0].turn.audio) / 48
    assert heard == stopped["audio_end_ms"] - started["audio_start_ms"]
    assert squeezed(talk.answer()) == AUDIO_RESPONSE


def test_d_barge_in_cuts_the_response_and_the_rest_is_never_streamed() -> None:
    talk = Talk()
    talk.typed()
    talk.send("response.create")
    talk.plan()
    talk.step()
    streamed = [*talk.step(), *talk.step()]
    played = [e for e in streamed if e["type"] == "response.audio.delta"]

    speech = utterance()
    events = talk.append(silence(500) + speech[:28_800])
    assert types(events) == ["input_audio_buffer.speech_started", *CLOSE_OUT]
    assert talk.stopped == [talk.thoughts[0].response_id]
    assert events[2]["transcript"] == "Hello"
    assert events[4]["item"]["status"] == "incomplete"
    done = events[5]["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert done["usage"]["output_token_details"]["audio_tokens"] == 4 * len(played)
    assert talk.stream(thought=0) == []

    item_id = events[4]["item"]["id"]
    (truncated,) = talk.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=150
    )
    assert truncated["type"] == "conversation.item.truncated"
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (item_id, 150)
    assert types(talk.append(speech[28_800:] + silence(1_000)))[-1] == "response.created"


def test_d_a_response_that_must_not_be_interrupted_goes_on_and_the_turn_gets_none() -> None:
    talk = Talk()
    talk.update(turn_detection={"type": "server_vad", "interrupt_response": False})
    talk.typed()
    talk.send("response.create")
    talk.plan()
    events = talk.append(silence(500) + utterance() + silence(1_000))
    assert types(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "error",
    ]
    assert events[-1]["error"]["code"] == "conversation_already_has_active_response"
    assert squeezed(talk.stream()) == AUDIO_RESPONSE


def test_e_cancel_by_the_client() -> None:
    talk = Talk()
    talk.send("response.create")
    talk.plan()
    talk.step()
    talk.step()
    events = talk.send("response.cancel")
    assert types(events) == CLOSE_OUT
    assert events[-2]["response"]["status_details"]["reason"] == "client_cancelled"
    error = talk.refused("response.cancel", event_id="mine")
    assert error["code"] == "response_cancel_not_active"
    assert error["message"] == "Cancellation failed: no active response found"
    assert error["event_id"] == "mine"


def test_e_cancel_before_anything_was_worked_out_leaves_no_item() -> None:
    talk = Talk()
    talk.send("response.create")
    events = talk.send("response.cancel")
    assert types(events) == ["response.done", "rate_limits.updated"]
    assert events[0]["response"]["output"] == []
    assert talk.plan() == []
    assert talk.stream() == []


def test_f_function_call_and_its_output() -> None:
    talk = Talk()
    talk.typed("weather in Paris")
    talk.send("response.create")
    events = talk.answer(CALL)
    assert squeezed(events) == [
        "response.output_item.added",
        "conversation.item.created",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    call = events[0]["item"]
    assert (call["type"], call["status"], call["name"]) == (
        "function_call",
        "in_progress",
        "weather",
    )
    assert call["arguments"] == ""
    deltas = [e["delta"] for e in events if e["type"].endswith("arguments.delta")]
    done = next(e for e in events if e["type"].endswith("arguments.done"))
    assert "".join(deltas) == done["arguments"] == CALL.arguments
    assert (done["call_id"], done["name"]) == (call["call_id"], "weather")
    assert events[-2]["response"]["output"][0]["arguments"] == CALL.arguments

    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    (created,) = talk.send("conversation.item.create", item=output)
    assert created["item"]["output"] == "sunny"
    assert created["previous_item_id"] == call["id"]
    talk.send("response.create")
    assert talk.thoughts[-1].turn.tool_output == "sunny"
    assert squeezed(talk.answer()) == AUDIO_RESPONSE


def test_g_out_of_band_runs_beside_the_active_response_and_touches_no_conversation() -> None:
    talk = Talk()
    talk.typed("one", previous_item_id=None)
    talk.send("response.create")
    talk.plan()
    talk.step()
    (begun,) = talk.send(
        "response.create",
        response={
            "conversation": "none",
            "metadata": {"topic": "world_capitals"},
            "modalities": ["text"],
            "input": [
                {"type": "item_reference", "id": "item_1"},
                message("The capital of France is Paris."),
            ],
        },
    )
    assert begun["response"]["conversation_id"] is None
    assert begun["response"]["metadata"] == {"topic": "world_capitals"}
    turn = talk.thoughts[1].turn
    assert turn.text == "The capital of France is Paris."
    assert [line.text for line in turn.history] == ["one"]

    events = talk.answer(WRITING, thought=1)
    assert squeezed(events) == [
        "response.output_item.added",
        "response.content_part.added",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert events[-2]["response"]["metadata"] == {"topic": "world_capitals"}
    assert events[-2]["response"]["conversation_id"] is None
    assert "response.done" in types(talk.stream(thought=0))
    (created,) = talk.typed("two")
    assert created["previous_item_id"] == "item_2", "the out-of-band item is not in the chain"


def test_g_the_prompt_of_the_how_to_is_what_an_out_of_band_response_answers() -> None:
    talk = Talk()
    prompt = "What is the capital of France?"
    talk.send(
        "response.create",
        response={"conversation": "none", "modalities": ["text"], "prompt": prompt},
    )
    assert talk.thoughts[0].turn.text == prompt


def test_an_empty_input_clears_the_context() -> None:
    talk = Talk()
    talk.typed("something")
    talk.send("response.create", response={"input": []})
    turn = talk.thoughts[0].turn
    assert (turn.text, turn.audio, turn.history) == (None, b"", ())


def test_h_moderation_stops_before_the_response() -> None:
    talk = Talk()
    talk.update(
        turn_detection={"type": "server_vad", "create_response": False},
        input_audio_transcription={"model": "whisper-1"},
    )
    events = talk.append(silence(500) + utterance() + silence(1_000))
    assert types(events)[-1] == "conversation.item.created"
    assert talk.thoughts == []
    item_id = events[-1]["item"]["id"]
    (completed,) = talk.heard("bad words")
    assert completed["type"] == "conversation.item.input_audio_transcription.completed"
    assert (completed["item_id"], completed["transcript"]) == (item_id, "bad words")
    (deleted,) = talk.send("conversation.item.delete", item_id=item_id)
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.deleted", item_id)


def test_i_expiry_is_an_error_with_the_documented_sentence() -> None:
    talk = Talk()
    sentence = "Your session hit the maximum duration of 30 minutes."
    (output,) = talk.conversation.expire(sentence)
    event = output.event  # type: ignore[union-attr]
    assert event["type"] == "error"
    assert event["error"] == {
        "type": "invalid_request_error",
        "code": "session_expired",
        "message": sentence,
        "param": None,
        "event_id": None,
    }


def test_transcription_comes_when_it_comes() -> None:
    talk = Talk()
    talk.update(input_audio_transcription={"model": "gpt-4o-transcribe"})
    talk.append(silence(500) + utterance() + silence(1_000))
    talk.plan(Speech(bytes(48_000), ((0, "Hi"),)))
    talk.step()
    events = talk.heard("hello  there")
    assert types(events) == [
        *["conversation.item.input_audio_transcription.delta"] * 2,
        "conversation.item.input_audio_transcription.completed",
    ]
    assert "".join(e["delta"] for e in events[:2]) == events[2]["transcript"] == "hello  there"
    assert all(e["content_index"] == 0 for e in events)
    assert "response.done" in types(talk.stream())


def test_a_response_that_cannot_be_worked_out_fails() -> None:
    talk = Talk()
    talk.send("response.create")
    done, _limits = talk.failed()
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"]["error"]["type"] == "server_error"
    assert types(talk.send("response.create")) == ["response.created"]
