"""The very bytes that upstream receives for what a client sent: rebuilt, and nothing else in them.

Upstream is scripted here and keeps every frame; an embedded one would only count them.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.harness.client import Client, Event, client
from tests.harness.relay import Running, running_relay
from tests.harness.tools import ALARM, WEATHER, tools_file
from tests.harness.upstream import Scripted, Upstream, scripted_upstream
from tests.integration.flows.test_how_to_samples import CUSTOM_CONTEXT, OUT_OF_BAND, pasted
from tests.integration.lock.wires import without_lent

INSTRUCTIONS = "You are Canary Seventeen."


async def note_everything(upstream: Upstream) -> None:
    """Greets, then shows one item and one spoken answer, then only listens."""
    await upstream.greet()
    item = {"id": "item_u", "object": "realtime.item", "type": "message", "role": "user"}
    spoken = {**item, "id": "item_a", "role": "assistant", "status": "in_progress", "content": []}
    user = {**item, "status": "completed", "content": [{"type": "input_text", "text": "Hi"}]}
    response = {"id": "resp_1", "object": "realtime.response", "status": "in_progress"}
    part = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0, "content_index": 0}
    for event in (
        {"type": "conversation.item.created", "previous_item_id": None, "item": user},
        {"type": "response.created", "response": {**response, "output": []}},
        {"type": "response.output_item.added", "response_id": "resp_1", "item": spoken},
        {"type": "conversation.item.created", "previous_item_id": "item_u", "item": spoken},
        {"type": "response.content_part.added", **part, "part": {"type": "audio"}},
        {"type": "response.done", "response": {**response, "status": "completed", "output": []}},
    ):
        await upstream.emit({**event, "event_id": f"e_{event['type']}"})
    await upstream.drain()


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[tuple[Client, Scripted, Running]]:
    """A client whose session is ready and has seen the item and the answer."""
    settings = {"session_instructions": INSTRUCTIONS, **settings}
    async with (
        scripted_upstream(note_everything) as upstream,
        running_relay(upstream.address, **settings) as relay,
    ):
        async with client(relay.address) as me:
            await me.until("response.done")
            yield me, upstream, relay
        await relay.idle()
        async with asyncio.timeout(5):
            while upstream.one.close_code is None:
                await asyncio.sleep(0.005)


async def forwarded(*events: Event | str, **settings: Any) -> list[Any]:
    """What upstream received for these events of a client, decoded, without the ids and marks that
    the relay lends them."""
    async with listening(**settings) as (me, upstream, _):
        for event in events:
            await me.send(event)
        await me.send({"type": "input_audio_buffer.clear"})
    received = [without_lent(json.loads(frame)) for frame in upstream.one.received[1:]]
    assert received.pop() == {"type": "input_audio_buffer.clear"}
    return received


async def test_our_own_configuration_comes_first_and_is_marked_as_ours() -> None:
    async with listening(session_voice="coral", session_tools=tools_file(WEATHER)) as (_, peer, _r):
        pass
    first = json.loads(peer.one.received[0])
    assert first["type"] == "session.update"
    assert first["event_id"].startswith("rly_")
    assert first["session"] == {
        "instructions": INSTRUCTIONS,
        "voice": "coral",
        "tools": [WEATHER],
        "tool_choice": "auto",
    }
    assert peer.one.close_code == 1000


WISHES = {
    "instructions": "You are a pirate.",
    "voice": "verse",
    "model": "gpt-realtime",
    "tracing": "auto",
    "temperature": 3,
    "brand_new": {"a": 1},
    "tools": [{**WEATHER, "description": "Mine."}],
    "turn_detection": {"type": "server_vad", "threshold": 0.9, "create_responese": False},
    "max_response_output_tokens": 9_999,
}


@pytest.mark.parametrize(
    ("profile", "session"),
    [
        ("locked", None),
        (
            "guided",
            {
                "voice": "verse",
                "temperature": 1.2,
                "tools": [WEATHER],
                "turn_detection": {"type": "server_vad", "threshold": 0.9},
            },
        ),
        (
            "open",
            {
                "instructions": "You are a pirate.",
                "voice": "verse",
                "temperature": 1.2,
                "tools": [WEATHER, ALARM],
                "turn_detection": {"type": "server_vad", "threshold": 0.9},
                "max_response_output_tokens": 4096,
            },
        ),
    ],
)
async def test_a_session_update_goes_on_with_what_the_profile_allows(
    profile: str, session: dict[str, Any] | None
) -> None:
    sent = {"type": "session.update", "event_id": "u1", "session": WISHES}
    received = await forwarded(sent, profile=profile, session_tools=tools_file(WEATHER, ALARM))
    wanted = {"type": "session.update", "session": session}
    assert received == ([] if session is None else [wanted])


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_a_response_create_goes_on_with_what_the_profile_allows(profile: str) -> None:
    response = {
        "commit": True,
        "cancel_previous": True,
        "instructions": "Be a pirate.",
        "modalities": ["text", "audio"],
        "voice": "verse",
        "metadata": {"client_event_id": "e1"},
        "prompt": {"id": "pmpt_1"},
        "reasoning": {"effort": "high"},
    }
    sent = {"type": "response.create", "event_id": None, "response": response}
    guided = {
        "modalities": ["text", "audio"],
        "voice": "verse",
        "metadata": {"client_event_id": "e1"},
    }
    wanted = {
        "locked": {"metadata": {"client_event_id": "e1"}},
        "guided": guided,
        "open": {**guided, "instructions": "Be a pirate."},
    }[profile]
    (received,) = await forwarded(sent, profile=profile)
    assert received == {"type": "response.create", "response": wanted}


async def test_the_how_tos_out_of_band_samples_reach_upstream_without_their_prompt() -> None:
    named = pasted(CUSTOM_CONTEXT.replace("existing_conversation_item_id", "item_u"))
    beside, context = await forwarded(OUT_OF_BAND, named)
    assert beside["response"] == {
        "conversation": "none",
        "metadata": {"topic": "world_capitals"},
        "modalities": ["text"],
    }
    assert context["response"] == {
        "conversation": "none",
        "modalities": ["text"],
        "input": [
            {"type": "item_reference", "id": "item_u"},
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "The capital of France is Paris."}],
            },
        ],
    }


async def test_where_instructions_are_open_a_plain_prompt_is_what_they_are() -> None:
    (beside,) = await forwarded(OUT_OF_BAND, profile="open")
    assert beside["response"] == {
        "conversation": "none",
        "instructions": "What is the capital of France?",
        "metadata": {"topic": "world_capitals"},
        "modalities": ["text"],
    }


TEXT = [{"type": "input_text", "text": "Hello"}]
ITEM = {"type": "message", "role": "user", "content": TEXT}


REBUILT: list[tuple[Event, Event]] = [
    ({"type": "input_audio_buffer.append", "audio": "AAAA" * 2, "x": 1}, {"audio": "AAAA" * 2}),
    ({"type": "input_audio_buffer.commit", "final": True}, {}),
    ({"type": "response.create"}, {}),
    ({"type": "response.create", "response": None}, {}),
    ({"type": "response.create", "response": {}}, {}),
    ({"type": "response.cancel", "response_id": None}, {}),
    ({"type": "response.cancel", "response_id": "resp_1"}, {"response_id": "resp_1"}),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "item_a",
            "content_index": 0,
            "audio_end_ms": 40,
            "why": "x",
        },
        {"item_id": "item_a", "content_index": 0, "audio_end_ms": 40},
    ),
    ({"type": "conversation.item.retrieve", "item_id": "item_u"}, {"item_id": "item_u"}),
    (
        {
            "type": "conversation.item.create",
            "previous_item_id": None,
            "item": {
                **ITEM,
                "id": "mine",
                "status": "completed",
                "object": "realtime.item",
                "content": [{**TEXT[0], "transcript": "Forged", "id": "x"}],
            },
        },
        {"item": {"id": "mine", **ITEM}},
    ),
    (
        {"type": "conversation.item.create", "previous_item_id": "root", "item": ITEM},
        {"previous_item_id": "root", "item": ITEM},
    ),
    (
        {"type": "conversation.item.create", "previous_item_id": "item_u", "item": ITEM},
        {"previous_item_id": "item_u", "item": ITEM},
    ),
    ({"type": "conversation.item.delete", "item_id": "item_u"}, {"item_id": "item_u"}),
]


async def test_each_event_is_rebuilt_from_its_known_fields() -> None:
    received = await forwarded(*(sent for sent, _ in REBUILT))
    assert received == [{"type": sent["type"], **kept} for sent, kept in REBUILT]


async def test_the_form_of_a_frame_is_the_relays_own() -> None:
    """White space, order of keys and repeated names are the client's affair."""
    frame = (
        '{ "item":{"content":[ {"text" : "one","text":"Hell\\u006f","type":"input_text"}],'
        '"role":"user","type":"message" },\n "event_id":"e-1",\t"type":"conversation.item.create"}'
    )
    async with listening() as (me, upstream, _):
        await me.send(frame)
    wanted = (
        '{"type":"conversation.item.create","event_id":"rly_LENT","item":'
        '{"type":"message","role":"user","content":[{"type":"input_text","text":"Hello"}]}}'
    )
    lent = r'"rly_[0-9a-f]+_[0-9]+"'
    (received,) = upstream.one.received[1:]
    assert re.sub(lent, '"rly_LENT"', received) == wanted


REFUSED: list[Event | str] = [
    {"type": "brand.new"},
    {"type": "session.close"},
    {"type": "conversation.item.delete", "item_id": "item_of_another"},
    {"type": "conversation.item.create", "item": {"type": "function_call"}},
    {"type": "response.create", "response": {"tools": [{"type": "mcp"}]}},
    {"type": "input_audio_buffer.append", "audio": "****"},
    "not JSON",
]


async def test_what_is_refused_leaves_no_trace_upstream() -> None:
    assert await forwarded(*REFUSED) == []
