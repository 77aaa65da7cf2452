"""Carries a flow through a real relay, between a client and a service of given dialects."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.protocol.names import Dialect
from tests.harness.client import client
from tests.harness.relay import running_relay
from tests.harness.upstream import Upstream, scripted_upstream
from tests.integration.dialects.flows import Step
from tests.integration.dialects.speech import Event, Service, session

PATHS = {Dialect.PREVIEW: "/openai/realtime", Dialect.GA: "/openai/v1/realtime"}
SYNC = {"type": "input_audio_buffer.clear", "event_id": "sync"}
"""Sent behind each step: its answer tells both ends that the step is over."""


@dataclass
class Conversation:
    """What came of it: all that the client saw, and all that upstream was told by the client."""

    seen: list[Event] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    configured: Event = field(default_factory=dict)


def steady(events: list[Event]) -> list[Event]:
    """The events without what differs from one run to the next."""
    return [_steady(event) for event in events]


def _steady(event: Event) -> Event:
    steady = copy.deepcopy(event)
    if str(steady.get("event_id")).startswith("rly_"):
        steady["event_id"] = "rly"
    if "event_id" in steady and "session" in steady and "id" in steady["session"]:
        steady["session"] |= {"id": "sess", "expires_at": 0}
    return steady


def merged(target: Event, change: Event) -> Event:
    """A session after an update: objects that hold only fields are merged, others replaced."""
    for key, value in change.items():
        nested = key in ("audio", "input", "output") and isinstance(value, dict)
        target[key] = merged(dict(target.get(key) or {}), value) if nested else value
    return target


class _Script:
    """The service's part of one conversation."""

    def __init__(self, steps: list[Step], dialect: Dialect, record: Conversation) -> None:
        self._steps = list(steps)
        self._service = Service(dialect)
        self._session = session(dialect)
        self._record = record

    async def __call__(self, upstream: Upstream) -> None:
        told = self._service.event
        await upstream.emit(told("session.created", session=self._session))
        self._record.configured = await upstream.next()
        self._session = merged(self._session, self._record.configured["session"])
        await upstream.emit(told("session.updated", session=self._session))
        while True:
            event = await upstream.next(within=30)
            if event["type"] == SYNC["type"]:
                await upstream.emit(told("input_audio_buffer.cleared"))
                continue
            self._record.told.append(event)
            for answer in self._answers(event):
                await upstream.emit(answer)

    def _answers(self, event: Event) -> list[Event]:
        step = self._steps.pop(0)
        if step.session:
            self._session = merged(self._session, event["session"])
            return [self._service.event("session.updated", session=self._session)]
        answers = step.hears(self._service)
        for answer in answers:
            if answer["type"] == "error":
                answer["error"]["event_id"] = event.get("event_id")
        return answers


@asynccontextmanager
async def between(
    steps: list[Step], speaks: Dialect, upstream: Dialect, **settings: Any
) -> AsyncIterator[Conversation]:
    """The whole flow, carried out; the relay is gone when this is left."""
    record = Conversation()
    async with (
        scripted_upstream(_Script(steps, upstream, record)) as scripted,
        running_relay(scripted.address, upstream_dialect=upstream.value, **settings) as relay,
    ):
        async with client(relay.address, path=PATHS[speaks]) as me:
            await me.until("session.created")
            for step in steps:
                await me.send(step.says(speaks))
                await me.send(SYNC)
                await me.until("input_audio_buffer.cleared")
            record.seen = [e for e in me.seen if e["type"] != "input_audio_buffer.cleared"]
        await relay.idle()
        faults = [line for line in relay.lines if line["log_level"] in ("error", "critical")]
        assert not faults, faults
        yield record


def words(events: list[Event]) -> str:
    """Everything in some events, as text."""
    return json.dumps(events)
