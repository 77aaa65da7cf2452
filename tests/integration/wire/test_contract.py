"""What both wires promise, on both loops: frames, hold, pause and pressure."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.wire.wire import WireFault

from .peer import CONT, PING, PONG, TEXT, Peer
from .rig import Opener, Rig


@pytest.fixture(params=["browser", "upstream"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, stack)


def numbered(count: int, size: int = 20) -> list[bytes]:
    return [f"{number:06d}".encode().ljust(size, b".") for number in range(count)]


async def test_frames_arrive_whole_and_in_order_both_ways(rig: Opener) -> None:
    r = await rig()
    sent = ["", "a", "ü€😀", "x" * 125, "y" * 126, "z" * 70_000]
    r.peer.text(*sent)
    await r.seen.counts(len(sent))
    assert [frame.decode() for frame in r.seen.frames] == sent
    for text in sent:
        r.wire.send(text.encode())
    got = [await r.peer.data() for _ in sent]
    assert [frame.payload.decode() for frame in got] == sent
    assert {frame.masked for frame in got} == {not r.peer.client}
    total = sum(len(text.encode()) for text in sent)
    assert (r.wire.bytes_in, r.wire.bytes_out) == (total, total)


async def test_forty_frames_in_one_segment_are_delivered_in_order(rig: Opener) -> None:
    r = await rig()
    r.peer.text(*numbered(40))
    await r.seen.counts(40)
    assert r.seen.frames == numbered(40)


async def test_a_message_larger_than_many_reads_arrives_whole(rig: Opener) -> None:
    r = await rig(max_message=4_000_000)
    text = b"0123456789" * 300_000
    r.peer.text(text)
    await r.seen.until(lambda s: s.frames)
    assert r.seen.frames == [text]


async def test_frames_in_the_handshakes_segment_are_held_until_start(rig: Opener) -> None:
    r = await rig(
        start=False,
        behind=lambda peer: b"".join(peer.build(TEXT, item) for item in numbered(5)),
    )
    await asyncio.sleep(0.05)
    assert r.seen.events == []
    r.wire.start()
    assert r.seen.events == [], "not from inside start()"
    await r.seen.counts(5)
    assert r.seen.frames == numbered(5)


async def test_before_start_pings_are_answered_and_frames_wait_in_order(rig: Opener) -> None:
    r = await rig(start=False)
    r.peer.text("one", "two")
    r.peer.push(r.peer.build(PING, b"a") + r.peer.build(PING, b"b"))
    assert (await r.peer.frame()).payload == b"a"
    assert (await r.peer.frame()).payload == b"b"
    assert r.seen.events == []
    r.wire.start()
    r.peer.text("three")
    await r.seen.counts(3)
    assert r.seen.frames == [b"one", b"two", b"three"]


async def test_before_attach_frames_wait_too(rig: Opener) -> None:
    r = await rig(attach=False)
    r.peer.text("one")
    await asyncio.sleep(0.05)
    r.wire.attach(r.seen)
    r.wire.start()
    await r.seen.until(lambda s: s.frames)
    with pytest.raises(RuntimeError, match="already has an owner"):
        r.wire.attach(r.seen)


@pytest.mark.parametrize("limit", [{"hold_frames": 10}, {"hold_bytes": 10_000}])
async def test_a_full_hold_stops_reading_and_loses_nothing(
    rig: Opener, limit: dict[str, Any]
) -> None:
    r = await rig(start=False, **limit)
    frames = numbered(1200, 10_000)
    r.peer.text(*frames)
    assert await r.peer.stuck(), "12 MB went into a wire that holds little"
    r.wire.start()
    await r.seen.counts(len(frames), 10)
    assert r.seen.frames == frames


async def test_pause_stops_delivery_at_once_and_resume_goes_on_in_order(rig: Opener) -> None:
    r = await rig()

    def stop_after_third(_: bytes) -> None:
        if len(r.seen.frames) == 3:
            r.wire.pause()

    r.seen.hooks["frame"] = stop_after_third
    r.peer.text(*numbered(40))
    await r.seen.counts(3)
    r.peer.text(*numbered(5))
    await asyncio.sleep(0.1)
    assert len(r.seen.frames) == 3
    r.seen.hooks.clear()
    r.wire.resume()
    assert len(r.seen.frames) == 3, "not from inside resume()"
    await r.seen.counts(45)
    assert r.seen.frames == numbered(40) + numbered(5)


async def test_a_frame_at_a_time_by_pause_and_resume(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["frame"] = lambda _: r.wire.pause()
    frames = numbered(30, 3000)
    r.peer.text(*frames)
    for count in range(1, 31):
        await r.seen.counts(count)
        await asyncio.sleep(0)
        assert len(r.seen.frames) == count
        r.wire.resume()
    assert r.seen.frames == frames


async def test_pause_and_resume_inside_a_frame_change_nothing(rig: Opener) -> None:
    r = await rig()

    def blink(_: bytes) -> None:
        r.wire.pause()
        r.wire.resume()

    r.seen.hooks["frame"] = blink
    r.peer.text(*numbered(200, 500))
    await r.seen.counts(200)
    assert r.seen.frames == numbered(200, 500)


async def test_a_paused_wire_stops_reading(rig: Opener) -> None:
    r = await rig()
    r.wire.pause()
    frames = numbered(1200, 10_000)
    r.peer.text(*frames)
    assert await r.peer.stuck()
    assert r.seen.frames == []
    r.wire.resume()
    await r.seen.counts(len(frames), 10)
    assert r.seen.frames == frames


@pytest.mark.parametrize("how", ["reset", "half_close"])
@pytest.mark.parametrize("held", [False, True], ids=["paused", "hold full"])
async def test_a_peer_that_dies_while_nothing_is_read_is_noticed(
    rig: Opener, how: str, held: bool
) -> None:
    r = await rig(start=not held, hold_frames=2)
    if held:
        r.peer.text("one", "two", "three")
        await asyncio.sleep(0.05)
    else:
        r.wire.pause()
    begun = time.monotonic()
    getattr(r.peer, how)()
    assert (await r.seen.ended()).fault is WireFault.GONE
    assert time.monotonic() - begun < 2.0
    r.wire.abort()
    await r.seen.gone()


async def test_a_pause_suspends_the_pong_deadline(rig: Opener) -> None:
    r = await rig(ping_interval=0.1, ping_timeout=0.1)
    r.wire.pause()
    answering = asyncio.create_task(answer_pings(r.peer))
    await asyncio.sleep(0.4)
    assert r.seen.events == []
    r.wire.resume()
    await asyncio.sleep(0.3)
    assert r.seen.events == []
    answering.cancel()
    assert (await r.seen.ended(3)).fault is WireFault.GONE


async def answer_pings(peer: Peer) -> None:
    while True:
        got = await peer.frame()
        if got.opcode == PING:
            peer.push(peer.build(PONG, got.payload))


async def test_a_silent_peer_is_gone_after_a_ping_and_its_deadline(rig: Opener) -> None:
    r = await rig(ping_interval=0.2, ping_timeout=0.2)
    begun = time.monotonic()
    end = await r.seen.ended()
    assert (end.fault, end.code, end.can_speak) == (WireFault.GONE, None, False)
    assert 0.35 < time.monotonic() - begun < 2.0
    assert (await r.peer.frame()).opcode == PING


async def test_any_byte_counts_as_life(rig: Opener) -> None:
    r = await rig(ping_interval=0.1, ping_timeout=0.1)
    half = r.peer.build(TEXT, b"x" * 100)
    for byte in half[:12]:
        r.peer.push(bytes([byte]))
        await asyncio.sleep(0.045)
    assert r.seen.events == []


async def test_the_write_buffer_reports_full_and_empty(rig: Opener) -> None:
    r = await rig(receive_buffer=8192, stall_seconds=10)
    sent = await fill(r)
    assert r.seen.pressure == [True]
    for _ in range(sent):
        assert len((await r.peer.data()).payload) == 50_000
    await r.seen.until(lambda s: s.pressure == [True, False])
    sent = await fill(r)
    assert r.seen.pressure == [True, False, True]


async def fill(r: Rig) -> int:
    """Sends until the write buffer is full; the number of messages."""
    already, count = len(r.seen.pressure), 0
    while len(r.seen.pressure) == already:
        r.wire.send(b"x" * 50_000)
        count += 1
        assert count < 1000
        await asyncio.sleep(0)
    return count


async def test_a_reader_that_takes_nothing_is_stalled(rig: Opener) -> None:
    r = await rig(receive_buffer=8192)
    await fill(r)
    begun = time.monotonic()
    end = await r.seen.ended()
    assert (end.fault, end.can_speak) == (WireFault.STALLED, False)
    assert 0.3 < time.monotonic() - begun < 2.0
    r.wire.abort()
    await r.seen.gone()


async def test_a_stalled_reader_is_reset_when_it_is_dropped(rig: Opener) -> None:
    """Else the kernel would hold megabytes for it, for minutes, that no limit of ours counts."""
    r = await rig(receive_buffer=8192)
    await fill(r)
    await r.seen.ended()
    r.wire.abort()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(r.peer.ended(), 5)


async def test_a_slow_reader_is_not_stalled(rig: Opener) -> None:
    r = await rig(receive_buffer=8192, not_sent_low_water=16 * 1024)
    await fill(r)
    for _ in range(60):
        r.wire.send(b"x" * 50_000)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.2:
        await r.peer.reader.readexactly(20_000)
        await asyncio.sleep(0.1)
    assert r.seen.end is None


async def test_the_hard_cap_of_the_write_buffer_ends_at_once(rig: Opener) -> None:
    r = await rig(receive_buffer=8192, stall_seconds=60, max_write_buffer=3_000_000)
    for _ in range(400):
        r.wire.send(b"x" * 50_000)
    assert r.seen.events == [], "not from inside send()"
    assert (await r.seen.ended(2)).fault is WireFault.STALLED
    assert r.wire.bytes_out < 12_000_000, "the rest is dropped (the kernel takes some megabytes)"


async def test_a_peer_that_pings_and_never_reads_gets_one_pong_later(rig: Opener) -> None:
    r = await rig(receive_buffer=8192, stall_seconds=60)
    sent = await fill(r)
    for number in range(30):
        r.peer.push(r.peer.build(PING, b"%d" % number))
    await asyncio.sleep(0.2)
    r.wire.send(b"last")
    got = [await r.peer.data() for _ in range(sent + 2)]
    assert [frame.payload for frame in got if frame.opcode == PONG] == [b"29"]


async def test_fragments_make_one_message_with_control_frames_between(rig: Opener) -> None:
    r = await rig()
    euro = "€".encode()
    r.peer.push(
        r.peer.build(TEXT, b"price: " + euro[:1], fin=False)
        + r.peer.build(PING, b"now")
        + r.peer.build(CONT, euro[1:2], fin=False)
        + r.peer.build(CONT, b"", fin=False)
        + r.peer.build(PONG, b"unasked")
        + r.peer.build(CONT, euro[2:] + b"!")
    )
    await r.seen.until(lambda s: s.frames)
    assert r.seen.frames == ["price: €!".encode()]
    assert (await r.peer.frame()).payload == b"now"


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_NOTSENT_LOWAT as Linux has it")
async def test_the_kernel_is_told_to_hold_little(rig: Opener) -> None:
    r = await rig(not_sent_low_water=65536)
    sock = r.wire._pipe._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    level = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert level == 65536
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
