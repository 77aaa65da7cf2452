"""Who goes too fast: audio waits and is not lost, anything else is refused in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import silence, speak
from tests.integration.flows.answers import answer
from tests.integration.flows.stack import STORY, TALKING, errors, stack

USUAL: dict[str, Any] = {"audio_speed": 2, "events_per_second": 50, "acts_per_second": 10}


async def test_a_file_sent_at_once_waits_for_its_allowance_and_arrives_whole() -> None:
    """Some samples of SDKs send a whole file; ten seconds may come at once."""
    seconds = 12
    async with stack(**USUAL) as way, way.client() as me:
        await me.send({"type": "session.update", "session": {"turn_detection": None}})
        await me.until("session.updated")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await speak(me, silence(seconds * 1_000), 1_000)
        await me.send({"type": "input_audio_buffer.commit"})
        item = await me.until("conversation.item.created")
        took = loop.time() - began
        await me.send({"type": "conversation.item.retrieve", "item_id": item["item"]["id"]})
        retrieved = await me.next()
    assert took > 0.9, "two seconds over the allowance, at twice real time"
    assert len(retrieved["item"]["content"][0]["audio"]) == seconds * 48_000 * 4 // 3


async def test_a_usual_pace_is_never_held_up() -> None:
    async with stack(**USUAL) as way, way.client() as me:
        await me.send({"type": "session.update", "session": {"turn_detection": None}})
        await me.until("session.updated")
        await speak(me, silence(3_000), 40)
        await me.send({"type": "input_audio_buffer.commit"})
        await me.until("conversation.item.created", within=3)


def limited(event: Event, event_id: str | None) -> dict[str, Any]:
    """The refusal of one act that came too fast. One that was not even read is not named."""
    (error,) = errors([event])
    assert (error["code"], error["event_id"]) == ("rate_limit_exceeded", event_id)
    assert 0 < error["retry_after_ms"] <= 60_000
    return error


async def test_too_many_acts_are_refused_and_the_session_goes_on() -> None:
    async with stack(acts_per_second=1) as way, way.client() as me:
        for number in range(7):
            await me.send({"type": "input_audio_buffer.clear", "event_id": f"e{number}"})
        answers = [await me.next() for _ in range(7)]
        await asyncio.sleep(1)
        await me.send({"type": "input_audio_buffer.clear"})
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
    refused = [event for event in answers if event["type"] == "error"]
    assert len(refused) == 2
    for event in refused:
        limited(event, None)
    assert way.received()["input_audio_buffer.clear"] == 6


async def test_too_many_answers_in_a_minute_are_refused() -> None:
    async with stack(responses_per_minute=2) as way, way.client() as me:
        for _ in range(2):
            await me.send({"type": "response.create"})
            await answer(me)
        await me.send({"type": "response.create", "event_id": "third"})
        error = limited(await me.next(), "third")
    assert error["retry_after_ms"] > 50_000
    assert way.received()["response.create"] == 2


@pytest.mark.parametrize("profile", ["guided", "open"])
async def test_two_answers_beside_the_conversation_at_once_and_no_third(profile: str) -> None:
    async with stack(profile=profile, upstream=TALKING) as way, way.client() as me:
        for number in range(3):
            await beside(me, f"r{number}")
        while me.types().count("response.created") < 2 or "error" not in me.types():
            await me.next()
        (refused,) = (event for event in me.seen if event["type"] == "error")
        error = limited(refused, "r2")
        first, second = (e["response"]["id"] for e in me.seen if e["type"] == "response.created")
        for response_id in (first, second):
            await me.send({"type": "response.cancel", "response_id": response_id})
            await me.until("response.done")
        await beside(me, "r3")
        await me.until("response.created")
    assert "out-of-band" in error["message"]
    assert way.received()["response.create"] == 3


async def beside(me: Client, event_id: str) -> None:
    content = [{"type": "input_text", "text": STORY}]
    context = [{"type": "message", "role": "user", "content": content}]
    response = {"conversation": "none", "input": context}
    await me.send({"type": "response.create", "event_id": event_id, "response": response})
