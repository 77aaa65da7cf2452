"""Thousands of short sessions: memory, tasks and descriptors stay where they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.leftovers import nothing_left
from tests.harness.process import Command, environment, run_to_listening
from tests.harness.relay import running_relay
from tests.soak.process_cost import descriptors, memory

AT_ONCE = 20
USERS = 100
GROWTH = 6 * 1024 * 1024
"""Bytes that a process may have grown by after thousands of sessions: what its allocator keeps.
5,000 sessions that leaked 2 KB each would be over."""


@asynccontextmanager
async def relay() -> AsyncIterator[Command]:
    """A real `serve` in front of an embedded upstream that runs here."""
    async with embedded() as upstream:
        given = environment(
            AZURE_OPENAI_ENDPOINT=upstream.address,
            AZURE_OPENAI_API_KEY=upstream.key,
            AZURE_OPENAI_DEPLOYMENT="gpt-4o-realtime-preview",
            AZURE_OPENAI_API_VERSION="2024-12-17",
            RELAY_UPSTREAM_AUTH="api-key-header",
            RELAY_AUTH="dev",
            RELAY_PORT="0",
            RELAY_LOG_FORMAT="json",
            RELAY_DIALS_PER_SECOND="1000",
            RELAY_OPENINGS_PER_MINUTE="100000",
            RELAY_RESPONSES_PER_MINUTE="1000",
        )
        async with run_to_listening("serve", given) as command:
            yield command


async def one(address: str, number: int) -> None:
    """Connects, types, is answered, and leaves: politely, or by cutting the line."""
    async with client(address, user=f"soak{number % USERS}") as me:
        await me.until("session.created")
        await me.say(f"Say: word{number}")
        await me.until("response.done")
        if number % 3 == 0:
            me.socket.transport.abort()


async def many(address: str, first: int, count: int) -> None:
    """So many sessions, twenty at a time."""
    waiting = iter(range(first, first + count))

    async def worker() -> None:
        for number in waiting:
            await one(address, number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def settled(pid: int, before: int) -> int:
    """Descriptors once they are back at the baseline, or after two seconds."""
    for _ in range(40):
        if descriptors(pid) <= before:
            break
        await asyncio.sleep(0.05)
    return descriptors(pid)


async def soak(warm_up: int, sessions: int) -> None:
    """Warms up, notes what the process holds, and compares after many sessions more."""
    async with relay() as command:
        address = command.address.replace("http://", "ws://")
        opened = descriptors(command.pid)
        await many(address, 0, warm_up)
        assert await settled(command.pid, opened) <= opened
        held = memory(command.pid)
        await many(address, warm_up, sessions)
        assert await settled(command.pid, opened) <= opened
        grown = memory(command.pid) - held
        assert grown < GROWTH, f"{sessions} sessions grew the process by {grown} bytes"
        await asyncio.sleep(0.2)
        closed = command.lines("session.closed")
        assert len(closed) == warm_up + sessions
        assert {line["reason"] for line in closed} == {"client_closed", "client_gone"}


@pytest.mark.slow
async def test_hundreds_of_sessions_leave_nothing_behind() -> None:
    await soak(warm_up=100, sessions=200)


@pytest.mark.slow
async def test_sessions_leave_no_task_behind() -> None:
    async with embedded() as upstream, running_relay(upstream.address, upstream.key) as running:
        await many(running.address, 0, AT_ONCE)
        await running.idle()
        async with nothing_left():
            await many(running.address, AT_ONCE, 60)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_five_thousand_sessions_leave_nothing_behind() -> None:
    await soak(warm_up=500, sessions=5_000)
