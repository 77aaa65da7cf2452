"""The flows in GA with the official client library, over real sockets, with the real brain, voice
and voice activity; each event is held against the library's own types."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from app.protocol.names import Dialect
from app.simulator.options import Options
from app.simulator.server import serve
from app.simulator.simulator import Simulator
from tests.unit.simulator.sdk_shapes import Event, validated
from tests.unit.simulator.talk import silence, squeezed, types, utterance

PATIENCE = 10.0
AUDIO_ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
CLOSE_OUT = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


class Me:
    """The library's connection, with waits that end."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.talk = connection

    async def next(self) -> Event:
        async with asyncio.timeout(PATIENCE):
            frame = await self.talk.recv_bytes()
        event: Event = json.loads(frame)
        parsed = self.talk.parse_event(frame)
        assert parsed.type == event["type"]
        assert isinstance(parsed, type(validated(event, Dialect.GA)))
        return event

    async def until(self, kind: str) -> list[Event]:
        """All events up to the first of this type, which is the last of them."""
        events = [await self.next()]
        while events[-1]["type"] != kind:
            events.append(await self.next())
        return events

    async def says(self, text: str) -> None:
        content: Any = [{"type": "input_text", "text": text}]
        await self.talk.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}
        )

    async def speaks(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), 4_800):
            audio = base64.b64encode(pcm[at : at + 4_800]).decode()
            await self.talk.input_audio_buffer.append(audio=audio)

    async def configures(self, **session: Any) -> Event:
        changes: Any = {"type": "realtime", **session}
        await self.talk.session.update(session=changes)
        updated: Event = (await self.until("session.updated"))[-1]["session"]
        return updated


