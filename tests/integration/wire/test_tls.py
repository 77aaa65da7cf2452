"""The same promises where the loop's TLS lies under the wire: its transports differ."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.wire.wire import WireFault

from .peer import BINARY, CLOSE, TEXT
from .rig import Opener


@pytest.fixture(params=["browser", "upstream"])
async def rig(
    request: pytest.FixtureRequest, certificate: tuple[str, str]
) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, stack, certificate)


async def test_frames_flow_both_ways_and_wait_during_a_pause(rig: Opener) -> None:
    r = await rig(start=False, behind=lambda peer: peer.build(TEXT, b"0"))
    r.seen.hooks["frame"] = lambda _: r.wire.pause()
    r.wire.start()
    frames = [b"%d" % n + b"x" * 3000 for n in range(100)]
    r.peer.text(*frames)
    for count in range(1, 102):
        await r.seen.counts(count)
        await asyncio.sleep(0)
        assert len(r.seen.frames) == count
        r.wire.resume()
    assert r.seen.frames == [b"0", *frames]
    r.wire.send(b"y" * 100_000)
    assert (await r.peer.data()).payload == b"y" * 100_000


async def test_a_paused_wire_stops_reading_and_goes_on_without_loss(rig: Opener) -> None:
    r = await rig()
    r.wire.pause()
    frames = [b"%d" % n + b"x" * 10_000 for n in range(1200)]

    async def talk() -> None:
        for frame in frames:
            r.peer.text(frame)
            await r.peer.writer.drain()

    talking = asyncio.create_task(talk())
    await asyncio.sleep(0.3)
    assert not talking.done(), "12 MB went into a wire that does not read"
    assert r.seen.frames == []
    r.wire.resume()
    await r.seen.counts(len(frames), 10)
    assert r.seen.frames == frames


@pytest.mark.parametrize("paused", [False, True])
async def test_a_reset_is_noticed(rig: Opener, paused: bool) -> None:
    r = await rig()
    if paused:
        r.wire.pause()
    r.peer.reset()
    assert (await r.seen.ended()).fault is WireFault.GONE
    for _ in range(8):
        r.wire.send(b"x")
    r.wire.resume()
    r.wire.close(1000, "")
    r.wire.abort()
    await r.seen.gone()


async def test_last_words_arrive_behind_megabytes_while_the_peer_still_sends(
    rig: Opener,
) -> None:
    r = await rig(receive_buffer=16 * 1024, close_seconds=5.0)
    for _ in range(100):
        r.wire.send(b"a" * 50_000)
    r.wire.pause()

    async def talk() -> None:
        while True:
            r.peer.push(r.peer.build(TEXT, b"audio" * 2000))
            await r.peer.writer.drain()
            await asyncio.sleep(0.001)

    talking = asyncio.create_task(talk())
    await asyncio.sleep(0.1)
    r.wire.send(b"error event")
    r.wire.close(4003, "too slow")
    got = [(await r.peer.data()).payload for _ in range(101)]
    assert got[-1] == b"error event"
    assert (await r.peer.data()).close == (4003, "too slow")
    talking.cancel()
    r.peer.close(4003)
    r.peer.writer.close()
    await r.seen.gone()
    assert r.wire.received == (4003, "")


async def test_a_stalled_reader_ends_and_can_be_dropped(rig: Opener) -> None:
    r = await rig(receive_buffer=8192)
    for _ in range(200):
        r.wire.send(b"x" * 50_000)
    begun = time.monotonic()
    assert (await r.seen.ended()).fault is WireFault.STALLED
    assert time.monotonic() - begun < 1.5
    assert r.seen.pressure == [True]
    r.wire.close(4003, "too slow")
    await r.seen.gone()
    assert time.monotonic() - begun < 2.5


async def test_the_peers_close_and_a_fault_end_as_without_tls(rig: Opener) -> None:
    r = await rig()
    r.peer.close(1000, "bye")
    assert (await r.seen.ended()).code == 1000
    assert (await r.peer.data()).close == (1000, "bye")
    r.peer.writer.close()
    await r.seen.gone()
    r = await rig()
    r.peer.push(r.peer.build(BINARY, b"x"))
    assert (await r.seen.ended()).fault is WireFault.BINARY
    r.wire.send(b"error event")
    r.wire.close(1003, "")
    assert (await r.peer.data()).payload == b"error event"
    assert (await r.peer.data()).opcode == CLOSE
    r.peer.writer.close()
    await r.seen.gone()
