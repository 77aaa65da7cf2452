"""The command line as a person meets it: what it prints, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx

from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.process import run, started


def children(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").read_text().split(")")[1].startswith(" Z")


async def test_demo_talks_and_sigterm_ends_it_and_its_upstream_with_status_zero() -> None:
    async with started("demo", "--port", "0", "--json") as demo:
        (upstream,) = children(demo.pid)
        address = demo.address.replace("http://", "ws://")
        async with httpx.AsyncClient(trust_env=False) as http:
            page = await http.get(demo.address)
            assert page.status_code == 200
            assert "<title>" in page.text
        async with client(address) as me:
            await me.next()
            await me.say("Hello")
            await me.until("response.done")
            os.kill(demo.pid, signal.SIGTERM)
            events, code, text = await me.rest()
        assert await demo.ended() == 0
        assert (code, text) == (1012, "The service is restarting. Connect again.")
        assert events[-1]["type"] == "error"
        (line,) = demo.lines("session.closed")
        assert line["reason"] == "draining"
        async with asyncio.timeout(5):
            while alive(upstream):
                await asyncio.sleep(0.05)


async def test_ctrl_c_in_the_terminal_ends_talks_as_a_restart_and_not_as_a_lost_upstream() -> None:
    async with started("demo", "--port", "0", "--json", session=True) as demo:
        async with client(demo.address.replace("http://", "ws://")) as me:
            await me.next()
            os.killpg(demo.pid, signal.SIGINT)
            _, code, _ = await me.rest()
        assert code == 1012
        assert await demo.ended() == 0
        (line,) = demo.lines("session.closed")
        assert line["reason"] == "draining"


async def test_while_draining_it_says_so_and_lets_the_talk_go_on_until_a_second_signal() -> None:
    async with started("demo", "--port", "0", "--json", RELAY_DRAIN_SECONDS="60") as demo:
        address = demo.address.replace("http://", "ws://")
        async with client(address) as me, httpx.AsyncClient(trust_env=False) as http:
            await me.next()
            assert (await http.get(f"{demo.address}/readyz")).status_code == 200
            os.kill(demo.pid, signal.SIGTERM)
            await asyncio.sleep(0.5)
            ready = await http.get(f"{demo.address}/readyz")
            assert (ready.status_code, ready.json()["status"]) == (503, "draining")
            assert (await http.get(f"{demo.address}/livez")).status_code == 200
            await me.say("Hello")
            await me.until("response.done")
            os.kill(demo.pid, signal.SIGTERM)
            _, code, _ = await me.rest()
        assert code == 1012
        assert await demo.ended() == 0


async def test_a_killed_demo_takes_its_upstream_along() -> None:
    async with started("demo", "--port", "0", "--json") as demo:
        (upstream,) = children(demo.pid)
        os.kill(demo.pid, signal.SIGKILL)
        await demo.ended()
        async with asyncio.timeout(5):
            while alive(upstream):
                await asyncio.sleep(0.05)


async def test_serve_says_everything_that_is_missing_at_once_and_ends_with_status_two() -> None:
    status, out, err = await run("serve")
    assert (status, out) == (2, "")
    assert "AZURE_OPENAI_ENDPOINT is missing" in err
    assert "AZURE_OPENAI_API_VERSION" not in err  # without one, the resource speaks GA
    assert "RELAY_AUTH" in err
    assert "Traceback" not in err


async def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = await run("demo", "--port", str(port))
    assert status == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in err
    assert "RELAY_PORT=0" in err
    assert "Traceback" not in err


async def test_check_proves_that_a_session_could_begin() -> None:
    async with embedded() as upstream:
        status, out, err = await run(
            "check",
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY=upstream.key,
            RELAY_AUTH="dev",
            RELAY_SESSION_INSTRUCTIONS="Be brief.",
        )
    assert status == 0, err
    assert "a session can begin" in out
    assert upstream.key not in out


async def test_check_names_what_is_wrong() -> None:
    async with embedded() as upstream:
        status, out, _ = await run(
            "check",
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY="wrong-key",
            RELAY_AUTH="dev",
        )
    assert status == 1
    assert "upstream_refused" in out
    assert "401" in out
    assert "check RELAY_EMBEDDED_KEY" in out


async def test_simulate_on_a_taken_port_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, err = await run("simulate", "--port", str(taken.getsockname()[1]))
    assert status == 2
    assert "Choose another port with --port" in err
    assert "Traceback" not in err


async def test_simulate_announces_itself_and_answers() -> None:
    async with started("simulate", "--port", "0", "--json", "--with-parent") as simulator:
        assert simulator.address.startswith("ws://127.0.0.1:")
        assert simulator.process.stdin is not None
        simulator.process.stdin.close()
        assert await simulator.ended(5) == 0


async def test_help_reads_well() -> None:
    status, out, _ = await run("--help")
    assert status == 0
    for command in ("serve", "demo", "check", "simulate"):
        assert command in out
