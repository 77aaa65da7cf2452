"""A real process with many sessions is told to end: what its clients hear, and when they go."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from tests.harness.client import Client, Event, client
from tests.harness.process import Command, environment, run_to_listening
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

MANY = 40
DRAIN = 2
SPREAD = 2.0
"""Seconds: forty sessions would need four, but never more than the drain itself."""


@asynccontextmanager
async def relay_with(seconds: int) -> AsyncIterator[Command]:
    """`serve` in a process of its own, in front of an upstream that says no more than it must."""
    async with scripted_upstream(scenes.ready) as upstream:
        environ = environment(
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY="key",
            RELAY_AUTH="dev",
            RELAY_PORT="0",
            RELAY_ADMIN_PORT="0",
            RELAY_DRAIN_SECONDS=str(seconds),
            RELAY_LOG_FORMAT="json",
        )
        async with run_to_listening("serve", environ) as relay:
            yield relay


async def crowd(relay: Command, entered: AsyncExitStack, many: int) -> list[Client]:
    """So many ready sessions; every second client has private events."""
    address = relay.address.replace("http", "ws", 1)
    clients = [
        await entered.enter_async_context(client(address, user=f"u{n}", private=n % 2 == 0))
        for n in range(many)
    ]
    for number, one in enumerate(clients):
        await one.until("relay.session" if number % 2 == 0 else "session.created")
    return clients


async def ending(one: Client) -> tuple[float, list[Event], int]:
    """When it was closed, what it was told before, and the code."""
    events, code, _ = await one.rest(20)
    return asyncio.get_running_loop().time(), events, code


async def answering(relay: Command, http: httpx.AsyncClient) -> tuple[float, list[int]]:
    """Asks the admin listener until it is gone: when it answered last, how many sessions each
    time."""
    last = 0.0
    lives: list[int] = []
    while True:
        try:
            answer = await http.get(f"{relay.admin}/sessions")
        except httpx.TransportError:
            return last, lives
        lives.append(len(answer.json()["sessions"]))
        last = asyncio.get_running_loop().time()
        await asyncio.sleep(0.05)


async def test_clients_are_told_and_then_closed_one_after_the_other() -> None:
    async with (
        relay_with(DRAIN) as relay,
        httpx.AsyncClient(trust_env=False, timeout=5) as http,
        AsyncExitStack() as entered,
    ):
        clients = await crowd(relay, entered, MANY)
        began = asyncio.get_running_loop().time()
        relay.process.send_signal(signal.SIGTERM)
        asked = asyncio.create_task(answering(relay, http))
        ends = await asyncio.gather(*map(ending, clients))
        assert await relay.ended(10) == 0
        last_answer, lives = await asked

    for number, (_, events, code) in enumerate(ends):
        assert code == 1012
        types = [event["type"] for event in events]
        if number % 2 == 0:
            assert types == ["relay.draining", "error"]
            assert set(events[0]) == {"type", "event_id", "close_in_ms"}
            assert events[0]["close_in_ms"] == DRAIN * 1000
        else:
            assert types == ["error"]
        assert events[-1]["error"]["code"] == "server_error"

    when = sorted(at - began for at, _, _ in ends)
    assert when[0] >= DRAIN - 0.05
    assert when[-1] < DRAIN + SPREAD + 1.5
    assert when[-1] - when[0] > SPREAD * 0.75
    busiest = max(sum(start <= at < start + 0.5 for at in when) for start in when)
    assert busiest <= MANY / 2, f"{busiest} of {MANY} within half a second"  # 10 where all is calm
    assert last_answer - began > when[-1] - 0.5, "the admin listener left before the sessions"
    assert (lives[0], lives[-1]) == (MANY, min(lives))
    assert len(set(lives)) > 3, "it showed them going"
    assert [line["seconds"] for line in relay.lines("drain.ending")] == [SPREAD]


async def test_a_second_signal_closes_all_at_once() -> None:
    async with relay_with(60) as relay, AsyncExitStack() as entered:
        clients = await crowd(relay, entered, 20)
        relay.process.send_signal(signal.SIGTERM)
        await clients[0].until("relay.draining")
        began = asyncio.get_running_loop().time()
        relay.process.send_signal(signal.SIGTERM)
        ends = await asyncio.gather(*map(ending, clients))
        assert {code for _, _, code in ends} == {1012}
        when = [at - began for at, _, _ in ends]
        assert max(when) < 1.5
        assert max(when) - min(when) < 0.7
        assert await relay.ended(12) == 0


async def test_told_by_the_operator_nobody_is_closed_and_later_by_a_signal_all_are() -> None:
    async with (
        relay_with(1) as relay,
        httpx.AsyncClient(trust_env=False, timeout=5) as http,
        AsyncExitStack() as entered,
    ):
        clients = await crowd(relay, entered, 3)
        for _ in range(2):  # the second changes nothing, and tells nobody
            assert (await http.post(f"{relay.admin}/drain", json={})).status_code == 202
        told = await clients[0].until("relay.draining")
        assert told["close_in_ms"] is None
        assert await clients[0].nothing(0.4)
        assert (await http.get(f"{relay.address}/readyz")).status_code == 503
        relay.process.send_signal(signal.SIGTERM)
        told = await clients[0].until("relay.draining")
        assert told["close_in_ms"] == 1000
        ends = await asyncio.gather(*map(ending, clients))
        assert {code for _, _, code in ends} == {1012}
        assert await relay.ended(10) == 0
