"""The flows of the documentation in GA, event by event: order, ids, chaining, spelling."""

from __future__ import annotations

import base64

import pytest

from tests.unit.simulator.ga_talk import GaTalk
from tests.unit.simulator.talk import (
    CALL,
    SECOND_OF_SPEECH,
    WRITING,
    Event,
    Talk,
    silence,
    squeezed,
    types,
    utterance,
)

AUDIO_RESPONSE = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
CLOSE_OUT = AUDIO_RESPONSE[7:]
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]
SPEECH = silence(500) + utterance() + silence(1_000)
TRANSCRIPT = "conversation.item.input_audio_transcription"


def asked(talk: Talk, **response: object) -> Event:
    """The `response` of the `response.created` that answers a `response.create`."""
    (created,) = talk.send("response.create", response=response)
    assert created["type"] == "response.created", created
    begun: Event = created["response"]
    return begun


def test_an_item_of_the_clients_is_added_and_done_at_once() -> None:
    talk = GaTalk()
    added, done = talk.typed("hello")
    assert types([added, done]) == ["conversation.item.added", "conversation.item.done"]
    assert (
        added["item"]
        == done["item"]
        == {
            "id": "item_1",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "hello"}],
        }
    )
    assert added["previous_item_id"] is done["previous_item_id"] is None
    assert [event["previous_item_id"] for event in talk.typed()] == ["item_1", "item_1"]
    assert [event["previous_item_id"] for event in talk.typed(previous_item_id="root")] == [
        None,
        None,
    ]


def test_text_in_audio_out() -> None:
    talk = GaTalk()
    talk.typed("hello")
    begun = asked(talk)
    assert begun == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": None,
        "metadata": None,
    }
    events = talk.answer()
    assert squeezed(events) == AUDIO_RESPONSE
    named = {event["type"]: event for event in events}
    added, done = named["conversation.item.added"], named["conversation.item.done"]
    assert added["item"]["status"] == "in_progress"
    assert added["item"]["content"] == []
    assert added["previous_item_id"] == done["previous_item_id"] == "item_1"
    assert done["item"] == named["response.output_item.done"]["item"]
    said = {"type": "output_audio", "transcript": "Hello there."}
    assert done["item"]["content"] == [said]
    assert named["response.content_part.added"]["part"] == {"type": "audio", "transcript": ""}
    assert named["response.content_part.done"]["part"] == {
        "type": "audio",
        "transcript": "Hello there.",
    }
    place = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    for event in events:
        if event["type"].startswith("response.output_audio"):
            assert {name: event[name] for name in place} == place
    audio = [
        base64.b64decode(event["delta"])
        for event in events
        if event["type"] == "response.output_audio.delta"
    ]
    assert b"".join(audio) == SECOND_OF_SPEECH.audio
    response = named["response.done"]["response"]
    assert response["status"] == "completed"
    assert response["output"] == [done["item"]]
    assert "object" not in done["item"], "as captured from the service"


def test_usage_has_every_detail_images_included() -> None:
    talk = GaTalk()
    talk.update(instructions="12345678")
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
    talk.send(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [picture]},
    )
    asked(talk)
    usage = talk.answer()[-2]["response"]["usage"]
    assert usage == {
        "total_tokens": 110,
        "input_tokens": 87,
        "output_tokens": 23,
        "input_token_details": {
            "text_tokens": 2,
            "audio_tokens": 0,
            "image_tokens": 85,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 3, "audio_tokens": 20},
    }


def test_text_only() -> None:
    talk = GaTalk()
    talk.update(output_modalities=["text"])
    talk.typed()
    assert asked(talk)["output_modalities"] == ["text"]
    assert not talk.thoughts[-1].speaks
    events = talk.answer(WRITING)
    assert squeezed(events) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    (item,) = events[-2]["response"]["output"]
    assert item["content"] == [{"type": "output_text", "text": "Hello there."}]


def test_push_to_talk_with_a_late_transcript() -> None:
    talk = GaTalk()
    model = {"model": "whisper-1"}
    talk.update(audio={"input": {"turn_detection": None, "transcription": model}})
    assert talk.append(silence(500)) == []
    events = talk.send("input_audio_buffer.commit")
    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert events[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    asked(talk)
    talk.plan()
    delta, completed = talk.heard("Hello there.")
    assert (delta["type"], delta["delta"]) == (f"{TRANSCRIPT}.delta", "Hello there.")
    assert completed["type"] == f"{TRANSCRIPT}.completed"
    assert completed["usage"] == {"type": "duration", "seconds": 0.5}


def test_other_models_than_whisper_transcribe_word_by_word_and_count_tokens() -> None:
    talk = GaTalk()
    model = {"model": "gpt-4o-mini-transcribe"}
    talk.update(audio={"input": {"turn_detection": None, "transcription": model}})
    talk.append(silence(1_000))
    talk.send("input_audio_buffer.commit")
    *deltas, completed = talk.heard("Hello there.")
    assert [delta["delta"] for delta in deltas] == ["Hello", " there."]
    assert completed["usage"] == {
        "type": "tokens",
        "total_tokens": 13,
        "input_tokens": 10,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 10},
        "output_tokens": 3,
    }
    (failed,) = talk.heard(None)
    assert failed["type"] == f"{TRANSCRIPT}.failed"


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
def test_voice_activity_makes_a_turn_and_an_answer(kind: str) -> None:
    talk = GaTalk()
    talk.update(audio={"input": {"turn_detection": {"type": kind}}})
    events = talk.append(silence(500) + utterance() + silence(2_000))
    assert types(events) == TURN
    ids = {event.get("item_id") or event["item"]["id"] for event in events[:5]}
    assert len(ids) == 1
    assert squeezed(talk.answer()) == AUDIO_RESPONSE


