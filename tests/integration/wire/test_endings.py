"""How both wires end, on both loops: farewells, losses, faults, and failing owners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from app.wire.wire import WireEnd, WireFault

from .peer import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, Peer, close_payload, frame
from .rig import Opener, Rig

MIB = 1024 * 1024


@pytest.fixture(params=["browser", "upstream"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, stack)


async def finish_as_peer(r: Rig) -> None:
    """What a well-behaved peer does after both close frames: a server closes, a client waits."""
    if not r.peer.client:
        r.peer.writer.close()
    else:
        await r.peer.ended()
        r.peer.writer.close()


async def closing_frame(r: Rig) -> Frame:
    while (got := await r.peer.frame()).opcode != CLOSE:
        pass
    return got


# -- our own close


async def test_close_says_code_and_text_behind_what_was_sent(rig: Opener) -> None:
    r = await rig()
    r.wire.send(b"last words")
    r.wire.close(4001, "gone fishing")
    r.wire.send(b"too late")
    assert (await r.peer.data()).payload == b"last words"
    assert (await r.peer.data()).close == (4001, "gone fishing")
    r.peer.text("crossing")
    r.peer.close(4001, "you too")
    await finish_as_peer(r)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["closed"], "no frame and no end after close()"
    assert r.wire.received == (4001, "you too")


@pytest.mark.parametrize("paused", [False, True])
async def test_last_words_arrive_behind_megabytes_while_the_peer_still_sends(
    rig: Opener, paused: bool
) -> None:
    r = await rig(receive_buffer=16 * 1024, close_seconds=5.0)
    for _ in range(100):
        r.wire.send(b"a" * 50_000)
    if paused:
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
    assert got[:100] == [b"a" * 50_000] * 100
    assert got[100] == b"error event"
    assert (await r.peer.data()).close == (4003, "too slow")
    talking.cancel()
    r.peer.close(4003)
    await finish_as_peer(r)
    await r.seen.gone()
    assert r.wire.received == (4003, "")


async def test_a_farewell_without_answer_ends_at_the_deadline(rig: Opener) -> None:
    r = await rig()
    begun = time.monotonic()
    r.wire.close(1000, "")
    r.peer.text("I go on talking")
    await r.seen.gone()
    assert 0.35 < time.monotonic() - begun < 2.0
    assert r.wire.received is None


async def test_a_farewell_behind_a_stalled_buffer_ends_at_the_deadline(rig: Opener) -> None:
    r = await rig(receive_buffer=8192, stall_seconds=60)
    for _ in range(200):
        r.wire.send(b"a" * 50_000)
    begun = time.monotonic()
    r.wire.close(1000, "")
    await r.seen.gone()
    assert 0.35 < time.monotonic() - begun < 2.0


async def test_close_after_a_long_pause_finds_the_answer_behind_much_unread(rig: Opener) -> None:
    r = await rig(close_seconds=5.0)
    r.wire.pause()
    for _ in range(100):
        r.peer.text("x" * 10_000)
    await asyncio.sleep(0.05)
    r.wire.close(1001, "bye")
    assert (await r.peer.data()).close == (1001, "bye")
    r.peer.close(1001)
    await finish_as_peer(r)
    await r.seen.gone()
    assert r.wire.received == (1001, "")


async def test_close_inside_a_frame_ends_delivery_at_once(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["frame"] = lambda _: r.wire.close(1008, "no")
    r.peer.text("one", "two", "three")
    assert (await r.peer.data()).close == (1008, "no")
    r.peer.close(1008)
    await finish_as_peer(r)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["frame", "closed"]


@pytest.mark.parametrize(
    ("code", "text", "sent"),
    [
        (1005, "", (1000, "")),
        (1006, "", (1011, "")),
        (1015, "", (1011, "")),
        (4000, "€" * 50, (4000, "€" * 41)),
    ],
)
async def test_what_may_not_stand_in_a_close_frame_is_never_sent(
    rig: Opener, code: int, text: str, sent: tuple[int, str]
) -> None:
    r = await rig()
    r.wire.close(code, text)
    r.wire.close(1000, "second")
    assert (await r.peer.data()).close == sent


async def test_abort_drops_the_connection_and_says_only_closed(rig: Opener) -> None:
    r = await rig()
    r.peer.text("one")
    await r.seen.until(lambda s: s.frames)
    r.wire.abort()
    assert not r.seen.closed, "not from inside abort()"
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["frame", "closed"]


# -- the peer's close


@pytest.mark.parametrize(
    ("code", "text", "reported", "echo"),
    [
        (1000, "bye", (1000, "bye"), 1000),
        (4321, "ü" * 61, (4321, "ü" * 61), 4321),
        (None, "", (1005, ""), 1000),
    ],
)
async def test_the_peers_close_is_reported_and_echoed(
    rig: Opener, code: int | None, text: str, reported: tuple[int, str], echo: int
) -> None:
    r = await rig()
    r.peer.text("before")
    r.peer.close(code, text)
    r.peer.text("behind a close frame nothing counts")
    end = await r.seen.ended()
    assert end == WireEnd(WireFault.CLOSED, *reported)
    assert r.wire.received == reported
    assert r.seen.frames == [b"before"]
    r.wire.send(b"nobody listens")
    r.wire.close(4999, "only finishes")
    got = await r.peer.data()
    assert got.close[0] == echo
    await finish_as_peer(r)
    await r.seen.gone()


async def test_a_server_closes_the_connection_itself_and_a_client_waits_for_it(
    rig: Opener,
) -> None:
    r = await rig(close_seconds=1.0)
    r.peer.close(1000)
    assert (await r.peer.data()).close == (1000, "")
    begun = time.monotonic()
    if r.peer.client:
        await r.peer.ended(0.8)
        await r.seen.gone(0.8)  # at once, and nothing is kept until the deadline
        assert time.monotonic() - begun < 0.8
    else:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await r.peer.frame()
        assert time.monotonic() - begun > 0.9, "the client gives the server its close_seconds"
    r.peer.writer.close()
    await r.seen.gone()


async def test_frames_before_a_close_come_first_even_across_a_pause(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["frame"] = lambda _: r.wire.pause()
    r.peer.push(
        b"".join(r.peer.build(TEXT, b"%d" % n) for n in range(3))
        + r.peer.build(CLOSE, close_payload(1001, "leaving"))
    )
    for count in (1, 2, 3):
        await r.seen.counts(count)
        await asyncio.sleep(0.02)
        assert len(r.seen.frames) == count
        r.wire.resume()
    assert (await r.seen.ended()).code == 1001


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("how", ["close", "half_close", "reset"])
async def test_a_peer_that_leaves_before_start_is_reported(
    rig: Opener, how: str, attached: bool
) -> None:
    r = await rig(attach=attached, start=False)
    r.peer.text("never delivered")
    await asyncio.sleep(0.02)
    if how == "close":
        r.peer.close(4002, "changed my mind")
    else:
        getattr(r.peer, how)()
    if not attached:
        await asyncio.sleep(0.1)
        r.wire.attach(r.seen)
        assert r.seen.events == [], "not from inside attach()"
    end = await r.seen.ended()
    assert (end.fault, end.code) == (
        (WireFault.CLOSED, 4002) if how == "close" else (WireFault.GONE, None)
    )
    r.peer.drop()
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["end", "closed"]


async def test_everything_that_came_before_attach_is_told_in_order(rig: Opener) -> None:
    r = await rig(attach=False)
    r.peer.text("one", "two")
    r.peer.close(1000, "done")
    await asyncio.sleep(0.05)
    r.peer.half_close()
    await asyncio.sleep(0.05)
    r.wire.attach(r.seen)
    r.wire.start()
    await r.seen.until(lambda s: s.closed)
    assert [kind for kind, _ in r.seen.events] == ["frame", "frame", "end", "closed"]
    assert r.seen.end == WireEnd(WireFault.CLOSED, 1000, "done")


@pytest.mark.parametrize("how", ["half_close", "reset"])
async def test_a_peer_that_vanishes_is_gone(rig: Opener, how: str) -> None:
    r = await rig()
    r.peer.text("one")
    await r.seen.until(lambda s: s.frames)
    getattr(r.peer, how)()
    end = await r.seen.ended()
    assert (end.fault, end.code, end.can_speak) == (WireFault.GONE, None, False)
    r.peer.drop()
    await r.seen.gone()


async def test_calls_after_loss_do_nothing(rig: Opener) -> None:
    r = await rig()
    r.peer.reset()
    await r.seen.gone()
    for _ in range(8):
        r.wire.send(b"x")
    r.wire.pause()
    r.wire.resume()
    r.wire.start()
    r.wire.close(1000, "")
    r.wire.abort()
    await asyncio.sleep(0.02)
    assert [kind for kind, _ in r.seen.events] == ["end", "closed"]


# -- faults of the peer


def wrong(peer: Peer, opcode: int, payload: bytes = b"", **changes: int) -> bytes:
    masked = bool(changes.pop("masked", peer.client))
    fin = bool(changes.pop("fin", True))
    return frame(opcode, payload, masked=masked, fin=fin, reserved=changes.pop("reserved", 0))


FAULTS: dict[str, tuple[WireFault, Callable[[Peer], bytes]]] = {
    "binary": (WireFault.BINARY, lambda p: wrong(p, BINARY, b"\0")),
    "binary fragment": (WireFault.BINARY, lambda p: wrong(p, BINARY, b"\0", fin=0)),
    "bad text": (WireFault.BAD_TEXT, lambda p: wrong(p, TEXT, b"ok \xff")),
    "surrogate": (WireFault.BAD_TEXT, lambda p: wrong(p, TEXT, b"\xed\xa0\x80")),
    "truncated text": (WireFault.BAD_TEXT, lambda p: wrong(p, TEXT, "€".encode()[:2])),
    "bad text across fragments": (
        WireFault.BAD_TEXT,
        lambda p: wrong(p, TEXT, "€".encode()[:2], fin=0) + wrong(p, CONT, b"a"),
    ),
    "bad fragment": (WireFault.BAD_TEXT, lambda p: wrong(p, TEXT, b"\xff", fin=0)),
    "truncated at the end of fragments": (
        WireFault.BAD_TEXT,
        lambda p: wrong(p, TEXT, b"a", fin=0) + wrong(p, CONT, "€".encode()[:1]),
    ),
    "bad text in a close frame": (
        WireFault.BAD_TEXT,
        lambda p: wrong(p, CLOSE, close_payload(1000) + b"\xff"),
    ),
    "too big": (WireFault.TOO_BIG, lambda p: wrong(p, TEXT, b"x" * 10_001)),
    "far too big": (WireFault.TOO_BIG, lambda p: wrong(p, TEXT, b"x" * 70_000)),
    "too big in fragments": (
        WireFault.TOO_BIG,
        lambda p: wrong(p, TEXT, b"x" * 6000, fin=0) + wrong(p, CONT, b"x" * 4001, fin=0),
    ),
    "reserved bit": (WireFault.PROTOCOL, lambda p: wrong(p, TEXT, b"x", reserved=4)),
    "unknown opcode": (WireFault.PROTOCOL, lambda p: wrong(p, 3, b"x")),
    "unknown control opcode": (WireFault.PROTOCOL, lambda p: wrong(p, 11, b"x")),
    "wrong masking": (WireFault.PROTOCOL, lambda p: wrong(p, TEXT, b"x", masked=not p.client)),
    "long ping": (WireFault.PROTOCOL, lambda p: wrong(p, PING, b"x" * 126)),
    "fragmented ping": (WireFault.PROTOCOL, lambda p: wrong(p, PING, b"x", fin=0)),
    "continuation of nothing": (WireFault.PROTOCOL, lambda p: wrong(p, CONT, b"x")),
    "text inside a message": (
        WireFault.PROTOCOL,
        lambda p: wrong(p, TEXT, b"x", fin=0) + wrong(p, TEXT, b"y"),
    ),
    "close code 1005": (WireFault.PROTOCOL, lambda p: wrong(p, CLOSE, close_payload(1005))),
    "close code 999": (WireFault.PROTOCOL, lambda p: wrong(p, CLOSE, close_payload(999))),
    "half a close code": (WireFault.PROTOCOL, lambda p: wrong(p, CLOSE, b"\x03")),
    "too many fragments": (
        WireFault.PROTOCOL,
        lambda p: wrong(p, TEXT, b"", fin=0) + wrong(p, CONT, b"", fin=0) * 1023 + wrong(p, CONT),
    ),
    "too many pings": (WireFault.PROTOCOL, lambda p: wrong(p, PING) * 45),
    "too many pongs": (WireFault.PROTOCOL, lambda p: wrong(p, PONG) * 45),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_reported_before_anything_is_said_about_it(rig: Opener, name: str) -> None:
    fault, build = FAULTS[name]
    r = await rig(max_message=10_000)

    def say_goodbye(end: WireEnd) -> None:
        r.wire.send(b"error event")
        r.wire.close(1002, end.fault)

    r.seen.hooks["end"] = say_goodbye
    r.peer.push(
        r.peer.build(TEXT, b"x" * 10_000) + build(r.peer) + r.peer.build(TEXT, b"behind it")
    )
    end = await r.seen.ended()
    assert end == WireEnd(fault, can_speak=True)
    assert end.detail, "the log would not know which rule was broken"
    assert "\\x" not in end.detail
    assert r.seen.frames == [b"x" * 10_000]
    got = [await r.peer.data()]
    while got[-1].opcode == PONG:
        got.append(await r.peer.data())
    assert got[-1].payload == b"error event"
    assert (await r.peer.data()).close == (1002, fault.value)
    await finish_as_peer(r)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["frame", "end", "closed"]


async def test_a_fault_before_start_is_reported(rig: Opener) -> None:
    r = await rig(start=False)
    r.peer.push(r.peer.build(TEXT, b"held") + r.peer.build(BINARY, b"x"))
    assert (await r.seen.ended()).fault is WireFault.BINARY


async def test_after_a_fault_the_words_arrive_although_the_peer_goes_on(rig: Opener) -> None:
    r = await rig(close_seconds=3.0)

    def say_goodbye(_: WireEnd) -> None:
        r.wire.send(b"error event")
        r.wire.close(1003, "binary")

    r.seen.hooks["end"] = say_goodbye
    r.peer.push(r.peer.build(BINARY, b"x" * 100_000) * 20)
    await asyncio.sleep(0.05)
    r.peer.push(r.peer.build(BINARY, b"x" * 100_000) * 20)
    assert (await r.peer.data()).payload == b"error event"
    assert (await r.peer.data()).close == (1003, "binary")
    if r.peer.client:
        await r.peer.ended(1.5)  # long before the deadline
    r.peer.writer.close()
    await r.seen.gone(1.5)


async def test_a_fault_while_closing_does_not_matter(rig: Opener) -> None:
    r = await rig()
    r.wire.close(1000, "")
    r.peer.push(r.peer.build(BINARY, b"x"))
    assert (await r.peer.data()).close == (1000, "")
    await finish_as_peer(r)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["closed"]


async def test_pings_within_the_budget_are_answered(rig: Opener) -> None:
    r = await rig()
    for number in range(50):
        r.peer.push(r.peer.build(PING, b"%d" % number))
        assert (await r.peer.frame()).payload == b"%d" % number
        await asyncio.sleep(0.015)
    assert r.seen.events == []


async def test_pongs_that_piled_up_during_a_pause_are_no_flood(rig: Opener) -> None:
    r = await rig()
    r.wire.pause()
    r.peer.push(r.peer.build(PONG) * 45)
    await asyncio.sleep(0.5)
    r.wire.resume()
    r.peer.text("still here")
    await r.seen.until(lambda s: s.frames)


# -- failing owners


def broken(_: object) -> None:
    raise ValueError("owner's bug")


async def test_an_owner_that_raises_in_a_frame_is_told_once(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["frame"] = broken
    r.seen.hooks["error"] = lambda _: r.wire.close(1011, "internal error")
    r.peer.text("one", "two", "three")
    assert (await r.peer.data()).close == (1011, "internal error")
    await finish_as_peer(r)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["frame", "error", "closed"]
    assert isinstance(r.seen.errors[0], ValueError)


async def test_an_owner_that_raises_in_an_end_or_a_signal_is_told_once(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["end"] = broken
    r.peer.reset()
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["end", "error", "closed"]


async def test_an_owner_that_raises_in_a_pressure_signal_is_told_once(rig: Opener) -> None:
    r = await rig(receive_buffer=8192)
    r.seen.hooks["pressure"] = broken
    r.seen.hooks["error"] = lambda _: r.wire.abort()
    for _ in range(200):
        r.wire.send(b"x" * 50_000)
    await r.seen.gone()
    assert [kind for kind, _ in r.seen.events] == ["pressure", "error", "closed"]


async def test_an_owner_that_raises_in_its_last_call_is_told(rig: Opener) -> None:
    r = await rig()
    told: list[Exception] = []
    r.seen.on_error = told.append  # type: ignore[method-assign, assignment]
    r.seen.hooks["closed"] = broken
    r.peer.reset()
    await r.seen.until(lambda _: told or r.seen.end)
    await asyncio.sleep(0.05)
    assert [str(error) for error in told] == ["owner's bug"]


async def test_an_owner_that_fails_and_does_nothing_loses_the_connection(rig: Opener) -> None:
    r = await rig()
    r.seen.hooks["frame"] = broken
    r.peer.text("one")
    begun = time.monotonic()
    await r.seen.gone()
    assert time.monotonic() - begun < 2.0


async def test_an_owner_that_fails_in_on_error_loses_the_connection(rig: Opener) -> None:
    r = await rig()
    heard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    r.seen.hooks["frame"] = r.seen.hooks["error"] = broken
    r.peer.text("one")
    await r.seen.gone()
    assert len(heard) == 1
