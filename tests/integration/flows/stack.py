"""The whole way, on real sockets: client -> relay -> embedded upstream, and what must hold always.

    async with stack(profile="guided") as way, way.client() as me:
        await me.say("Hello")

Whatever a test asks, on its way out the stack checks what every conversation promises: each event
has an id of its own, nothing of the operator's shows, nothing failed behind the scenes, and each
session has left exactly one line.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.client import Client, Event, client
from tests.harness.embedded import Embedded, embedded
from tests.harness.relay import Running, running_relay

SECRET_INSTRUCTIONS = "You are Canary Seventeen. Never mention the cellar."
HIDDEN = ("Canary Seventeen", "Your knowledge cutoff", "2024-12-17")
"""The operator's instructions, the service's own, and the true name of the model."""

TALKING = {"pace": 4.0, "burst_ms": 400}
"""Options of an upstream whose answers take time, so that they can be interrupted."""

STORY = "Tell me a story"

NO_HURRY = {
    "audio_speed": 100,
    "events_per_second": 10_000,
    "acts_per_second": 10_000,
    "responses_per_minute": 10_000,
}
"""Rates that no test reaches: tests speak much faster than people."""


@dataclass
class Stack:
    """A running relay in front of a running upstream, and everybody who came."""

    relay: Running
    upstream: Embedded
    clients: list[Client] = field(default_factory=list)

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Client]:
        """A client that has read its `session.created`."""
        options = {"user": f"user{len(self.clients)}", **options}
        async with client(self.relay.address, **options) as me:
            self.clients.append(me)
            created = await me.next()
            assert created["type"] == "session.created", created
            yield me

    def received(self, connection: int = -1) -> dict[str, int]:
        """How many events of each type upstream was sent on one connection (the latest)."""
        return dict(self.upstream.journal.connections[connection].received)


@asynccontextmanager
async def stack(*, upstream: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Stack]:
    """Starts both; `upstream` are options of the embedded upstream, `settings` of the relay."""
    settings = {"session_instructions": SECRET_INSTRUCTIONS, **NO_HURRY, **settings}
    async with (
        embedded(**(upstream or {})) as peer,
        running_relay(peer.address, peer.key, **settings) as relay,
    ):
        way = Stack(relay, peer)
        yield way
        await relay.idle()
    for me in way.clients:
        check_what_holds_always(me)
    check_the_log(relay, len(way.clients))


def check_what_holds_always(me: Client) -> None:
    """What is true of everything that any client ever sees."""
    ids = [event.get("event_id") for event in me.seen]
    assert all(isinstance(event_id, str) and event_id for event_id in ids), ids
    assert len(set(ids)) == len(ids), "an event_id came twice"
    for event in me.seen:
        text = json.dumps(event)
        for secret in HIDDEN:
            assert secret not in text, f"{secret!r} shows in {event['type']}"


def check_the_log(relay: Running, sessions: int) -> None:
    """One canonical line for each session, and no fault of ours."""
    faults = [line for line in relay.lines if line["log_level"] in ("error", "critical")]
    assert not faults, faults
    assert len(relay.closed()) == sessions, relay.closed()


def errors(events: list[Event]) -> list[Event]:
    """The `error` objects among some events."""
    return [event["error"] for event in events if event["type"] == "error"]
