"""Flow C: the service hears where a turn begins and ends, and answers by itself or when told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import hello, silence, speak, stop_it, turn
from tests.integration.flows.answers import HEARD, SPOKEN, answer, check_chain, order
from tests.integration.flows.stack import SECRET_INSTRUCTIONS, errors, stack


async def heard(me: Client) -> list[Event]:
    """The four events that voice activity makes of a turn, checked."""
    events = [await me.next() for _ in HEARD]
    started, stopped, committed, item = events
    assert [event["type"] for event in events] == HEARD
    assert started["audio_start_ms"] < stopped["audio_end_ms"]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == item["item"]["id"]
    assert committed["previous_item_id"] == item["previous_item_id"]
    assert item["item"]["role"] == "user"
    assert item["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    return events


async def detect(me: Client, **detection: Any) -> Event:
    session = {"turn_detection": {"type": "server_vad", **detection}}
    await me.send({"type": "session.update", "session": session})
    updated = await me.next()
    assert updated["type"] == "session.updated"
    return updated


async def test_speech_is_answered_without_being_asked_to() -> None:
    async with stack() as way, way.client() as me:
        await speak(me, turn(hello()))
        await heard(me)
        said = await answer(me)
    assert order(said.events) == SPOKEN
    assert said.text.startswith("You said:")
    check_chain(me)
    assert "response.create" not in way.received()
    assert way.relay.closed()[0]["responses"] == 1


@pytest.mark.parametrize("chunk_ms", [10, 40, 1_000])
async def test_where_speech_begins_and_ends_is_counted_in_samples_not_in_time(
    chunk_ms: int,
) -> None:
    """Audio comes far faster than real time, in any portions, and the answer is the same."""
    async with stack() as way, way.client() as me:
        await speak(me, silence(500) + turn(hello()), chunk_ms)
        started, stopped, *_ = await heard(me)
        await answer(me)
    # The utterance begins 600 ms into this audio and ends at 2,100; padding 300, silence 200.
    assert started["audio_start_ms"] == pytest.approx(300, abs=60)
    assert stopped["audio_end_ms"] == pytest.approx(2_300, abs=120)


async def test_two_turns_are_two_items_in_one_chain() -> None:
    async with stack() as way, way.client() as me:
        for said in (hello(), stop_it()):
            await speak(me, turn(said))
            await heard(me)
            await answer(me)
    check_chain(me)


async def test_silence_is_no_turn() -> None:
    async with stack() as way, way.client() as me:
        await speak(me, silence(3_000), 500)
        assert await me.nothing(0.2)


async def test_moderation_a_turn_without_automatic_answer_waits_for_response_create() -> None:
    """Flow H of the protocol notes: VAD detects the turn, nothing answers until it is asked."""
    async with stack() as way, way.client() as me:
        updated = await detect(me, create_response=False)
        await speak(me, turn(hello()))
        await heard(me)
        assert await me.nothing(0.2), "no answer comes unasked"
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert updated["session"]["turn_detection"]["create_response"] is False
    assert order(said.events) == SPOKEN
    assert said.text.startswith("You said:")


async def test_moderation_a_turn_that_must_not_be_answered_can_be_deleted() -> None:
    async with stack() as way, way.client() as me:
        await detect(me, create_response=False)
        await speak(me, turn(hello()))
        *_, item = await heard(me)
        await me.send({"type": "conversation.item.delete", "item_id": item["item"]["id"]})
        deleted = await me.next()
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert deleted["type"] == "conversation.item.deleted"
    assert deleted["item_id"] == item["item"]["id"]
    assert said.text == "Hello! How can I help you today?", "nothing was said that it knows of"
    added = said.events[2]
    assert added["type"] == "conversation.item.created"
    assert added["previous_item_id"] is None, "the chain closed over the gap"


async def test_semantic_detection_is_accepted_and_ends_turns() -> None:
    async with stack() as way, way.client() as me:
        updated = await detect(me, type="semantic_vad", eagerness="high")
        await speak(me, hello() + silence(1_000))
        await heard(me)
        await answer(me)
    assert updated["session"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": True,
        "interrupt_response": True,
    }


async def test_more_silence_where_more_silence_is_asked_for() -> None:
    async with stack() as way, way.client() as me:
        await detect(me, silence_duration_ms=1_000)
        await speak(me, turn(hello()))
        assert (await me.next())["type"] == "input_audio_buffer.speech_started"
        assert await me.nothing(0.2), "400 ms of silence do not end this turn"
        await speak(me, silence(1_000))
        assert (await me.next())["type"] == "input_audio_buffer.speech_stopped"
        await me.until("response.done")


async def test_other_settings_changed_in_the_middle_of_speech_do_not_lose_the_turn() -> None:
    async with stack() as way, way.client() as me:
        said = turn(hello())
        await speak(me, said[: len(said) // 2 // 4_800 * 4_800])
        started = await me.next()
        await me.send({"type": "session.update", "session": {"temperature": 0.7}})
        assert (await me.next())["type"] == "session.updated"
        await speak(me, said[len(said) // 2 // 4_800 * 4_800 :])
        stopped, committed, item = [await me.next() for _ in range(3)]
        await answer(me)
    assert [started["type"], stopped["type"], committed["type"], item["type"]] == HEARD
    assert started["item_id"] == item["item"]["id"]


async def test_a_cleared_buffer_forgets_speech_that_had_begun() -> None:
    async with stack() as way, way.client() as me:
        await speak(me, hello())
        assert (await me.next())["type"] == "input_audio_buffer.speech_started"
        await me.send({"type": "input_audio_buffer.clear"})
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
        await speak(me, silence(1_000))
        assert await me.nothing(0.2), "nobody answers what was taken back"


async def test_an_automatic_answer_cannot_begin_while_another_may_not_be_interrupted() -> None:
    """The error that tells so answers no event of the client's: it names none."""
    async with stack(upstream={"pace": 4.0}) as way, way.client() as me:
        await detect(me, interrupt_response=False)
        await me.say("Tell me a story")
        await me.until("response.audio.delta")
        await speak(me, turn(stop_it()))
        error = await me.until("error")
        (told,) = errors([error])
        await me.send({"type": "response.cancel"})
        await me.until("response.done")
    assert told["code"] == "conversation_already_has_active_response"
    assert told["event_id"] is None
    assert SECRET_INSTRUCTIONS not in str(me.seen)
