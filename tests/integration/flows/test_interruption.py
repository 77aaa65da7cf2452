"""Flows D and E: an answer is cut short by the person's voice, or by the client's word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import silence, speak, stop_it, turn
from tests.integration.flows.answers import HEARD, SPOKEN, Answer, answer, order, read
from tests.integration.flows.stack import STORY, TALKING, errors, stack


async def begun_story(me: Client) -> list[Event]:
    """Asks for a long answer and returns its events up to the second piece of sound."""
    await me.say(STORY)
    await me.next()
    begin = len(me.seen)
    await me.until("response.audio.delta")
    await me.until("response.audio.delta")
    return me.seen[begin:]


async def interrupted(me: Client) -> tuple[Answer, Event]:
    """A story and a person who talks over it; the answer that was cut, and the first event of the
    speech that cut it."""
    begin = len(me.seen) + 1
    await begun_story(me)
    await speak(me, turn(stop_it()))
    await me.until("response.done")
    events = me.seen[begin:]
    (started,) = (e for e in events if e["type"] in HEARD[:1])
    cut_at = events.index(started)
    after = [e["type"] for e in events[cut_at + 1 :]]
    assert after == [
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ], "not one more delta behind speech_started"
    events.remove(started)
    return read(events), started


async def test_the_persons_voice_cancels_the_answer_and_begins_the_next_turn() -> None:
    async with stack(upstream=TALKING) as way, way.client() as me:
        said, started = await interrupted(me)
        rest = [await me.next() for _ in HEARD[1:]]
        following = await answer(me)
    assert order(said.events) == SPOKEN
    assert said.response["status"] == "cancelled"
    assert said.response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert said.item["status"] == "incomplete"
    assert "with the right code" not in said.text, "the story's end was never told"
    assert [event["type"] for event in rest] == HEARD[1:]
    assert {rest[0]["item_id"], rest[1]["item_id"]} == {started["item_id"]}
    assert rest[2]["item"]["id"] == started["item_id"]
    assert rest[2]["previous_item_id"] == said.item_id
    assert following.text.startswith("You said:")
    assert following.response["status"] == "completed"


async def test_truncating_tells_upstream_what_was_heard_and_is_confirmed() -> None:
    async with stack(upstream=TALKING) as way, way.client() as me:
        said, _ = await interrupted(me)
        truncate = {
            "type": "conversation.item.truncate",
            "item_id": said.item_id,
            "content_index": 0,
            "audio_end_ms": 300,
        }
        await me.send({**truncate, "event_id": "cut-1"})
        truncated = await me.until("conversation.item.truncated", "error")
        await me.send({"type": "conversation.item.retrieve", "item_id": said.item_id})
        retrieved = await me.until("conversation.item.retrieved", "error")
        await me.until("response.done")
    event_id = truncated.pop("event_id")
    assert event_id != "cut-1"
    assert truncated == {**truncate, "type": "conversation.item.truncated"}
    (content,) = retrieved["item"]["content"]
    assert content["transcript"] is None, "what nobody heard is not remembered"
    assert len(content["audio"]) * 3 // 4 == 300 * 48


ILLEGAL: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"audio_end_ms": 10_000_000}, "invalid_value", None),
    ({"audio_end_ms": 0}, None, None),
    ({"audio_end_ms": -1}, "invalid_value", "audio_end_ms"),
    ({"audio_end_ms": 1.5}, "invalid_type", "audio_end_ms"),
    ({"audio_end_ms": True}, "invalid_type", "audio_end_ms"),
    ({"audio_end_ms": None}, "missing_required_parameter", "audio_end_ms"),
    ({"content_index": 3}, None, None),
    ({"content_index": 99}, "invalid_value", "content_index"),
    ({"item_id": "item_of_another"}, "item_truncate_invalid_item_id", "item_id"),
    ({"item_id": None}, "missing_required_parameter", "item_id"),
]


async def test_an_illegal_truncate_is_refused_in_the_apis_words_and_the_session_goes_on() -> None:
    async with stack() as way, way.client() as me:
        await me.say("Hello")
        await me.next()
        said = await answer(me)
        truncate = {
            "type": "conversation.item.truncate",
            "event_id": "cut-1",
            "item_id": said.item_id,
            "content_index": 0,
            "audio_end_ms": 100,
        }
        for fields, code, param in ILLEGAL:
            await me.send({**truncate, **fields})
            (error,) = errors([await me.next()])
            told = (error["code"], error["param"], error["event_id"])
            assert told == (code, param, "cut-1"), fields
            assert error["type"] == "invalid_request_error"
            if code is None:
                only = "Only model output audio messages can be truncated"
                assert error["message"].startswith(only), fields
        await me.send(truncate)
        assert (await me.next())["type"] == "conversation.item.truncated"


async def test_only_what_the_model_said_aloud_can_be_truncated() -> None:
    async with stack() as way, way.client() as me:
        await me.send({"type": "session.update", "session": {"modalities": ["text"]}})
        await me.next()
        await me.say("Hello")
        typed = await me.next()
        written = await answer(me)
        told = []
        for item_id in (typed["item"]["id"], written.item_id):
            truncate = {"item_id": item_id, "content_index": 0, "audio_end_ms": 10}
            await me.send({"type": "conversation.item.truncate", **truncate})
            told += errors([await me.next()])
    assert [error["code"] for error in told] == ["item_truncate_invalid_item_id"] * 2
    assert {error["message"] for error in told} == {
        "Only model output audio messages can be truncated"
    }
    assert "conversation.item.truncate" not in way.received()


@pytest.mark.parametrize("named", [False, True], ids=["the active one", "by id"])
async def test_the_client_cancels_the_answer(named: bool) -> None:
    async with stack(upstream=TALKING) as way, way.client() as me:
        events = await begun_story(me)
        cancel: Event = {"type": "response.cancel"}
        if named:
            cancel["response_id"] = events[0]["response"]["id"]
        await me.send(cancel)
        await me.until("response.done")
        said = read(me.seen[me.seen.index(events[0]) :])
        await me.say("Hello")
        await me.next()
        following = await answer(me)
    assert order(said.events) == SPOKEN
    assert said.response["status"] == "cancelled"
    assert said.response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert said.item["status"] == "incomplete"
    assert following.response["status"] == "completed"


@pytest.mark.parametrize("response_id", [None, "resp_of_another"])
async def test_cancelling_nothing_is_told_and_harms_nothing(response_id: str | None) -> None:
    async with stack() as way, way.client() as me:
        cancel = {"type": "response.cancel", "event_id": "c1", "response_id": response_id}
        await me.send(cancel)
        (error,) = errors([await me.next()])
        await me.say("Hello")
        await me.next()
        await answer(me)
    assert error["code"] == "response_cancel_not_active"
    assert error["message"] == "Cancellation failed: no active response found"
    assert error["event_id"] == "c1"


async def test_a_cancelled_answer_cannot_be_cancelled_again() -> None:
    async with stack(upstream=TALKING) as way, way.client() as me:
        events = await begun_story(me)
        response_id = events[0]["response"]["id"]
        for _ in range(2):
            await me.send({"type": "response.cancel", "response_id": response_id})
        await me.until("response.done")
        (error,) = errors([await me.next()])
    assert error["code"] == "response_cancel_not_active"


async def test_only_one_answer_at_a_time() -> None:
    async with stack(upstream=TALKING) as way, way.client() as me:
        await begun_story(me)
        await me.send({"type": "response.create", "event_id": "again"})
        (error,) = errors([await me.until("error")])
        await me.send({"type": "response.cancel"})
        await me.until("response.done")
        await me.send({"type": "response.create"})
        await me.until("response.created")
        await me.send({"type": "response.cancel"})
        await me.until("response.done")
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "again"
    assert error["message"].startswith("Conversation already has an active response in progress")


async def test_speech_that_may_not_interrupt_leaves_the_answer_alone() -> None:
    async with stack(upstream={"pace": 20.0}) as way, way.client() as me:
        detection = {
            "type": "server_vad",
            "interrupt_response": False,
            "create_response": False,
        }
        await me.send({"type": "session.update", "session": {"turn_detection": detection}})
        await me.next()
        begin = len(me.seen)
        await begun_story(me)
        await speak(me, turn(stop_it()) + silence(100))
        done = await me.until("response.done")
    assert done["response"]["status"] == "completed"
    kinds = [event["type"] for event in me.seen[begin:]]
    assert all(kind in kinds for kind in HEARD), "the turn is heard all the same"
