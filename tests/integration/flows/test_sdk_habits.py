"""What agents SDKs send of themselves, for many turns: never an `error`, never a close.

An unexpected `error` event ends some of these libraries for good; refused `retrieve`s have closed
their sessions within six turns (design: clients, R8).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import BYTES_PER_MS, hello, speak, stop_it, turn
from tests.integration.flows.answers import HEARD, created
from tests.integration.flows.stack import TALKING, stack

TURNS = 12
INTERRUPTION = turn(stop_it())
HALF = len(INTERRUPTION) // 2 // BYTES_PER_MS * BYTES_PER_MS

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


async def interrupted_turn(me: Client, number: int) -> None:
    """A person speaks, hears the beginning of the answer, and speaks again.

    At `speech_started` the SDK truncates and retrieves what was being said.
    """
    await speak(me, turn(hello()))
    await me.until("response.audio.delta")
    (*_, talking) = (e["item"]["id"] for e in created(me) if e["item"]["role"] == "assistant")
    await me.send(settings_again(number, talking))
    await speak(me, INTERRUPTION[:HALF])
    await me.until(HEARD[0])
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
    await speak(me, INTERRUPTION[HALF:])
    for kind in (*HEARD[1:], "response.created", "response.done"):
        await me.until(kind)


def settings_again(number: int, item_id: str) -> Event:
    """An SDK that plays with its settings in the middle of a turn."""
    session = {"model": "gpt-realtime", "tracing": None, "voice": "alloy", "speed": None}
    event_id = f"turn-{number}_{item_id[-4:]}"
    return {"type": "session.update", "event_id": event_id, "session": session}


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
    await me.until("response.done")
    await me.send({"type": "response.create", "event_id": None, "response": None})
    await me.until("response.done")


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_twelve_interrupted_turns_without_one_error(profile: str) -> None:
    settings = {"profile": profile, "session_transcription_model": "whisper-1"}
    async with stack(upstream={**TALKING, "pace": 8.0}, **settings) as way:
        async with way.client() as me:
            await configure(me)
            await history(me)
            for number in range(TURNS):
                await interrupted_turn(me, number)
            await me.say("Goodbye")
            await me.until("response.done")
    kinds = me.types()
    assert "error" not in kinds
    assert kinds.count("conversation.item.truncated") == TURNS
    assert kinds.count("conversation.item.retrieved") == TURNS
    assert kinds.count("session.updated") == TURNS + 3
    cancelled = [
        e["response"]["status_details"]["reason"]
        for e in me.seen
        if e["type"] == "response.done" and e["response"]["status"] == "cancelled"
    ]
    assert cancelled == ["turn_detected"] * TURNS
    (line,) = way.relay.closed()
    assert line["reason"] == "client_closed"
    assert line["errors_sent"] == 0
