"""One flow of each kind over a real socket, with the real brain, voice and voice activity."""

from __future__ import annotations

import asyncio
import base64
import json
import time

from app.simulator.options import Options
from app.simulator.server import serve
from app.simulator.simulator import Simulator
from tests.integration.simulator.caller import Caller, Event, called
from tests.unit.simulator.talk import silence, squeezed, types, utterance

AUDIO_RESPONSE = {
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.audio.delta",
    "response.audio_transcript.delta",
    "response.audio.done",
    "response.audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
}
NO_DETECTION = {"turn_detection": None}


def transcript(events: list[Event]) -> str:
    (done,) = [e for e in events if e["type"] == "response.audio_transcript.done"]
    return str(done["transcript"])


def sound(events: list[Event]) -> bytes:
    deltas = [e["delta"] for e in events if e["type"] == "response.audio.delta"]
    return b"".join(base64.b64decode(delta) for delta in deltas)


async def test_a_typed_turn_is_answered_with_audio(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.typed("hello")
        await caller.send("response.create")
        events = await caller.until("rate_limits.updated")
        assert set(types(events)) >= AUDIO_RESPONSE
        assert any(sound(events)), "not silence"
        assert len(sound(events)) > 48 * 500
        deltas = [e["delta"] for e in events if e["type"] == "response.audio_transcript.delta"]
        assert "".join(deltas) == transcript(events)
        assert events[-2]["response"]["status"] == "completed"


async def test_text_only(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.send("session.update", session={"modalities": ["text"]})
        await caller.typed("hello")
        await caller.send("response.create")
        events = await caller.until("response.done")
        assert "response.audio.delta" not in types(events)
        (item,) = events[-1]["response"]["output"]
        assert item["content"][0]["text"]


async def test_push_to_talk_plays_the_persons_own_voice_back(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.send(
            "session.update",
            session={**NO_DETECTION, "input_audio_transcription": {"model": "whisper-1"}},
        )
        speech = utterance()
        await caller.append(silence(300) + speech + silence(300))
        await caller.send("input_audio_buffer.commit")
        committed = (await caller.until("input_audio_buffer.committed"))[-1]
        await caller.send("response.create")
        events = await caller.until("rate_limits.updated")
        completed = "conversation.item.input_audio_transcription.completed"
        while completed not in types(events):
            events.append(await caller.next())
        (heard,) = [e for e in events if e["type"] == completed]
        assert heard["item_id"] == committed["item_id"]
        assert heard["transcript"]
        assert transcript(events).startswith("You said:")
        assert speech[9_600:19_200] in sound(events)


async def test_server_detection_answers_speech_that_comes_faster_than_real_time(
    simulator: Simulator,
) -> None:
    async with called(simulator) as caller:
        begun = time.monotonic()
        for chunk in (silence(1_000), utterance(), silence(1_000)):
            for at in range(0, len(chunk), 1_920):
                await caller.append(chunk[at : at + 1_920])
        events = await caller.until("rate_limits.updated")
        assert squeezed(events)[:5] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.created",
            "response.created",
        ]
        assert transcript(events).startswith("You said:")
        assert time.monotonic() - begun < 3.0, "three seconds of audio need not take as long"


async def test_server_detection_without_an_automatic_response(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        detection = {"type": "server_vad", "create_response": False}
        await caller.send("session.update", session={"turn_detection": detection})
        await caller.append(silence(500) + utterance() + silence(1_000))
        events = await caller.until("conversation.item.created")
        await caller.send("response.create")
        assert (await caller.next())["type"] == "response.created"
        await caller.send("conversation.item.delete", item_id=events[-1]["item"]["id"])
        await caller.until("conversation.item.deleted")


async def paced(caller: Caller) -> list[Event]:
    """Starts a long story and returns what came until its first audio."""
    await caller.typed("Tell me a story.")
    await caller.send("response.create")
    return await caller.until("response.audio.delta")


async def test_speech_interrupts_a_response_at_once(nothing_left: None) -> None:
    async with await serve(Options(pace=2.0)) as simulator, called(simulator) as caller:
        before = await paced(caller)
        await caller.append(silence(300) + utterance() + silence(1_000))
        events = [*before, *await caller.until("response.done")]
        done = events[-1]["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"]["reason"] == "turn_detected"
        assert types(events)[-6:-1] == [
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ] or types(events)[-5:] == [
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        played_ms = len(sound(events)) // 48
        item_id = done["output"][0]["id"]
        place = {"item_id": item_id, "content_index": 0}
        await caller.send("conversation.item.truncate", **place, audio_end_ms=played_ms + 1)
        refused = (await caller.until("error"))[-1]
        assert "already shorter than" in refused["error"]["message"]
        await caller.send("conversation.item.truncate", **place, audio_end_ms=played_ms)
        await caller.until("conversation.item.truncated")


async def test_cancel_stops_a_response_and_nothing_of_it_follows(nothing_left: None) -> None:
    async with await serve(Options(pace=2.0)) as simulator, called(simulator) as caller:
        await paced(caller)
        await caller.send("response.cancel")
        events = await caller.until("response.done")
        assert events[-1]["response"]["status_details"]["reason"] == "client_cancelled"
        await caller.typed("hello")
        rest = await caller.until("conversation.item.created")
        assert types(rest) == ["rate_limits.updated", "conversation.item.created"]


async def test_the_pace_is_kept(nothing_left: None) -> None:
    async with (
        await serve(Options(pace=10.0, burst_ms=0)) as simulator,
        called(simulator) as caller,
    ):
        await caller.typed("hello")
        await caller.send("response.create")
        first = await caller.until("response.audio.delta")
        begun = time.monotonic()
        events = [*first, *await caller.until("response.done")]
        took = time.monotonic() - begun
        real_time = len(sound(events)) / 48_000
        assert took >= 0.8 * (real_time - 0.5) / 10
        assert took < real_time / 2


async def test_a_function_is_called_and_its_output_is_spoken(simulator: Simulator) -> None:
    tool = {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    async with called(simulator) as caller:
        await caller.send("session.update", session={"tools": [tool]})
        await caller.typed("What is the weather in Paris?")
        await caller.send("response.create")
        events = await caller.until("response.done")
        (call,) = events[-1]["response"]["output"]
        assert call["name"] == "get_weather"
        assert json.loads(call["arguments"]) == {"city": "Paris"}
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": "sunny",
        }
        await caller.send("conversation.item.create", item=output)
        await caller.send("response.create")
        assert "sunny" in transcript(await caller.until("response.done"))


async def test_an_out_of_band_response_runs_beside_the_active_one(nothing_left: None) -> None:
    async with await serve(Options(pace=1.0)) as simulator, called(simulator) as caller:
        await paced(caller)
        content = [{"type": "input_text", "text": "hello"}]
        await caller.send(
            "response.create",
            response={
                "conversation": "none",
                "modalities": ["text"],
                "metadata": {"client_event_id": "x"},
                "input": [{"type": "message", "role": "user", "content": content}],
            },
        )
        events = await caller.until("response.done")
        done = events[-1]["response"]
        assert done["metadata"] == {"client_event_id": "x"}
        assert done["conversation_id"] is None
        assert done["status"] == "completed"
        await caller.send("response.cancel")
        assert (await caller.until("response.done"))[-1]["response"]["status"] == "cancelled"


async def test_telephone_audio_out(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        await caller.typed("hello")
        await caller.send("response.create")
        wide = sound(await caller.until("response.done"))
        await caller.send("session.update", session={"output_audio_format": "g711_ulaw"})
        await caller.typed("hello")
        await caller.send("response.create")
        narrow = sound(await caller.until("response.done"))
        assert abs(len(narrow) - len(wide) / 6) <= 2


async def test_fifty_conversations_at_once_each_hear_their_own_words(simulator: Simulator) -> None:
    async def converse(number: int) -> None:
        async with called(simulator) as caller:
            await caller.send("session.update", session={"modalities": ["text"]})
            await caller.typed(f"say: number {number}")
            await caller.send("response.create")
            events = await caller.until("response.done")
            assert str(number) in events[-1]["response"]["output"][0]["content"][0]["text"]

    await asyncio.gather(*(converse(1_000 + number) for number in range(50)))
    assert len(simulator.journal.connections) == 50
