"""What agents SDKs send of themselves, for many turns: never an `error`, never a close.

An unexpected `error` event ends some of these libraries for good; refused `retrieve`s have closed
their sessions within six turns.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import BYTES_PER_MS, hello, speak, turn
from tests.integration.flows.answers import HEARD
from tests.integration.flows.stack import stack

TURNS = 12
SPOKEN = turn(hello())
HALF = len(SPOKEN) // 2 // BYTES_PER_MS * BYTES_PER_MS
REAL_TIME = {"pace": 1.0, "burst_ms": 400}

AGENTS_SESSION: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime",
    "voice": "alloy",
    "instructions": "You are a helpful agent.",
    "modalities": ["text", "audio"],
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "gpt-4o-mini-transcribe", "prompt": None},
    "input_audio_noise_reduction": None,
    "turn_detection": {
        "type": "server_vad",
        "create_response": True,
        "interrupt_response": True,
        "model_version": "default",
    },
    "tools": [],
    "tool_choice": "auto",
    "tracing": "auto",
    "speed": 1.0,
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "prompt": None,
    "truncation": None,
    "include": None,
    "providerData": {"retention": "none"},
    "output_modalities": ["audio"],
    "audio": {"output": {"voice": "marin"}},
}


async def configure(me: Client) -> None:
    """What an SDK says before anyone speaks: everything at once, then tracing alone, then nulls."""
    tracing = {"workflow_name": "support", "group_id": None, "metadata": {"a": "b"}}
    for session in (AGENTS_SESSION, {"tracing": tracing}, {"instructions": None, "tools": None}):
        await me.send({"type": "session.update", "event_id": None, "session": session})
        assert (await me.until("session.updated", "error"))["type"] == "session.updated"


async def turn_that_interrupts(me: Client, number: int, talking: str | None) -> str:
    """A person speaks while the last answer is still being said; the item of the next answer.

    At `speech_started` the SDK truncates and retrieves what was being said.
    """
    await speak(me, SPOKEN[:HALF])
    await me.until(HEARD[0])
    if talking is not None:
        await me.send(
            {
                "type": "conversation.item.truncate",
                "event_id": None,
                "item_id": talking,
                "content_index": 0,
                "audio_end_ms": 100,
            }
        )
        await me.send({"type": "conversation.item.retrieve", "item_id": talking})
        await me.until("conversation.item.retrieved")
    await me.send(settings_again(number))
    await speak(me, SPOKEN[HALF:])
    for kind in (*HEARD[1:], "response.created"):
        await me.until(kind)
    return str((await me.until("response.audio.delta"))["item_id"])


def settings_again(number: int) -> Event:
    """An SDK that plays with its settings in the middle of a turn."""
    session = {"model": "gpt-realtime", "tracing": None, "voice": "alloy", "speed": None}
    return {"type": "session.update", "event_id": f"turn-{number}", "session": session}


async def history(me: Client) -> None:
    """LiveKit places what was said before the first item, and asks for a reply with metadata."""
    for previous in ("root", None):
        item = {
            "id": f"item-_Qaa{previous}",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "We spoke before."}],
        }
        event = {"type": "conversation.item.create", "previous_item_id": previous, "item": item}
        await me.send({**event, "event_id": f"chat_ctx_create_{previous}"})
        await me.until("conversation.item.created")
    response = {"instructions": None, "metadata": {"client_event_id": "response_create_7"}}
    await me.send({"type": "response.create", "event_id": "r-7", "response": response})
    reply = await me.until("response.created")
    assert reply["response"]["metadata"] == {"client_event_id": "response_create_7"}
    await hush(me)
    await me.send({"type": "response.create", "event_id": None, "response": None})
    await me.until("response.created")
    await hush(me)


async def hush(me: Client) -> None:
    """The SDK's stop button."""
    await me.send({"type": "response.cancel", "event_id": None})
    await me.until("response.done")


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_twelve_interrupted_turns_without_one_error(profile: str) -> None:
    settings = {"profile": profile, "session_transcription_model": "whisper-1"}
    async with stack(upstream=REAL_TIME, **settings) as way, way.client() as me:
        await configure(me)
        await history(me)
        begin = len(me.seen)
        talking = None
        for number in range(TURNS + 1):
            talking = await turn_that_interrupts(me, number, talking)
        turns = me.seen[begin:]
        await hush(me)
        await me.send({"type": "input_audio_buffer.clear"})
        await me.until("input_audio_buffer.cleared")
    kinds = [event["type"] for event in turns]
    assert "error" not in me.types()
    assert kinds.count("conversation.item.truncated") == TURNS
    assert kinds.count("conversation.item.retrieved") == TURNS
    assert kinds.count("session.updated") == TURNS + 1
    endings = [e["response"]["status_details"] for e in turns if e["type"] == "response.done"]
    assert endings == [{"type": "cancelled", "reason": "turn_detected"}] * TURNS
    (line,) = way.relay.closed()
    assert line["reason"] == "client_closed"
    assert line["errors_sent"] == 0
