"""A relay between a client and an upstream that a test writes, and the gate between them.

The embedded upstream would be too well-behaved: here every byte is the test's own, and both ends
keep what they received.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.protocol.names import ClientKind
from app.session.outstanding import MARK, Origin, Sent, mark
from app.session.state import SessionState
from tests.harness.client import Client, Event, client
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import Scripted, Upstream, scripted_upstream

END = {"type": "input_audio_buffer.clear", "event_id": "the.end"}
"""What a test sends last: its answer always passes, so both ends know that all is there."""

NO_HURRY = {
    "audio_speed": 100,
    "events_per_second": 10_000,
    "acts_per_second": 10_000,
    "responses_per_minute": 10_000,
}

Answer = Callable[[Event], list[Event]]


def silent(_event: Event) -> list[Event]:
    """Answers nothing."""
    return []


@dataclass
class Line:
    """One connection, from end to end. `up` is what upstream was sent since the set-up."""

    me: Client
    upstream: Upstream
    relay: Running
    up: list[Event] = field(default_factory=list)

    @property
    def state(self) -> SessionState:
        """What the gate of the newest session knows."""
        *_, newest = self.relay.product.registry._live
        assert newest.gate is not None
        return newest.gate.state

    async def finish(self) -> tuple[list[Event], list[Event]]:
        """Sends the last event; what upstream and what the client received until its answer.
        Upstream's are shown without what the relay lent them."""
        seen = len(self.me.seen)
        await self.me.send(END)
        await self.me.until("input_audio_buffer.cleared")
        assert self.up[-1]["type"] == END["type"]
        lent = [event["event_id"] for event in self.up if "event_id" in event]
        assert len(set(lent)) == len(lent)
        assert all(event_id.startswith("rly_") for event_id in lent)
        return [without_lent(event) for event in self.up[:-1]], self.me.seen[seen:-1]

    def ask_hidden(self, event_id: str) -> Event:
        """A response of the relay's own is on its way, as whoever asks for one must note it; the
        metadata that upstream will echo."""
        sent = Sent(ClientKind.RESPONSE_CREATE, event_id, origin=Origin.RELAY)
        self.state.outstanding.add(sent)
        event: Event = {"type": "response.create"}
        mark(event, event_id)
        metadata: Event = event["response"]["metadata"]
        return metadata


class Ends:
    """A relay with a scripted upstream; `line` connects one client through it."""

    def __init__(self) -> None:
        self.relay: Running | None = None
        self.scripted: Scripted | None = None
        self._answers: list[tuple[Answer, asyncio.Future[Line]]] = []
        self._lines = 0

    async def _script(self, upstream: Upstream) -> None:
        answer, line = self._answers.pop(0)
        await upstream.greet()
        connected = await line
        connected.upstream = upstream
        count = 0
        while True:
            event = await upstream.next(within=60)
            connected.up.append(event)
            replies = answer(event)
            if event["type"] == END["type"]:
                replies = [*replies, {"type": "input_audio_buffer.cleared"}]
            for reply in replies:
                count += 1
                await upstream.emit({"event_id": f"up_{count}", **reply})

    @asynccontextmanager
    async def line(self, answer: Answer = silent, **options: Any) -> AsyncIterator[Line]:
        """One client that has read its `session.created`."""
        assert self.relay is not None
        assert self.scripted is not None
        future: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        self._answers.append((answer, future))
        self._lines += 1
        options.setdefault("user", f"tester-{self._lines}")  # allowances are kept for users
        async with client(self.relay.address, **options) as me:
            await me.until("session.created")
            line = Line(me, self.scripted.connections[-1], self.relay)
            future.set_result(line)
            yield line


@asynccontextmanager
async def ends(**settings: Any) -> AsyncIterator[Ends]:
    """Starts both; lines must be opened one after the other."""
    made = Ends()
    async with scripted_upstream(made._script) as scripted:
        made.scripted = scripted
        async with running_relay(scripted.address, **{**NO_HURRY, **settings}) as relay:
            made.relay = relay
            yield made
            await relay.idle()
    faults = [line for line in relay.lines if line["log_level"] in ("error", "critical")]
    assert not faults, faults


def without_lent(event: Event) -> Event:
    """What the client asked for, without the id and the mark that the relay gave to the event."""
    asked = {key: value for key, value in event.items() if key != "event_id"}
    metadata = asked.get("response", {}).get("metadata", {})
    if MARK in metadata:
        assert metadata[MARK] == event["event_id"]
        kept = {key: value for key, value in metadata.items() if key != MARK}
        others = {key: value for key, value in asked["response"].items() if key != "metadata"}
        response = others | ({"metadata": kept} if kept else {})
        asked = {"type": event["type"]} | ({"response": response} if response else {})
    return asked


def response_events(
    name: str,
    text: str,
    *,
    spoken: bool,
    beside: bool = False,
    audio: str = "UklGRg==",
    metadata: Event | None = None,
) -> list[Event]:
    """A whole response as the preview service sends it; `text` stands wherever words can.
    `metadata` is what its request bore."""
    response, item_id = f"resp_{name}", f"item_{name}"
    place = {"response_id": response, "item_id": item_id, "output_index": 0, "content_index": 0}
    kind = "audio" if spoken else "text"
    part: dict[str, Any] = {"type": kind, ("transcript" if spoken else "text"): text}
    item: dict[str, Any] = {"id": item_id, "object": "realtime.item", "type": "message"}
    item |= {"role": "assistant", "status": "in_progress", "content": []}
    done = item | {"status": "completed", "content": [part]}
    head: dict[str, Any] = {"id": response, "object": "realtime.response", "output": []}
    head |= {"conversation_id": None if beside else "conv_1"}
    head |= {"metadata": {"note": text, **(metadata or {})}}
    opening = [
        {"type": "response.created", "response": head | {"status": "in_progress"}},
        {"type": "response.output_item.added", **_of(place), "item": item},
    ]
    created = {"type": "conversation.item.created", "previous_item_id": None, "item": item}
    said = "response.audio_transcript" if spoken else "response.text"
    pieces: list[Event] = [
        {"type": "response.content_part.added", **place, "part": part},
        {"type": f"{said}.delta", **place, "delta": text},
    ]
    if spoken:
        pieces.append({"type": "response.audio.delta", **place, "delta": audio})
        pieces.append({"type": "response.audio.done", **place})
    pieces += [
        {"type": f"{said}.done", **place, ("transcript" if spoken else "text"): text},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", **_of(place), "item": done},
        {
            "type": "response.done",
            "response": head | {"status": "completed", "output": [done], "usage": None},
        },
    ]
    return [*opening, *([] if beside else [created]), *pieces]


def _of(place: dict[str, Any]) -> dict[str, Any]:
    return {key: place[key] for key in ("response_id", "output_index")}


def words(events: list[Event]) -> str:
    """Everything in some events, as text."""
    return json.dumps(events, ensure_ascii=False)
