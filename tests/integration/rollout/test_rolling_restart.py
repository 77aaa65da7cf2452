"""Two relays behind HAProxy, restarted one after the other under live sessions: none is lost."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.process import ROOT, Command, environment, run_to_listening

CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
TALKERS = 12
TURNS = 12
BETWEEN_TURNS = 0.25

needs_haproxy = pytest.mark.skipif(
    shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin") is None
    and not os.environ.get("CI"),
    reason="haproxy is missing: 'apt-get install haproxy' brings it",
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def haproxy(one: int, two: int, *, ready: bool = True) -> AsyncIterator[str]:
    """The configuration that we ship, on a socket of the test's; gives the address to talk to."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert program, "haproxy is missing: 'apt-get install haproxy' brings it"
    with socket.create_server(("127.0.0.1", 0)) as front:
        process = await asyncio.create_subprocess_exec(
            program,
            "-db",
            "-f",
            str(CONFIGURATION),
            env={
                "RELAY_FRONT": f"fd@{front.fileno()}",
                "RELAY_ONE": f"127.0.0.1:{one}",
                "RELAY_TWO": f"127.0.0.1:{two}",
            },
            pass_fds=[front.fileno()],
            stdout=DEVNULL,
            stderr=PIPE,
        )
        address = f"127.0.0.1:{front.getsockname()[1]}"
        try:
            if ready:
                await _until_it_balances(address)
            yield address
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)


async def _until_it_balances(address: str) -> None:
    async with asyncio.timeout(15), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"http://{address}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


@dataclass
class Tally:
    """What the talkers lived through."""

    conversations: int = 0
    turns: int = 0
    cut: list[str] = field(default_factory=list)


async def talk(address: str, name: str, tally: Tally, over: asyncio.Event) -> None:
    """One conversation after the other, each of some seconds and of a user of its own, who may ask
    for so many answers, until it is over."""
    while not over.is_set():
        try:
            async with client(f"ws://{address}", user=f"{name}-{secrets.token_hex(4)}") as me:
                await me.until("session.created")
                for _ in range(TURNS):
                    await me.say("Hello")
                    done = await me.until("response.done")
                    assert done["response"]["status"] == "completed"
                    tally.turns += 1
                    await asyncio.sleep(BETWEEN_TURNS)
        except Exception as error:
            tally.cut.append(f"{name}: {error!r}")
            return
        tally.conversations += 1


async def restarted(
    stack: AsyncExitStack, old: AsyncExitStack, relay: Command, environ: dict[str, str]
) -> tuple[AsyncExitStack, Command]:
    """SIGTERM, the wait for the last of its sessions, and a new process on the same port."""
    relay.process.terminate()
    assert await relay.ended(30) == 0
    assert not relay.lines("drain.ending"), "the drain had to cut sessions"
    await old.aclose()
    return await begun(stack, environ)


async def begun(stack: AsyncExitStack, environ: dict[str, str]) -> tuple[AsyncExitStack, Command]:
    own = await stack.enter_async_context(AsyncExitStack())
    return own, await own.enter_async_context(run_to_listening("serve", environ))


@needs_haproxy
@pytest.mark.slow
async def test_a_rolling_restart_of_two_relays_cuts_no_session() -> None:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(embedded())
        ports = free_port(), free_port()
        environs = [
            environment(
                AZURE_OPENAI_ENDPOINT=upstream.address,
                AZURE_OPENAI_API_KEY=upstream.key,
                AZURE_OPENAI_DEPLOYMENT="gpt-4o-realtime-preview",
                AZURE_OPENAI_API_VERSION="2024-12-17",
                RELAY_UPSTREAM_AUTH="api-key-header",
                RELAY_AUTH="dev",
                RELAY_PORT=str(port),
                RELAY_DRAIN_SECONDS="30",
                RELAY_LOG_FORMAT="json",
            )
            for port in ports
        ]
        (first, one), (second, two) = [await begun(stack, environ) for environ in environs]
        front = await stack.enter_async_context(haproxy(*ports))
        tally, over = Tally(), asyncio.Event()
        talkers = [
            asyncio.create_task(talk(front, f"user{number}", tally, over))
            for number in range(TALKERS)
        ]
        await asyncio.sleep(1)
        served = tally.turns
        _, new_one = await restarted(stack, first, one, environs[0])
        await _until_it_balances(f"127.0.0.1:{ports[0]}")
        await asyncio.sleep(1)
        _, new_two = await restarted(stack, second, two, environs[1])
        over.set()
        await asyncio.wait(talkers, timeout=30)

        assert tally.cut == []
        assert served > 0
        assert tally.conversations >= 2 * TALKERS
        for relay in (one, two, new_one):
            assert relay.lines("session.closed"), "a relay that was never used proves nothing"
        ended = [line for relay in (one, two, new_one) for line in relay.lines("session.closed")]
        assert {line["reason"] for line in ended} <= {"client_closed", "client_gone"}
        del new_two


@needs_haproxy
async def test_where_no_relay_is_ready_each_still_refuses_in_words() -> None:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(embedded())
        ports = free_port(), free_port()
        for port in ports:
            environ = environment(
                AZURE_OPENAI_ENDPOINT=upstream.address,
                AZURE_OPENAI_API_KEY=upstream.key,
                AZURE_OPENAI_DEPLOYMENT="gpt-4o-realtime-preview",
                AZURE_OPENAI_API_VERSION="2024-12-17",
                RELAY_UPSTREAM_AUTH="api-key-header",
                RELAY_AUTH="dev",
                RELAY_PORT=str(port),
                RELAY_REDIS_URL="redis://127.0.0.1:9/0",
                RELAY_USER_HASH_KEY="a-key-that-both-relays-know",
                RELAY_LOG_FORMAT="json",
            )
            await begun(stack, environ)
        front = await stack.enter_async_context(haproxy(*ports, ready=False))
        async with httpx.AsyncClient(trust_env=False) as http:
            async with asyncio.timeout(15):
                while True:
                    answer = await http.post(
                        f"http://{front}/tickets", headers={"Authorization": "Bearer dev-ada"}
                    )
                    if answer.headers["content-type"] == "application/json":
                        break
                    await asyncio.sleep(0.2)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["error"]["message"]
