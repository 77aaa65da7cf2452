"""Several processes on one port by one setting, and what keeps them one relay."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.client import client
from tests.harness.process import Command, environment, run_in, run_to_listening
from tests.harness.redis_server import free_port, redis_server
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes


def settings(upstream: str, redis: str, **more: str) -> dict[str, str]:
    return environment(
        RELAY_UPSTREAM="embedded",
        RELAY_EMBEDDED_ADDRESS=upstream,
        RELAY_EMBEDDED_KEY="key",
        RELAY_AUTH="dev",
        RELAY_PORT="0",
        RELAY_REDIS_URL=redis,
        RELAY_USER_HASH_KEY="the-same-key-on-all-of-them",
        RELAY_LOG_FORMAT="json",
        **more,
    )


@asynccontextmanager
async def two_processes(**more: str) -> AsyncIterator[Command]:
    """Both have said that they listen."""
    async with (
        scripted_upstream(scenes.ready) as upstream,
        redis_server() as redis,
        run_to_listening(
            "serve",
            settings(
                upstream.address, redis.url, RELAY_PROCESSES="2", RELAY_ADMIN_PORT="0", **more
            ),
        ) as relay,
    ):
        await until(lambda: len(relay.lines("listening")) == 2)
        yield relay


async def until(met: Any, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not met():
            await asyncio.sleep(0.02)


def admins(relay: Command) -> list[str]:
    return [str(line["admin"]) for line in relay.lines("listening")]


async def sessions(http: httpx.AsyncClient, admin: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = (await http.get(f"{admin}/sessions")).json()["sessions"]
    return shown


async def test_they_share_a_port_and_the_limits_and_are_stopped_together() -> None:
    async with (
        two_processes(
            RELAY_MAX_SESSIONS_PER_USER="20",
            RELAY_OPENINGS_PER_MINUTE="100",
            RELAY_DRAIN_SECONDS="20",
        ) as relay,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        assert {line["address"] for line in relay.lines("listening")} == {relay.address}
        one, two = admins(relay)
        assert one != two
        ws = relay.address.replace("http", "ws", 1)
        async with AsyncExitStack() as stack:
            live = []
            for _ in range(20):
                live.append(await stack.enter_async_context(client(ws, user="ada")))
                await live[-1].until("session.created")
            with pytest.raises(InvalidStatus) as refused:  # whichever of them is asked
                await stack.enter_async_context(client(ws, user="ada"))
            assert refused.value.response.status_code == 429
            shown = [await sessions(http, admin) for admin in (one, two)]
            assert all(shown), "the kernel gave all twenty to one of them"
            assert {view["user"] for views in shown for view in views} == {shown[0][0]["user"]}
            relay.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                for admin in (one, two):
                    while not (await http.get(f"{admin}/sessions")).json()["draining"]:
                        await asyncio.sleep(0.02)
            await live[0].say("still here?")
            assert sum([len(await sessions(http, admin)) for admin in (one, two)]) == 20
        assert await relay.ended(15) == 0
        assert await refused_at(relay.address)


async def refused_at(address: str) -> bool:
    """Whether nobody listens there any more."""
    port = int(address.rpartition(":")[2])
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as listing:
        return [int(child) for child in listing.read().split()]


async def test_one_that_dies_is_started_again_and_a_second_signal_ends_all_at_once() -> None:
    async with two_processes(RELAY_DRAIN_SECONDS="60") as relay:
        victim, survivor = children(relay.pid)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(relay.lines("listening")) == 3)
        (died,) = relay.lines("process.died")
        assert (died["status"], died["again_in"]) == (-signal.SIGKILL, 1.0)
        assert survivor in children(relay.pid)
        ws = relay.address.replace("http", "ws", 1)
        async with client(ws, user="ada") as ada:
            await ada.until("session.created")
            relay.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            relay.process.send_signal(signal.SIGTERM)
            _, code, _ = await ada.rest()
            assert code == 1012
        assert await relay.ended(15) == 0


@pytest.mark.soak
async def test_when_the_one_that_watches_is_killed_the_others_drain() -> None:
    async with two_processes(RELAY_DRAIN_SECONDS="0") as relay:
        pids = children(relay.pid)
        assert len(pids) == 2
        relay.process.kill()
        await until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 15)
        assert await refused_at(relay.address)


@pytest.mark.soak
async def test_settings_that_no_process_can_use_stop_them_all() -> None:
    blocked = free_port()
    taken = await asyncio.start_server(lambda r, w: None, "127.0.0.1", blocked)
    async with taken, redis_server() as redis:
        given = settings("http://127.0.0.1:9", redis.url, RELAY_PROCESSES="2")
        given["RELAY_ADMIN_PORT"] = str(blocked)
        status, _, err = await run_in(given, "serve")
    assert status == 2
    assert f"Cannot listen on 127.0.0.1:{blocked}" in err
    assert "Traceback" not in err


@pytest.mark.soak
async def test_two_started_by_somebody_else_share_a_port_too() -> None:
    async with scripted_upstream(scenes.ready) as upstream, redis_server() as redis:
        given = settings(upstream.address, redis.url, RELAY_REUSE_PORT="true")
        async with run_to_listening("serve", given) as one:
            given["RELAY_PORT"] = one.address.rpartition(":")[2]
            async with run_to_listening("serve", given) as two:
                assert one.address == two.address
            given["RELAY_REUSE_PORT"] = "false"
            status, _, err = await run_in(given, "serve")
            assert (status, "it is taken" in err) == (2, True)


@pytest.fixture(autouse=True)
def _linux() -> None:
    if not os.path.exists("/proc/self/task"):
        pytest.skip("needs /proc")
