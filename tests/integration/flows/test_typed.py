"""Flow A: typed text in; speech or text out, in the how-to's order, with ids that chain."""

from __future__ import annotations

from tests.harness.client import client
from tests.integration.flows.answers import SPOKEN, WRITTEN, answer, check_chain, order
from tests.integration.flows.stack import stack

HOW_TO = "Hello! How can I help you today?"


async def test_typed_text_is_answered_aloud_in_the_documented_order() -> None:
    async with stack() as way, way.client() as me:
        await me.say("Hello")
        item = await me.next()
        said = await answer(me)
    assert item["type"] == "conversation.item.created"
    assert item["previous_item_id"] is None
    assert item["item"]["role"] == "user"
    assert item["item"]["status"] == "completed"
    assert item["item"]["content"] == [{"type": "input_text", "text": "Hello"}]
    assert order(said.events) == SPOKEN
    assert said.response["status"] == "completed"
    assert said.response["status_details"] is None
    assert said.response["modalities"] == ["text", "audio"]
    assert said.item["role"] == "assistant"
    assert said.item["status"] == "completed"
    assert said.item["content"] == [{"type": "audio", "transcript": HOW_TO}]
    assert said.text == HOW_TO
    assert len(said.audio) > 48_000, "a second of sound at least"
    assert max(said.audio[1::2]) > 0, "and it is not silence"
    check_chain(me)
    assert way.received() == {
        "session.update": 1,
        "conversation.item.create": 1,
        "response.create": 1,
    }


async def test_transcript_and_audio_come_interleaved_and_audio_in_deltas_of_documented_size() -> (
    None
):
    async with stack() as way, way.client() as me:
        await me.say("Tell me a story")
        await me.next()
        said = await answer(me)
    kinds = [e["type"] for e in said.events if e["type"].endswith("delta")]
    first_sound = kinds.index("response.audio.delta")
    assert "response.audio_transcript.delta" in kinds[:first_sound]
    assert "response.audio_transcript.delta" in kinds[first_sound:]
    sizes = [len(e["delta"]) * 3 // 4 for e in said.events if e["type"] == "response.audio.delta"]
    assert all(4_800 <= size <= 14_400 for size in sizes), sizes


async def test_a_client_that_asks_for_text_alone_gets_text_alone() -> None:
    async with stack() as way, way.client() as me:
        await me.send({"type": "session.update", "session": {"modalities": ["text"]}})
        updated = await me.next()
        await me.say("Hello")
        await me.next()
        written = await answer(me)
    assert updated["session"]["modalities"] == ["text"]
    assert order(written.events) == WRITTEN
    assert written.response["modalities"] == ["text"]
    assert written.item["content"] == [{"type": "text", "text": HOW_TO}]
    assert written.text == HOW_TO


async def test_one_response_can_be_text_in_a_session_that_speaks() -> None:
    async with stack() as way, way.client() as me:
        content = [{"type": "input_text", "text": "Hello"}]
        item = {"type": "message", "role": "user", "content": content}
        await me.send({"type": "conversation.item.create", "item": item})
        await me.next()
        await me.send({"type": "response.create", "response": {"modalities": ["text"]}})
        written = await answer(me)
        await me.send({"type": "response.create", "response": None})
        spoken = await answer(me)
    assert order(written.events) == WRITTEN
    assert order(spoken.events) == SPOKEN


async def test_a_conversation_of_several_turns_keeps_its_order_and_its_memory() -> None:
    async with stack() as way, way.client() as me:
        texts = []
        for words in ("My name is Ada", "What is my name?", "Goodbye"):
            await me.say(words)
            await me.next()
            texts.append((await answer(me)).text)
    assert texts == ["Nice to meet you, Ada.", "Your name is Ada.", "Goodbye, and thank you."]
    check_chain(me)


async def test_events_sent_before_session_created_are_answered_after_it_and_in_order() -> None:
    """SDKs speak at once after the handshake."""
    async with stack() as way:
        async with client(way.relay.address) as me:
            way.clients.append(me)
            await me.send({"type": "session.update", "session": {"modalities": ["text"]}})
            await me.say("Hello")
            await me.until("response.done")
    assert order(me.seen) == [
        "session.created",
        "session.updated",
        "conversation.item.created",
        *WRITTEN,
    ]
