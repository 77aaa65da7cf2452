"""What client libraries send by themselves, in preview spelling, for twelve interrupted turns.

An `error` that a library did not cause ends some of them for good. Spoken turns of agents SDKs are
in `flows/test_sdk_habits`; here are the typed turns of the other families, each with its own ways
of interrupting, its own ids and the settings that it cannot be kept from sending. The embedded
upstream refuses unknown fields, as the service does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.tools import WEATHER, tools_file
from tests.integration.flows.stack import STORY, stack

TURNS = 12
TALKING = {"pace": 6.0, "burst_ms": 300}
UUID = "123e4567-e89b-12d3-a456-{:012d}"


def message(text: str, **fields: Any) -> Event:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **fields}


class Talk:
    """One client with what a library would know: the item that is being said, and the last one."""

    def __init__(self, me: Client) -> None:
        self.me = me
        self.speaking = ""
        self.last: str | None = None

    async def send(self, kind: str, **fields: Any) -> None:
        await self.me.send({"type": kind, **fields})

    async def configured(self, session: dict[str, Any], **fields: Any) -> None:
        await self.send("session.update", session=session, **fields)
        assert (await self.me.until("session.updated", "error"))["type"] == "session.updated"

    async def created(self) -> None:
        event = await self.me.until("conversation.item.created", "error")
        self.last = event["item"]["id"]

    async def heard(self) -> None:
        """The answer begins to be heard."""
        delta = await self.me.until("response.audio.delta", "error")
        self.speaking = self.last = delta["item_id"]

    async def silent(self) -> None:
        done = await self.me.until("response.done", "error")
        assert done["response"]["status"] == "cancelled"

    async def truncated(self, **fields: Any) -> None:
        await self.send(
            "conversation.item.truncate",
            item_id=self.speaking,
            content_index=0,
            audio_end_ms=120,
            **fields,
        )
        await self.me.until("conversation.item.truncated", "error")

    async def retrieved(self, item_id: str) -> None:
        await self.send("conversation.item.retrieve", item_id=item_id)
        await self.me.until("conversation.item.retrieved", "error")


async def livekit(talk: Talk, turn: int) -> None:
    """Places every item itself, `root` for the first; wants its metadata back; names model and
    voice on every occasion."""
    session = {"model": "gpt-realtime", "voice": "marin", "speed": 1.0, "tracing": None}
    await talk.configured(session, event_id=f"session_update_{turn:x}")
    item = message(STORY, id=f"item-_Qaa{turn:020x}", status=None)
    place = {"previous_item_id": talk.last or "root", "event_id": f"chat_ctx_create_{turn}"}
    await talk.send("conversation.item.create", item=item, **place)
    await talk.created()
    metadata = {"client_event_id": f"response_create_{turn}"}
    response = {"instructions": None, "metadata": metadata}
    await talk.send("response.create", event_id=metadata["client_event_id"], response=response)
    created = await talk.me.until("response.created", "error")
    assert created["response"]["metadata"] == metadata
    await talk.heard()
    await talk.send("response.cancel", event_id=f"response_cancel_{turn}")
    await talk.silent()
    await talk.truncated(event_id=f"item_truncate_{turn}")


async def agents(talk: Talk, turn: int) -> None:
    """Cancels, truncates, and retrieves both items of every turn; spreads what it does not know."""
    item = message(STORY, providerData={"a": 1}, object="realtime.item")
    await talk.send("conversation.item.create", item=item, previous_item_id=None, otherEvent={})
    await talk.created()
    mine = talk.last
    await talk.send("response.create", event_id=f"agents_js_response_create_{turn}")
    await talk.heard()
    await talk.send("response.cancel")
    await talk.silent()
    await talk.truncated()
    for item_id in (mine, talk.speaking):
        assert item_id is not None
        await talk.retrieved(item_id)
    tracing = {"workflow_name": "w", "group_id": None, "metadata": {"turn": str(turn)}}
    await talk.configured({"tracing": tracing, "tools": [WEATHER], "instructions": None})


async def pipecat(talk: Talk, turn: int) -> None:
    """Configures once, names every event with a UUID, truncates what was interrupted."""
    if turn == 0:
        transcription = {"model": "gpt-4o-transcribe", "language": None, "prompt": None}
        session: Event = {"instructions": "Be brief.", "input_audio_transcription": transcription}
        session |= {"turn_detection": {"type": "server_vad"}, "tools": [], "modalities": None}
        session |= {"input_audio_noise_reduction": None, "max_response_output_tokens": "inf"}
        await talk.configured(session, event_id=UUID.format(999))
    item = message(STORY, id=f"{turn:032x}")
    await talk.send("conversation.item.create", event_id=UUID.format(3 * turn), item=item)
    await talk.created()
    both = {"modalities": ["text", "audio"]}
    await talk.send("response.create", event_id=UUID.format(3 * turn + 1), response=both)
    await talk.heard()
    await talk.send("input_audio_buffer.clear", event_id=UUID.format(3 * turn + 2))
    await talk.me.until("input_audio_buffer.cleared")
    await talk.send("response.cancel", event_id=None, response_id=None)
    await talk.silent()
    await talk.truncated(event_id=None)


async def rtclient(talk: Talk, turn: int) -> None:
    """Switches turn detection off in its own way and sends fields of the first version."""
    if turn == 0:
        await talk.configured({"turn_detection": {"type": "none"}, "voice": "shimmer"})
    await talk.send("conversation.item.create", item=message(STORY), previous_item_id=None)
    await talk.created()
    first_version = {"commit": True, "cancel_previous": True, "max_output_tokens": 300}
    await talk.send("response.create", response=first_version)
    await talk.heard()
    await talk.send("response.cancel")
    await talk.silent()
    await talk.truncated()


async def semantic_kernel(talk: Talk, turn: int) -> None:
    """Says null for whatever it has no value for."""
    nothing: dict[str, Any] = {"event_id": None}
    session = dict.fromkeys(("voice", "tools", "tool_choice", "temperature", "instructions"))
    await talk.configured({**session, "modalities": ["audio", "text"]}, **nothing)
    item = message(STORY, id=None, status=None, object=None)
    await talk.send("conversation.item.create", item=item, previous_item_id=None, **nothing)
    await talk.created()
    await talk.send("response.create", response=None, **nothing)
    await talk.heard()
    await talk.send("response.cancel", response_id=None, **nothing)
    await talk.silent()
    await talk.truncated(**nothing)


Habit = Callable[[Talk, int], Awaitable[None]]
HABITS: dict[str, Habit] = {
    "livekit": livekit,
    "agents": agents,
    "pipecat": pipecat,
    "rtclient": rtclient,
    "semantic-kernel": semantic_kernel,
}


@pytest.mark.parametrize("profile", ["locked", "guided"])
@pytest.mark.parametrize("habit", HABITS)
async def test_twelve_interrupted_turns_without_an_error_or_a_close(
    habit: str, profile: str
) -> None:
    settings = {"profile": profile, "session_tools": tools_file(WEATHER)}
    async with stack(upstream=TALKING, **settings) as way, way.client() as me:
        talk = Talk(me)
        for turn in range(TURNS):
            await HABITS[habit](talk, turn)
    types = me.types()
    assert "error" not in types
    assert types.count("response.done") == TURNS
    assert types.count("conversation.item.truncated") == TURNS
    (line,) = way.relay.closed()
    assert line["reason"] == "client_closed"
    assert line["errors_sent"] == 0
