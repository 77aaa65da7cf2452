"""Upstream breaks the rules of the protocol, or does not read."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.wire.wire import UPSTREAM_WIRE
from tests.harness.client import Client, client
from tests.harness.fault_proxy import NONE, Faults, fault_proxy
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
from tests.integration.wire.peer import BINARY, CLOSE, CONT, PING, TEXT, Peer, close_payload, frame

EVENT = json.dumps({"type": "input_audio_buffer.cleared", "event_id": "e9"}).encode()


def sends(*pieces: bytes) -> Script:
    """These bytes, and then it stays until the relay says goodbye."""

    async def script(peer: Peer) -> None:
        for piece in pieces:
            peer.push(piece)
        while (await peer.frame()).opcode != CLOSE:
            pass

    return script


BREACHES = {
    "a masked frame": frame(TEXT, EVENT, masked=True),
    "an unknown opcode": frame(3, EVENT, masked=False),
    "an unknown control opcode": frame(11, b"", masked=False),
    "a reserved bit": frame(TEXT, EVENT, masked=False, reserved=4),
    "text that is not UTF-8": frame(TEXT, b'{"type":"\xff\xfe"}', masked=False),
    "a binary message": frame(BINARY, EVENT, masked=False),
    "a continuation of nothing": frame(CONT, EVENT, masked=False),
    "a message within a message": frame(TEXT, b"{", masked=False, fin=False)
    + frame(TEXT, EVENT, masked=False),
    "a fragmented ping": frame(PING, b"x", masked=False, fin=False),
    "a ping too long": frame(PING, b"x" * 126, masked=False),
    "a message too big": frame(TEXT, b'"' + b"x" * 40_000 + b'"', masked=False),
    "fragments too big": frame(TEXT, b'"' + b"x" * 20_000, masked=False, fin=False)
    + frame(CONT, b"x" * 20_000, masked=False, fin=False),
    "a length beyond all bounds": b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a close code that cannot be": frame(8, close_payload(1005), masked=False),
    "half a close code": frame(8, b"\x03", masked=False),
}


@pytest.mark.parametrize("kind", BREACHES)
async def test_a_breach_ends_the_session_and_nothing_of_it_reaches_the_client(
    kind: str, small: Small
) -> None:
    small.wire(max_message=32 * 1024)
    front = Front(talks(sends(BREACHES[kind])))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("session.created")
            seen = await end_of(relay, me)
        seen.must_be("upstream_protocol", 4000, LOST, "upstream")
        assert [event["type"] for event in seen.events] == ["error"]


async def test_a_breach_before_the_session_is_ready_is_one_too() -> None:
    front = Front(talks(sends(BREACHES["an unknown opcode"]), greets=False))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as me:
            seen = await end_of(relay, me)
        seen.must_be("upstream_protocol", 4000, LOST, "upstream")


async def test_the_largest_message_is_no_breach(small: Small) -> None:
    assert UPSTREAM_WIRE.max_message == 16 * 1024 * 1024
    small.wire(max_message=32 * 1024)
    text = json.dumps({"type": "input_audio_buffer.cleared", "event_id": "e9", "padding": ""})
    whole = text[:-2] + "x" * (32 * 1024 - len(text)) + text[-2:]
    front = Front(talks(sends(frame(TEXT, whole.encode(), masked=False))))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("input_audio_buffer.cleared")
        assert (await relay.one_closed())["reason"] == "client_closed"


CHUNK = {"type": "input_audio_buffer.append", "audio": "A" * 64_000}


async def test_an_upstream_that_does_not_read_is_given_up_at_the_stall_limit(small: Small) -> None:
    small.wire(stall_seconds=0.6, high_water=64 * 1024, low_water=16 * 1024)
    over = asyncio.Event()

    async def deaf(_: Peer) -> None:
        await over.wait()

    front = Front(talks(deaf), receive_buffer=16 * 1024)
    async with relay_before(front, audio_speed="100", events_per_second="10000") as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("session.created")
            sending = asyncio.create_task(keep_talking(me))
            seen = await end_of(relay, me, within=10)
            sending.cancel()
            await asyncio.wait([sending])
        over.set()
        seen.must_be("slow_upstream", 4007, "The model does not read fast enough.", "upstream")
        assert seen.line["upstream_code_received"] is None
        assert seen.line["upstream_bytes_out"] < 16 * 1024 * 1024, "the client was held back"


async def test_a_line_that_takes_nothing_more_is_given_up_in_the_same_way(small: Small) -> None:
    small.wire(stall_seconds=0.6, high_water=64 * 1024, low_water=16 * 1024)
    front = Front(talks(in_peace))
    async with front.serving(), fault_proxy(front.port, receive_buffer=16 * 1024) as proxy:
        async with relay_at(proxy.address, audio_speed="100", events_per_second="10000") as relay:
            async with client(relay.address, user=someone()) as me:
                await me.until("session.created")
                await goes_on(me)
                proxy.faults = Faults(unread_up=True)
                sending = asyncio.create_task(keep_talking(me))
                seen = await end_of(relay, me, within=10)
                sending.cancel()
                await asyncio.wait([sending])
            proxy.faults = NONE
            await until(lambda: not proxy.open)
            assert seen.reason == "slow_upstream"


async def keep_talking(me: Client) -> None:
    while True:
        await me.send(CHUNK)


async def test_an_upstream_that_only_pauses_is_waited_for(small: Small) -> None:
    small.wire(stall_seconds=2.0, high_water=64 * 1024, low_water=16 * 1024)
    heard = 0

    async def dozes(peer: Peer) -> None:
        nonlocal heard
        await asyncio.sleep(0.8)
        while (got := await peer.data()).opcode == TEXT:
            heard += got.payload.startswith(b'{"type":"input_audio_buffer.append"')
            if heard == 40:
                break
        await in_peace(peer)

    front = Front(talks(dozes), receive_buffer=16 * 1024)
    async with relay_before(front, audio_speed="100", events_per_second="10000") as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("session.created")
            for _ in range(40):
                await me.send(CHUNK)
            await until(lambda: heard == 40, within=5)
        assert (await relay.one_closed())["reason"] == "client_closed"
