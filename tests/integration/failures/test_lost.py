"""A session lives, and then the way to upstream, or upstream itself, fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.wire.wire import UPSTREAM_WIRE
from tests.harness.client import Client, Event, client
from tests.harness.fault_proxy import NONE, FaultProxy, Faults, fault_proxy
from tests.harness.relay import Running
from tests.integration.endings.scenes import audio, response_begins
from tests.integration.failures.front import Front, Script, in_peace, talks
from tests.integration.failures.scene import (
    LOST,
    Small,
    end_of,
    goes_on,
    relay_at,
    relay_before,
    someone,
    until,
)
from tests.integration.wire.peer import CLOSE, Peer

TIME_IS_UP = "Your session hit the maximum duration of 30 minutes."


@asynccontextmanager
async def through_proxy(
    script: Script = in_peace,
) -> AsyncIterator[tuple[Running, FaultProxy, Client, Front]]:
    """A live session whose way to upstream leads through a proxy with faults."""
    front = Front(talks(script))
    async with front.serving(), fault_proxy(front.port) as proxy:
        async with relay_at(proxy.address) as relay:
            async with client(relay.address, user=someone()) as me:
                await me.until("session.created")
                yield relay, proxy, me, front
            await relay.idle()
            proxy.faults = NONE
            await until(lambda: not proxy.open)


async def test_a_half_open_line_is_noticed_by_the_missing_pong(small: Small) -> None:
    assert UPSTREAM_WIRE.ping_interval + UPSTREAM_WIRE.ping_timeout <= 20
    small.wire(ping_interval=0.4, ping_timeout=0.4)
    async with through_proxy() as (relay, proxy, me, _):
        await asyncio.sleep(1.0)
        await goes_on(me)  # pings and pongs have passed
        proxy.faults = Faults(half_open=True)
        began = asyncio.get_running_loop().time()
        seen = await end_of(relay, me)
        assert 0.3 < asyncio.get_running_loop().time() - began < 1.4
        seen.must_be("upstream_lost", 4000, LOST, "upstream")
        assert seen.line["upstream_code_received"] is None


async def test_a_line_that_is_half_open_for_a_moment_is_forgiven(small: Small) -> None:
    small.wire(ping_interval=0.6, ping_timeout=0.5)
    async with through_proxy() as (relay, proxy, me, _):
        proxy.faults = Faults(half_open=True)  # before the first ping, with nothing under way
        await asyncio.sleep(0.15)
        proxy.faults = NONE
        await asyncio.sleep(1.1)
        await goes_on(me)
        assert not relay.closed()


async def test_a_reset(small: Small) -> None:
    async with through_proxy() as (relay, proxy, me, _):
        proxy.reset()
        (await end_of(relay, me)).must_be("upstream_lost", 4000, LOST, "upstream")


async def test_a_line_that_goes_down_ends_the_session_and_the_next_client_finds_nobody() -> None:
    async with through_proxy() as (relay, proxy, me, _):
        await proxy.down()
        (await end_of(relay, me)).must_be("upstream_lost", 4000, LOST, "upstream")
        async with client(relay.address, user=someone()) as next_one:
            _, code, _ = await next_one.rest()
        assert code == 4001


async def chatter(peer: Peer) -> None:
    """A response whose deltas never end."""
    for event in response_begins():
        peer.text(json.dumps(event))
    for number in range(100_000):
        peer.text(json.dumps(audio(number)))
        await peer.writer.drain()
        await asyncio.sleep(0.005)


async def test_a_line_that_is_cut_in_the_middle_of_a_frame() -> None:
    async with through_proxy(chatter) as (relay, proxy, me, _):
        await me.until("response.audio.delta")
        proxy.faults = Faults(limit_down=proxy.passed[1] + 20_000)
        seen = await end_of(relay, me)
        seen.must_be("upstream_lost", 4000, LOST, "upstream")
        assert all(len(event["delta"]) == 8000 for event in seen.events[:-1]), "no half deltas"


async def test_a_goodbye_that_is_answered_late_holds_nobody(small: Small) -> None:
    async with through_proxy() as (relay, proxy, me, _):
        proxy.faults = Faults(close_delay=0.5)
        began = asyncio.get_running_loop().time()
        await me.socket.close()
        assert asyncio.get_running_loop().time() - began < 0.4, "the client need not wait"
        line = await relay.one_closed()
        assert (line["reason"], line["upstream_code_received"]) == ("client_closed", 1000)


async def test_a_goodbye_that_is_never_answered_ends_at_the_close_deadline(small: Small) -> None:
    small.wire(close_seconds=0.5)
    async with through_proxy() as (relay, proxy, me, _):
        proxy.faults = Faults(half_open=True)
        began = asyncio.get_running_loop().time()
        await me.socket.close()
        line = await relay.one_closed()
        assert 0.4 < asyncio.get_running_loop().time() - began < 1.5
        assert (line["reason"], line["upstream_code_received"]) == ("client_closed", None)


async def a_whole_answer(peer: Peer) -> None:
    """Waits for a `response.create`, answers with 30 deltas, and stays."""
    while json.loads((await peer.data()).payload)["type"] != "response.create":
        pass
    for event in response_begins():
        peer.text(json.dumps(event))
    for number in range(30):
        peer.text(json.dumps(audio(number)))
    done = {"id": "resp_a", "status": "completed", "output": []}
    peer.text(json.dumps({"type": "response.done", "event_id": "last", "response": done}))
    await in_peace(peer)


async def an_exchange(faults: Faults) -> list[Event]:
    async with through_proxy(a_whole_answer) as (relay, proxy, me, _):
        proxy.faults = faults
        await me.say("hello")
        await me.until("response.done")
        await me.socket.close()
        line = await relay.one_closed()
        assert line["reason"] == "client_closed"
        assert line["upstream_code_received"] == 1000
        return me.seen[1:]


@pytest.mark.parametrize(
    "faults",
    [
        Faults(latency=0.15),
        Faults(slice_bytes=300),
        Faults(slice_bytes=5000, slice_pause=0.002, latency=0.02),
    ],
    ids=["latency", "slices", "both"],
)
async def test_latency_and_slices_change_nothing(faults: Faults) -> None:
    assert await an_exchange(faults) == await an_exchange(NONE)


async def test_one_byte_at_a_time_changes_nothing_either() -> None:
    async with through_proxy() as (relay, proxy, me, _):
        proxy.faults = Faults(slice_bytes=1)
        for _ in range(3):
            await goes_on(me)
        assert not relay.closed()


def closes(code: int, text: str = "") -> Script:
    async def script(peer: Peer) -> None:
        peer.close(code, text)
        while (await peer.data()).opcode != CLOSE:
            pass

    return script


def complains(code: str) -> Script:
    async def script(peer: Peer) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": "secret-model says no"}
        peer.text(json.dumps({"type": "error", "event_id": "x1", "error": error}))
        await in_peace(peer)

    return script


ENDINGS = {
    "session_expired": (complains("session_expired"), "session_time_limit", None),
    "1001 at the limit": (closes(1001, TIME_IS_UP), "session_time_limit", 1001),
    "1001 for another reason": (closes(1001, "secret-model"), "upstream_lost", 1001),
    "1011": (closes(1011, "secret-model"), "upstream_lost", 1011),
    "1000": (closes(1000), "upstream_lost", 1000),
    "1008": (closes(1008), "upstream_lost", 1008),
    "3000": (closes(3000), "upstream_lost", 3000),
}


@pytest.mark.parametrize("kind", ENDINGS)
async def test_upstreams_own_ending_is_understood(kind: str) -> None:
    script, reason, code_received = ENDINGS[kind]
    front = Front(talks(script))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("session.created")
            seen = await end_of(relay, me)
        if reason == "session_time_limit":
            seen.must_be(reason, 1001, TIME_IS_UP, "limits")
            assert seen.error["code"] == "session_expired"
        else:
            seen.must_be(reason, 4000, LOST, "upstream")
            assert seen.error["code"] == "server_error"
        if code_received is not None:
            assert seen.line["upstream_code_received"] == code_received
        else:
            assert seen.line["upstream_code_sent"] == 1000


async def test_a_session_that_has_expired_before_it_began() -> None:
    front = Front(talks(complains("session_expired"), greets=False))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as me:
            seen = await end_of(relay, me)
        seen.must_be("session_time_limit", 1001, TIME_IS_UP, "limits")
