"""A response of the relay's own, made while the client listens: over sockets, nothing arrives."""

from __future__ import annotations

import base64
from itertools import chain, zip_longest
from typing import Any

import pytest

from tests.harness.client import Event
from tests.integration.lock.wires import END, Line, ends, response_events, words

SECRET = "the-canary-in-the-cellar"
SOUND = base64.b64encode(SECRET.encode()).decode()
OPEN_WORDS = "in-everybody's-ears"


def call_events() -> list[Event]:
    """The hidden response also calls a tool that runs on the server."""
    place = {"response_id": "resp_h", "item_id": "item_call", "output_index": 1}
    call = {"id": "item_call", "type": "function_call", "name": "get_weather", "call_id": "call_h"}
    arguments = {"call_id": "call_h", "arguments": SECRET}
    added = {"response_id": "resp_h", "output_index": 1, "item": call | {"arguments": SECRET}}
    return [
        {"type": "response.output_item.added", **added},
        {"type": "response.function_call_arguments.delta", **place, "delta": SECRET},
        {"type": "response.function_call_arguments.done", **place, **arguments},
        {"type": "response.output_item.done", **added},
    ]


def hidden_events(line: Line, **form: bool) -> list[Event]:
    """The response of the relay's own, which is asked for hereby."""
    metadata = line.ask_hidden("rly_of_the_cellar")
    return response_events("h", SECRET, audio=SOUND, metadata=metadata, **form)


def interleaved(*streams: list[Event]) -> list[Event]:
    """One event of each in turn."""
    return [event for event in chain(*zip_longest(*streams)) if event is not None]


@pytest.mark.parametrize("beside", [False, True], ids=["in the conversation", "beside it"])
@pytest.mark.parametrize("spoken", [False, True], ids=["written", "spoken"])
@pytest.mark.parametrize("profile", ["guided", "open"])
async def test_nothing_of_a_hidden_response_arrives(
    spoken: bool, beside: bool, profile: str
) -> None:
    hidden: list[Event] = []
    shown = response_events("v", OPEN_WORDS, spoken=True, beside=True)

    def answer(event: Event) -> list[Event]:
        return interleaved(hidden, shown) if event["type"].endswith("commit") else []

    async with ends(profile=profile) as both, both.line(answer) as line:
        hidden += hidden_events(line, spoken=spoken, beside=beside)
        hidden[-1:-1] = call_events()
        await line.me.send({"type": "input_audio_buffer.commit"})
        await line.finish()
        seen = line.me.seen
    assert SECRET not in words(seen)
    assert SOUND not in words(seen)
    assert not {"resp_h", "item_h", "item_call", "call_h"} & set(words(seen).split('"'))
    assert [e["type"] for e in seen[1:-1]] == [e["type"] for e in shown], "and all of the other"


async def test_what_is_hidden_cannot_be_named_either() -> None:
    hidden: list[Event] = []
    committed = {"type": "input_audio_buffer.committed", "item_id": "item_u"}
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    reference = {"type": "item_reference", "id": "item_h"}
    tries: list[dict[str, Any]] = [
        {"type": "conversation.item.retrieve", "item_id": "item_h"},
        {"type": "conversation.item.delete", "item_id": "item_h"},
        {
            "type": "conversation.item.truncate",
            "item_id": "item_h",
            "content_index": 0,
            "audio_end_ms": 0,
        },
        {"type": "conversation.item.create", "previous_item_id": "item_h", "item": user},
        {"type": "response.create", "response": {"conversation": "none", "input": [reference]}},
        {"type": "response.cancel", "response_id": "resp_h"},
        {"type": "conversation.item.create", "item": user | {"id": "item_h"}},
    ]

    def answer(event: Event) -> list[Event]:
        return [*hidden, committed] if event["type"].endswith("commit") else []

    async with ends() as both, both.line(answer) as line:
        hidden += hidden_events(line, spoken=True)
        await line.me.send({"type": "input_audio_buffer.commit"})
        await line.me.until("input_audio_buffer.committed")
        for number, event in enumerate(tries):
            await line.me.send({**event, "event_id": f"try-{number}"})
        up, down = await line.finish()
    assert [event["type"] for event in up] == ["input_audio_buffer.commit"]
    assert [event["error"]["event_id"] for event in down] == [f"try-{n}" for n in range(7)]
    assert not {"policy_violation"} & {event["error"]["code"] for event in down}


async def test_the_order_of_what_is_seen_leaves_no_gap_where_something_is_hidden() -> None:
    hidden: list[Event] = []
    user: dict[str, Any] = {"id": "item_u", "type": "message", "role": "user", "content": []}
    behind = {"type": "conversation.item.created", "previous_item_id": "item_h", "item": user}
    committed = {"type": "input_audio_buffer.committed", "previous_item_id": "item_h"}

    def answer(event: Event) -> list[Event]:
        if event["type"] == END["type"]:
            return []
        return [*hidden, behind, {**committed, "item_id": "item_u"}]

    async with ends() as both, both.line(answer) as line:
        hidden += hidden_events(line, spoken=True)
        await line.me.send({"type": "input_audio_buffer.commit"})
        await line.finish()
        item, audio = line.me.seen[1:-1]
    assert item["previous_item_id"] is None
    assert audio["previous_item_id"] is None


async def test_without_the_mark_the_same_response_is_seen() -> None:
    """The proof above could otherwise pass because nothing arrives at all."""
    hidden = response_events("h", SECRET, spoken=True, audio=SOUND)

    def answer(event: Event) -> list[Event]:
        return hidden if event["type"].endswith("commit") else []

    async with ends() as both, both.line(answer) as line:
        await line.me.send({"type": "input_audio_buffer.commit"})
        await line.finish()
        seen = line.me.seen
    assert [e["type"] for e in seen[1:-1]] == [e["type"] for e in hidden]
    assert SOUND in words(seen)
