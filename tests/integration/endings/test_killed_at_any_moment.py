"""Either side leaves at any moment, in any manner: both end soon, with one reason and one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.harness.client import Client, client
from tests.harness.death import Death, die
from tests.harness.leftovers import nothing_left
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import Scripted, Upstream, scripted_upstream
from tests.integration.endings import scenes

WITHIN = 6.0

Until = Callable[[Client, Scripted], Awaitable[None]]


async def dialled(_me: Client, scripted: Scripted) -> None:
    while not scripted.connections:
        await asyncio.sleep(0.005)


async def configuring(me: Client, scripted: Scripted) -> None:
    await dialled(me, scripted)
    await asyncio.sleep(0.1)


async def created(me: Client, _scripted: Scripted) -> None:
    await me.until("session.created")


async def hearing(me: Client, _scripted: Scripted) -> None:
    await me.until("response.audio.delta")


async def congested(me: Client, _scripted: Scripted) -> None:
    """The client has stopped reading long enough for every buffer to fill."""
    await me.until("response.audio.delta")
    await asyncio.sleep(1.0)


MOMENTS = {
    "during configure": (scenes.silent_after_greeting, configuring),
    "when ready": (scenes.ready, created),
    "mid-response": (scenes.in_response, hearing),
    "under back-pressure": (scenes.flooding, congested),
}


@asynccontextmanager
async def scene(moment: str) -> AsyncIterator[tuple[Running, Scripted, Client]]:
    script, until = MOMENTS[moment]
    async with (
        scripted_upstream(script) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(WITHIN),
        client(relay.address, max_queue=4, open_timeout=5) as me,
    ):
        await until(me, scripted)
        yield relay, scripted, me


@pytest.mark.parametrize("how", list(Death))
@pytest.mark.parametrize("moment", list(MOMENTS))
async def test_a_client_that_leaves(moment: str, how: Death) -> None:
    async with scene(moment) as (relay, scripted, me):
        leaving = asyncio.create_task(die(me.socket, how))
        line = await relay.one_closed(WITHIN)
        await leaving
        assert line["reason"] == ("client_closed" if how is Death.POLITE else "client_gone")
        assert line["ended_by"] == "client"
        assert line["upstream_code_sent"] == 1000
        await _upstream_saw(scripted, 1000)


@pytest.mark.parametrize("how", list(Death))
@pytest.mark.parametrize("moment", list(MOMENTS))
async def test_an_upstream_that_leaves(moment: str, how: Death) -> None:
    async with scene(moment) as (relay, scripted, me):
        leaving = asyncio.create_task(die(scripted.one.socket, how, 1011))
        events, code, text = await me.rest(WITHIN)
        line = await relay.one_closed(WITHIN)
        await leaving
        assert line["reason"] == "upstream_lost"
        assert line["ended_by"] == "upstream"
        assert (code, text) == (4000, "The connection to the model was lost.")
        assert events[-1]["type"] == "error"
        assert events[-1]["error"]["code"] == "server_error"
        assert line["client_code_sent"] == 4000
        if how is Death.POLITE:
            assert line["upstream_code_received"] == 1011


async def _upstream_saw(scripted: Scripted, code: int) -> None:
    async with asyncio.timeout(WITHIN):
        while scripted.one.close_code is None:
            await asyncio.sleep(0.01)
    assert scripted.one.close_code == code


async def test_a_client_that_leaves_during_the_dial_ends_the_dial() -> None:
    hung = asyncio.Event()
    gone = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        hung.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running_relay(f"http://127.0.0.1:{port}") as relay, nothing_left():
        async with client(relay.address) as me:
            await asyncio.wait_for(hung.wait(), 5)
            await die(me.socket, Death.RESET)
            line = await relay.one_closed(2)
            await asyncio.wait_for(gone.wait(), 2)
    assert line["reason"] == "client_gone"
    assert line["phase"] == "dialling"
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("how", [Death.EOF, Death.RESET])
async def test_an_upstream_that_dies_in_every_handshake_is_unavailable(how: Death) -> None:
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort() if how is Death.RESET else writer.close()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running_relay(f"http://127.0.0.1:{port}") as relay, nothing_left():
        async with client(relay.address) as me:
            events, code, _ = await me.rest()
            line = await relay.one_closed()
    assert code == 4001
    assert [event["type"] for event in events] == ["error"]
    assert line["reason"] == "upstream_unavailable"
    server.close()
    await server.wait_closed()


async def test_nobody_listens_upstream() -> None:
    async with running_relay("http://127.0.0.1:1") as relay, nothing_left():
        async with client(relay.address) as me:
            _, code, _ = await me.rest()
        line = await relay.one_closed()
    assert (code, line["reason"]) == (4001, "upstream_unavailable")


async def test_a_client_that_resets_its_handshake_costs_nothing() -> None:
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(),
    ):
        host, port = relay.address.removeprefix("ws://").split(":")
        for cut in (10, 60, None):
            _, writer = await asyncio.open_connection(host, int(port))
            head = (
                f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                "Authorization: Bearer dev-x\r\n\r\n"
            )
            writer.write(head.encode()[:cut])
            await writer.drain()
            writer.transport.abort()
        await asyncio.sleep(0.3)
        await relay.idle(WITHIN)
        assert len(relay.closed()) <= 1


async def test_both_sides_leave_at_once() -> None:
    async with scene("mid-response") as (relay, scripted, me):
        await asyncio.gather(die(me.socket, Death.RESET), die(scripted.one.socket, Death.RESET))
        line = await relay.one_closed(WITHIN)
        assert line["reason"] in {"client_gone", "upstream_lost"}


async def test_upstream_dies_while_the_client_is_closing() -> None:
    async def slow_farewell(upstream: Upstream) -> None:
        await upstream.greet()
        await upstream.drain()

    async with (
        scripted_upstream(slow_farewell) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(WITHIN),
        client(relay.address) as me,
    ):
        await me.until("session.created")
        closing = asyncio.create_task(me.socket.close(1000))
        await asyncio.sleep(0)
        await die(scripted.one.socket, Death.RESET)
        line = await relay.one_closed(WITHIN)
        await closing
        assert line["reason"] in {"client_closed", "upstream_lost"}
