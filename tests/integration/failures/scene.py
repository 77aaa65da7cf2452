"""The real relay before a misbehaving upstream, and what both sides must see of a failure."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from app.session.limits import Limits
from app.wire.wire import UPSTREAM_WIRE
from tests.harness.client import Client, Event, client
from tests.harness.leftovers import nothing_left
from tests.harness.relay import Running, running_relay
from tests.integration.failures.front import Front

KEY = "upstream-key-that-nobody-may-see"
WITHIN = 4.0
LOST = "The connection to the model was lost."
UNAVAILABLE = "The model cannot be reached at the moment."
NOT_SET_UP = "The service is not set up correctly."

_numbers = itertools.count(1)


def someone() -> str:
    """A user who has not come before: limits of one user are not what is tested here."""
    return f"user{next(_numbers)}"


@dataclass(frozen=True)
class Seen:
    """What a client that was let in saw of the end, and the relay's one line about it."""

    events: list[Event]
    code: int
    text: str
    line: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.line["reason"])

    @property
    def error(self) -> Event:
        """The last words."""
        assert self.events[-1]["type"] == "error", self.events[-1]
        error: Event = self.events[-1]["error"]
        return error

    def must_be(self, reason: str, code: int, text: str, by: str) -> None:
        assert (self.reason, self.code, self.text) == (reason, code, text)
        assert (self.line["ended_by"], self.line["client_code_sent"]) == (by, code)
        assert self.line["errors_sent"] == 1
        assert self.error["message"] == text


@asynccontextmanager
async def relay_before(
    front: Front, tls: ssl.SSLContext | None = None, **given: Any
) -> AsyncIterator[Running]:
    """The relay before `front`; afterwards nothing is left, and no secret and no bug is logged."""
    async with front.serving(tls) as address, relay_at(address, **given) as relay:
        yield relay
        await front.left_alone()


@asynccontextmanager
async def relay_at(address: str, **given: Any) -> AsyncIterator[Running]:
    """The same before any address."""
    async with running_relay(address, KEY, **given) as relay:
        async with nothing_left(WITHIN):
            yield relay
            await relay.idle()
    said = str(relay.lines)
    assert KEY not in said
    assert "secret-model" not in said
    bugs = [line for line in relay.lines if line["event"] in {"session.failed", "task.failed"}]
    assert not bugs


async def turned_down(relay: Running) -> Seen:
    """A client's visit that ends before it has a session."""
    async with client(relay.address, user=someone()) as me:
        seen = await end_of(relay, me)
    assert [event["type"] for event in seen.events] == ["error"], "nothing but the last words"
    return seen


async def goes_on(me: Client) -> None:
    """Something of this client's reaches upstream, and the answer comes back (`in_peace`)."""
    await me.send({"type": "input_audio_buffer.clear"})
    await me.until("input_audio_buffer.cleared", within=WITHIN)


async def end_of(relay: Running, me: Client, within: float = WITHIN) -> Seen:
    """Waits for the end of the only session; nothing of upstream's own words may have come."""
    already = len(relay.closed())
    assert already <= 1
    events, code, text = await me.rest(within)
    line = await relay.one_closed(within)
    assert "secret-model" not in json.dumps(events)
    return Seen(events, code, text, line)


def dial_failures(relay: Running) -> list[dict[str, Any]]:
    return [line for line in relay.lines if line["event"] == "dial.failed"]


def one_dial_failed(relay: Running, *parts: str) -> None:
    """One line about it, which says what an operator needs."""
    (line,) = dial_failures(relay)
    assert line["session_id"].startswith("sess_")
    for part in (*parts, "client request id"):
        assert part in line["detail"], line["detail"]


async def until(met: Any, within: float = WITHIN) -> None:
    async with asyncio.timeout(within):
        while not met():
            await asyncio.sleep(0.005)


class Small:
    """Limits that no operator sets, made small for a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def wire(self, **changes: Any) -> None:
        limits = replace(UPSTREAM_WIRE, **changes)
        self._patch.setattr("app.settings.settings.UPSTREAM_WIRE", limits)

    def pause(self, seconds: float) -> None:
        """The longest first pause between two tries of a dial."""
        self._patch.setattr("app.upstream.tries._FIRST_PAUSE", seconds)

    def session(self, **changes: Any) -> None:
        self._patch.setattr("app.settings.settings.Limits", partial(Limits, **changes))
