"""Both dialects against the embedded upstream, and with OpenAI's own package.

The one is as strict as the service and shares no table with the relay; the other builds the events
and reads the answers.
"""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from app.protocol.names import Dialect
from tests.harness.client import Client, Event
from tests.harness.embedded import embedded
from tests.harness.relay import Running, running_relay
from tests.harness.speech import hello, speak, turn
from tests.harness.tools import WEATHER, tool_output, tools_file
from tests.integration.dialects.conversing import PATHS
from tests.integration.dialects.speech import GA, PREVIEW, request, update
from tests.integration.flows.stack import STORY, TALKING, errors, stack


def order(events: list[Event]) -> list[str]:
    """The types in their order; repeated ones once, and a pair that is streamed together as one."""
    streamed = (event["type"].replace("_transcript.delta", ".delta") for event in events)
    return [kind for kind, _ in groupby(streamed)]


async def done(me: Client) -> Event:
    """The response that ends next."""
    response: Event = (await me.until("response.done"))["response"]
    return response


async def talks(me: Client, speaks: Dialect) -> None:
    """Settings, a spoken turn, a typed turn with a tool, a story that is cut short."""
    await me.send(update(speaks, voice="echo", instructions="not mine to say"))
    await me.until("session.updated")
    await speak(me, turn(hello()))
    assert (await done(me))["status"] == "completed"
    await me.say("What is the weather in Oslo?")
    (call,) = (await done(me))["output"]
    await me.send(tool_output(call["call_id"], '{"sky": "clear"}'))
    await me.until("conversation.item.created" if speaks is PREVIEW else "conversation.item.done")
    await me.send(request(speaks, modalities=["text"]))
    (said,) = (await done(me))["output"]
    assert said["content"][0]["text"] == "The tool answered: sky: clear"
    await me.send({"type": "conversation.item.retrieve", "item_id": said["id"]})
    retrieved = await me.until("conversation.item.retrieved")
    assert retrieved["item"]["content"] == said["content"]
    aside = request(speaks, conversation="none", metadata={"of": "aside"}, modalities=["text"])
    await me.send(aside)
    assert (await done(me))["metadata"] == {"of": "aside"}


async def conversed(speaks: Dialect, upstream: Dialect) -> list[Event]:
    settings: dict[str, Any] = {
        "session_tools": tools_file(WEATHER),
        "upstream_dialect": upstream.value,
    }
    async with stack(**settings) as way, way.client(path=PATHS[speaks]) as me:
        await talks(me, speaks)
    assert not errors(me.seen)
    return me.seen


@pytest.mark.parametrize("speaks", list(Dialect))
async def test_a_conversation_goes_the_same_way_whatever_upstream_speaks(speaks: Dialect) -> None:
    seen = {upstream: await conversed(speaks, upstream) for upstream in Dialect}
    assert order(seen[PREVIEW]) == order(seen[GA])
    kinds = {event["type"] for event in seen[GA]}
    assert ("conversation.item.created" in kinds) is (speaks is PREVIEW)
    assert ("response.output_audio.delta" in kinds) is (speaks is GA)


async def interrupted(speaks: Dialect, upstream: Dialect) -> list[Event]:
    async with (
        stack(upstream=TALKING, upstream_dialect=upstream.value) as way,
        way.client(path=PATHS[speaks]) as me,
    ):
        await me.say(STORY)
        await me.until("response.audio.delta", "response.output_audio.delta")
        await me.send({"type": "response.cancel"})
        assert (await done(me))["status"] == "cancelled"
        item = next(e["item"] for e in me.seen if e["type"] == "response.output_item.added")
        cut = {"item_id": item["id"], "content_index": 0, "audio_end_ms": 1}
        await me.send({"type": "conversation.item.truncate", **cut})
        await me.until("conversation.item.truncated")
    assert not errors(me.seen)
    return me.seen


@pytest.mark.parametrize("speaks", list(Dialect))
async def test_an_answer_is_cut_short_whatever_upstream_speaks(speaks: Dialect) -> None:
    orders = [order(await interrupted(speaks, upstream)) for upstream in Dialect]
    assert orders[0] == orders[1]


# -- OpenAI's package --------------------------------------------------------------------------


def connections(relay: Running) -> dict[str, Any]:
    """How programs connect: each of the package's clients that may stand before the relay."""
    host = relay.address
    plain = AsyncOpenAI(api_key="dev-plain", websocket_base_url=f"{host}/v1")
    beta = AsyncOpenAI(api_key="dev-beta", websocket_base_url=f"{host}/openai")
    azure = AsyncAzureOpenAI(
        azure_endpoint=relay.http,
        websocket_base_url=f"{host}/openai",
        azure_ad_token="dev-azure",
        api_version="2025-04-01-preview",
    )
    return {
        "GA": lambda: plain.realtime.connect(model="m"),
        "preview": lambda: beta.beta.realtime.connect(model="m"),
        "GA on the preview's path": lambda: azure.realtime.connect(model="m"),
    }


SAY = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say: ho"}]}


@pytest.mark.parametrize("upstream", list(Dialect))
@pytest.mark.parametrize("who", ["GA", "preview", "GA on the preview's path"])
async def test_the_package_has_a_conversation(who: str, upstream: Dialect) -> None:
    session: Event = {"type": "realtime", "output_modalities": ["text"]}
    if who == "preview":
        session = {"modalities": ["text"]}
    said = ""
    async with (
        embedded() as peer,
        running_relay(peer.address, peer.key, upstream_dialect=upstream.value) as relay,
        asyncio.timeout(20),
        connections(relay)[who]() as connection,
    ):
        await connection.session.update(session=session)
        await connection.conversation.item.create(item=SAY)
        await connection.response.create()
        async for event in connection:
            assert event.type != "error", event
            if event.type in ("response.text.done", "response.output_text.done"):
                said = event.text
            if event.type == "response.done":
                break
    assert said == "ho"
    assert (event.type, event.response.status) == ("response.done", "completed")