def test_moderation_stops_before_the_answer() -> None:
    talk = GaTalk()
    talk.hears(create_response=False)
    assert types(talk.append(SPEECH)) == TURN[:-1]


def test_barging_in_cuts_the_answer_and_truncate_takes_back_what_was_not_heard() -> None:
    talk = GaTalk()
    talk.typed("Tell me a story.")
    asked(talk)
    talk.plan()
    for _ in range(3):
        talk.step()
    events = talk.append(SPEECH)
    assert types(events)[0] == "input_audio_buffer.speech_started"
    assert types(events)[1:8] == CLOSE_OUT
    done = events[6]["response"]
    assert done["status"] == "cancelled"
    assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    (item,) = done["output"]
    assert item["status"] == "incomplete"
    assert types(events)[8:] == TURN[1:]
    place = {"item_id": item["id"], "content_index": 0}
    refused = talk.refused("conversation.item.truncate", **place, audio_end_ms=401)
    assert refused["message"] == "Audio content of 400ms is already shorter than 401ms"
    (truncated,) = talk.send("conversation.item.truncate", **place, audio_end_ms=400)
    assert truncated["type"] == "conversation.item.truncated"
    refused = talk.refused("conversation.item.truncate", **place, audio_end_ms=-1)
    assert (refused["code"], refused["param"]) == ("integer_below_min_value", "audio_end_ms")


def test_an_answer_that_may_not_be_interrupted_goes_on() -> None:
    talk = GaTalk()
    talk.hears(interrupt_response=False)
    talk.typed()
    asked(talk)
    talk.plan()
    talk.step()
    events = talk.append(SPEECH)
    assert types(events) == [*TURN[:-1], "error"]
    assert events[-1]["error"]["code"] == "conversation_already_has_active_response"
    assert squeezed(talk.stream())[-1] == "rate_limits.updated"


def test_cancel() -> None:
    talk = GaTalk()
    assert talk.refused("response.cancel")["code"] == "response_cancel_not_active"
    talk.typed()
    asked(talk)
    talk.plan()
    talk.step()
    events = talk.send("response.cancel")
    assert types(events) == CLOSE_OUT
    reason = events[-2]["response"]["status_details"]["reason"]
    assert reason == "client_cancelled"


def test_a_function_call_and_its_output() -> None:
    talk = GaTalk()
    talk.typed()
    asked(talk)
    events = talk.answer(CALL)
    assert squeezed(events) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    call = events[-4]["item"]
    assert call == {
        "id": "item_2",
        "type": "function_call",
        "status": "completed",
        "name": "weather",
        "call_id": "call_1",
        "arguments": CALL.arguments,
    }
    output = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    added, done = talk.send("conversation.item.create", item=output)
    assert added["item"] == {"id": "item_3", "status": "completed", **output}
    assert done["previous_item_id"] == "item_2"


def test_an_out_of_band_response_leaves_no_item_in_the_conversation() -> None:
    talk = GaTalk()
    talk.typed()
    asked(talk)
    talk.plan()
    talk.step()
    begun = asked(talk, conversation="none", metadata={"topic": "x"}, input=[])
    assert begun["conversation_id"] is None
    assert begun["metadata"] == {"topic": "x"}
    events = talk.answer()
    assert not [kind for kind in types(events) if kind.startswith("conversation.")]
    assert events[-2]["response"]["metadata"] == {"topic": "x"}
    assert squeezed(talk.stream(thought=0))[-2:] == ["response.done", "rate_limits.updated"]


def test_an_answer_that_was_deleted_while_it_was_given_is_not_done() -> None:
    talk = GaTalk()
    talk.typed()
    asked(talk)
    talk.plan()
    talk.step()
    talk.send("conversation.item.delete", item_id="item_2")
    assert squeezed(talk.stream())[-3:] == [
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert [event["previous_item_id"] for event in talk.typed()] == ["item_1", "item_1"]


def test_the_limit_of_tokens_ends_an_answer_as_incomplete() -> None:
    talk = GaTalk()
    talk.typed()
    assert asked(talk, max_output_tokens=12)["max_output_tokens"] == 12
    done = talk.answer()[-2]["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


def test_telephone_audio_both_ways() -> None:
    talk = GaTalk()
    ulaw = {"format": {"type": "audio/pcmu"}}
    talk.update(audio={"input": {**ulaw, "turn_detection": None}, "output": ulaw})
    talk.append(bytes([255]) * 800)
    talk.send("input_audio_buffer.commit")
    begun = asked(talk)
    assert begun["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert talk.thoughts[-1].audio_format == "g711_ulaw"
    assert len(talk.thoughts[-1].turn.audio) == 4_800


@pytest.mark.parametrize(
    ("frame", "code", "sentence"),
    [
        ("{", "invalid_json", "Invalid event: failed to parse JSON value."),
        (
            b"\x00",
            "invalid_event",
            "Expected a text WebSocket message; binary frames are not supported.",
        ),
        ("[]", "invalid_type", "Invalid type for the event: expected an object."),
        (
            '{"type": "nope"}',
            "invalid_value",
            "Invalid value: 'nope'. Supported values are: 'session.update', "
            "'transcription_session.update', 'input_audio_buffer.append', "
            "'input_audio_buffer.commit', 'input_audio_buffer.clear', 'conversation.item.create', "
            "'conversation.item.retrieve', 'conversation.item.truncate', "
            "'conversation.item.delete', 'response.create', and 'response.cancel'.",
        ),
    ],
)
def test_what_is_no_event_is_answered_in_gas_words(
    frame: str | bytes, code: str, sentence: str
) -> None:
    (event,) = GaTalk().frame(frame)
    assert (event["error"]["code"], event["error"]["message"]) == (code, sentence)
    assert event["error"]["event_id"] is None