@asynccontextmanager
async def connected(simulator: Simulator, path: str = "/openai/v1") -> AsyncIterator[Me]:
    """As Microsoft's quickstart connects, past `session.created`."""
    base = simulator.address.replace("ws://", "http://")
    async with (
        AsyncOpenAI(
            api_key=simulator.options.key,
            base_url=f"{base}{path}",
            websocket_base_url=f"{simulator.address}{path}",
        ) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        me = Me(connection)
        assert (await me.next())["type"] == "session.created"
        yield me


def sound(events: list[Event]) -> bytes:
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    return b"".join(base64.b64decode(delta) for delta in deltas)


def transcript(events: list[Event]) -> str:
    (done,) = [e for e in events if e["type"] == "response.output_audio_transcript.done"]
    return str(done["transcript"])


@pytest.mark.parametrize("path", ["/openai/v1", "/v1"])
async def test_a_typed_turn_in_text(simulator: Simulator, path: str) -> None:
    async with connected(simulator, path) as me:
        session = await me.configures(output_modalities=["text"])
        assert session["output_modalities"] == ["text"]
        await me.says("What is the capital of France?")
        await me.talk.response.create()
        events = await me.until("rate_limits.updated")
        done = events[-2]["response"]
        (item,) = done["output"]
        assert item["content"] == [
            {"type": "output_text", "text": "The capital of France is Paris."}
        ]
        deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
        assert "".join(deltas) == item["content"][0]["text"]
        assert done["usage"]["output_token_details"]["audio_tokens"] == 0


async def test_a_typed_turn_in_audio(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        await me.configures(audio={"output": {"voice": "marin"}})
        await me.says("hello")
        await me.talk.response.create()
        events = await me.until("rate_limits.updated")
        assert squeezed(events)[2:6] == AUDIO_ANSWER
        assert types(events)[-7:-1] == CLOSE_OUT
        assert len(sound(events)) > 48 * 500
        assert any(sound(events)), "not silence"
        assert transcript(events).startswith("Hello!")
        assert events[-2]["response"]["audio"]["output"]["voice"] == "marin"


async def test_a_spoken_turn_by_voice_activity_with_its_transcript(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        await me.configures(audio={"input": {"transcription": {"model": "whisper-1"}}})
        speech = utterance()
        await me.speaks(silence(1_000) + speech + silence(1_000))
        events = await me.until("rate_limits.updated")
        completed = "conversation.item.input_audio_transcription.completed"
        while completed not in types(events):
            events.append(await me.next())
        plain = [event for event in events if "transcription" not in event["type"]]
        assert squeezed(plain)[:9] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            *AUDIO_ANSWER,
        ]
        assert transcript(events).startswith("You said:")
        assert speech[9_600:19_200] in sound(events), "the person's own voice"
        (heard,) = [event for event in events if event["type"] == completed]
        assert heard["item_id"] == plain[0]["item_id"]
        assert heard["usage"]["seconds"] > 0.5


async def test_semantic_voice_activity_and_telephone_audio(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        ulaw = {"format": {"type": "audio/pcmu"}}
        detection = {"type": "semantic_vad", "eagerness": "high"}
        session = await me.configures(
            audio={"input": {"turn_detection": detection}, "output": ulaw}
        )
        assert session["audio"]["output"]["format"] == {"type": "audio/pcmu"}
        await me.speaks(silence(500) + utterance() + silence(1_500))
        events = await me.until("response.done")
        audio_tokens = events[-1]["response"]["usage"]["output_token_details"]["audio_tokens"]
        assert abs(len(sound(events)) / 8 / 50 - audio_tokens) <= 1


async def test_a_tool_is_called_and_its_output_is_spoken(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        await me.configures(tools=[WEATHER], tool_choice="auto")
        await me.says("What is the weather in Paris?")
        await me.talk.response.create()
        (call,) = (await me.until("response.done"))[-1]["response"]["output"]
        assert (call["type"], call["name"]) == ("function_call", "get_weather")
        assert json.loads(call["arguments"]) == {"city": "Paris"}
        await me.talk.conversation.item.create(
            item={
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": "sunny",
            }
        )
        await me.talk.response.create()
        assert "sunny" in transcript(await me.until("response.done"))


async def test_speech_interrupts_and_what_was_not_heard_is_truncated(nothing_left: None) -> None:
    async with await serve(Options(pace=2.0)) as simulator, connected(simulator) as me:
        await me.says("Tell me a story.")
        await me.talk.response.create()
        events = await me.until("response.output_audio.delta")
        await me.speaks(silence(300) + utterance() + silence(1_000))
        events += await me.until("response.done")
        done = events[-1]["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"]["reason"] == "turn_detected"
        (item,) = done["output"]
        assert item["status"] == "incomplete"
        played_ms = len(sound(events)) // 48
        place: Any = {"item_id": item["id"], "content_index": 0}
        await me.talk.conversation.item.truncate(**place, audio_end_ms=played_ms + 1)
        refused = (await me.until("error"))[-1]["error"]
        assert "already shorter than" in refused["message"]
        await me.talk.conversation.item.truncate(**place, audio_end_ms=played_ms // 2)
        await me.until("conversation.item.truncated")
        await me.talk.conversation.item.retrieve(item_id=item["id"])
        (part,) = (await me.until("conversation.item.retrieved"))[-1]["item"]["content"]
        assert len(base64.b64decode(part["audio"])) == 48 * (played_ms // 2)


async def test_an_out_of_band_response_beside_the_one_that_is_spoken(nothing_left: None) -> None:
    async with await serve(Options(pace=1.0)) as simulator, connected(simulator) as me:
        await me.says("Tell me a story.")
        await me.talk.response.create()
        await me.until("response.output_audio.delta")
        content: Any = [{"type": "input_text", "text": "hello"}]
        await me.talk.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"topic": "greeting"},
                "input": [{"type": "message", "role": "user", "content": content}],
            }
        )
        done = (await me.until("response.done"))[-1]["response"]
        assert (done["status"], done["conversation_id"]) == ("completed", None)
        assert done["metadata"] == {"topic": "greeting"}
        await me.talk.response.cancel()
        done = (await me.until("response.done"))[-1]["response"]
        assert done["status_details"]["reason"] == "client_cancelled"


async def test_silence_after_an_answer_is_noticed(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        detection = {"type": "server_vad", "idle_timeout_ms": 5_000}
        await me.configures(audio={"input": {"turn_detection": detection}})
        await me.says("hello")
        await me.talk.response.create()
        await me.until("rate_limits.updated")
        await me.speaks(silence(12_000))
        events = await me.until("response.done")
        assert types(events)[0] == "input_audio_buffer.timeout_triggered"
        assert events[0]["audio_end_ms"] - events[0]["audio_start_ms"] == 5_000
        assert transcript(events) == "I heard only silence."


async def test_errors_leave_the_conversation_as_it_was(simulator: Simulator) -> None:
    async with connected(simulator) as me:
        bad: list[tuple[Event, str, str | None]] = [
            (
                {"type": "session.update", "session": {}},
                "missing_required_parameter",
                "session.type",
            ),
            (
                {"type": "session.update", "session": {"type": "realtime", "voice": "alloy"}},
                "unknown_parameter",
                "session.voice",
            ),
            (
                {"type": "response.create", "response": {"modalities": ["text"]}},
                "unknown_parameter",
                "response.modalities",
            ),
            ({"type": "nope"}, "invalid_value", "type"),
            ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
            ({"type": "response.cancel"}, "response_cancel_not_active", None),
            (
                {"type": "conversation.item.delete", "item_id": "no"},
                "item_delete_invalid_item_id",
                None,
            ),
        ]
        for number, (event, code, param) in enumerate(bad):
            mine: Any = {**event, "event_id": f"mine-{number}"}
            await me.talk.send(mine)
            error = (await me.next())["error"]
            assert (error["code"], error["param"]) == (code, param)
            assert error["event_id"] == f"mine-{number}"
        await me.says("hello")
        await me.talk.response.create()
        assert (await me.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_a_session_expires_with_an_error_and_1001(nothing_left: None) -> None:
    async with await serve(Options(session_seconds=0.3)) as simulator, connected(simulator) as me:
        (error,) = await me.until("error")
        assert error["error"]["code"] == "session_expired"
        with pytest.raises(ConnectionClosedOK) as caught:
            await me.next()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (
            1001,
            "Your session hit the maximum duration of 1 minutes.",
        )


async def test_the_librarys_beta_client_is_told_that_there_is_no_beta(
    simulator: Simulator,
) -> None:
    async with (
        AsyncOpenAI(
            api_key=simulator.options.key,
            websocket_base_url=f"{simulator.address}/v1",
        ) as client,
        client.realtime.connect(
            model="gpt-realtime", extra_headers={"OpenAI-Beta": "realtime=v1"}
        ) as connection,
    ):
        me = Me(connection)
        assert (await me.next())["error"]["code"] == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosedError) as caught:
            await me.next()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4000
