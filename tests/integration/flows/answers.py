"""Reads an answer out of a stream of events, and checks what must be true of every answer.

The order is that of Microsoft's how-to, "Text in audio out example", and of the reference.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from tests.harness.client import Client, Event

SPOKEN_DELTAS = ("response.audio_transcript.delta", "response.audio.delta")
SPOKEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.created",
    "response.content_part.added",
    "deltas",
    "response.audio.done",
    "response.audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]
WRITTEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.created",
    "response.content_part.added",
    "deltas",
    "response.text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]
CALLED = [
    "response.created",
    "response.output_item.added",
    "conversation.item.created",
    "deltas",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.done",
]
HEARD = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.created",
]
"""What voice activity makes of one turn, before any answer."""

_DELTAS = (*SPOKEN_DELTAS, "response.text.delta", "response.function_call_arguments.delta")


@dataclass(frozen=True)
class Answer:
    """One finished response as a client put it together. `text` is what was said or written."""

    events: list[Event]
    response: dict[str, Any]
    item: dict[str, Any]
    text: str
    audio: bytes

    @property
    def id(self) -> str:
        return str(self.response["id"])

    @property
    def item_id(self) -> str:
        return str(self.item["id"])

    @property
    def audio_ms(self) -> int:
        return len(self.audio) // 48


def order(events: list[Event]) -> list[str]:
    """The types in order; a run of deltas, however long and interleaved, is one word."""
    result: list[str] = []
    for event in events:
        kind = "deltas" if event["type"] in _DELTAS else event["type"]
        if kind != "deltas" or result[-1:] != ["deltas"]:
            result.append(kind)
    return result


async def answer(me: Client, within: float = 10.0) -> Answer:
    """Reads the next answer to its `response.done` and checks it. Nothing but its own events may
    come meanwhile."""
    begin = len(me.seen)
    await me.until("response.done", within=within)
    return read(me.seen[begin:])


def read(events: list[Event]) -> Answer:
    """The answer that these events are, from `response.created` to `response.done`."""
    first, done = events[0], events[-1]
    assert (first["type"], done["type"]) == ("response.created", "response.done"), order(events)
    response_id = first["response"]["id"]
    response = done["response"]
    assert first["response"]["status"] == "in_progress"
    assert first["response"]["output"] == []
    assert first["response"]["usage"] is None
    assert first["response"]["status_details"] is None
    assert response["id"] == response_id
    assert response["object"] == "realtime.response"
    item = _item(events, response_id)
    assert [entry["id"] for entry in response["output"]] == [item["id"]]
    assert response["output"][0] == item
    text, audio = _content(events, item)
    return Answer(events, response, item, text, audio)


def _item(events: list[Event], response_id: str) -> dict[str, Any]:
    """The one output item, as `output_item.done` shows it; every part event names it."""
    (added,) = (e for e in events if e["type"] == "response.output_item.added")
    (done,) = (e for e in events if e["type"] == "response.output_item.done")
    item_id = added["item"]["id"]
    assert added["item"]["status"] == "in_progress"
    for event in events[1:-1]:
        if event["type"] == "conversation.item.created":
            assert event["item"]["id"] == item_id
            assert event["item"]["status"] == "in_progress"
            continue
        assert event["response_id"] == response_id, event["type"]
        assert event["output_index"] == 0
        if "item" in event:
            assert event["item"]["id"] == item_id
        else:
            assert event["item_id"] == item_id, event["type"]
        if "function_call" not in event["type"] and "output_item" not in event["type"]:
            assert event["content_index"] == 0
    item: dict[str, Any] = done["item"]
    assert item["id"] == item_id
    return item


def _content(events: list[Event], item: dict[str, Any]) -> tuple[str, bytes]:
    """Deltas, their `done`, the content part and the item all say the same."""
    if item["type"] == "function_call":
        arguments = _joined(events, "response.function_call_arguments.delta")
        (done,) = (e for e in events if e["type"] == "response.function_call_arguments.done")
        assert done["arguments"] == item["arguments"] == arguments
        assert done["name"] == item["name"]
        assert done["call_id"] == item["call_id"]
        return arguments, b""
    (added,) = (e for e in events if e["type"] == "response.content_part.added")
    (part_done,) = (e for e in events if e["type"] == "response.content_part.done")
    (content,) = item["content"]
    assert added["part"]["type"] == part_done["part"]["type"] == content["type"]
    if content["type"] == "text":
        text = _joined(events, "response.text.delta")
        (done,) = (e for e in events if e["type"] == "response.text.done")
        assert done["text"] == part_done["part"]["text"] == content["text"] == text
        return text, b""
    text = _joined(events, "response.audio_transcript.delta")
    (done,) = (e for e in events if e["type"] == "response.audio_transcript.done")
    assert done["transcript"] == part_done["part"]["transcript"] == content["transcript"] == text
    return text, sound(events)


def sound(events: list[Event]) -> bytes:
    """All audio of these events."""
    deltas = (e["delta"] for e in events if e["type"] == "response.audio.delta")
    return b"".join(base64.b64decode(delta, validate=True) for delta in deltas)


def _joined(events: list[Event], kind: str) -> str:
    return "".join(event["delta"] for event in events if event["type"] == kind)


def created(me: Client) -> list[Event]:
    """The `conversation.item.created` events so far."""
    return [event for event in me.seen if event["type"] == "conversation.item.created"]


def check_chain(me: Client) -> None:
    """Each item that was created at the end names the one before it, the first names none."""
    previous = None
    for event in created(me):
        assert event["previous_item_id"] == previous, event
        previous = event["item"]["id"]
