"""The HTTP class before anybody is known: floods, slow heads, odd upgrades, bytes behind a head."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

import pytest

from app.wire.handshake import WIRE_EXTENSION
from app.wire.http import HeadLimits

from .peer import TEXT, Peer, dial, frame
from .rig import Message, Recorder, read_head, serving, upgrade

QUICK = HeadLimits(head_seconds=0.3, body_seconds=0.3, linger_seconds=0.3)


async def hello(scope: Message, receive: Any, send: Any) -> None:
    """Answers any request with its body's length; takes any WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000})
        return
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message.get("more_body"):
            break
    body = b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def get(*headers: str, path: str = "/") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    status, headers = await read_head(reader)
    async with asyncio.timeout(5):
        return status, await reader.readexactly(int(headers["content-length"]))


async def test_ordinary_requests_are_served_on_one_connection() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        for _ in range(3):
            writer.write(get())
            assert await answer(reader) == (200, b"0")
        await asyncio.sleep(0.4)  # longer than a head may take: idling is uvicorn's affair
        writer.write(get() + get() + b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
        answers = [await answer(reader) for _ in range(2)]
        assert answers == [(200, b"0"), (200, b"0")]
        assert (await answer(reader))[0] == 400, "no Host header"
        writer.close()


@pytest.mark.parametrize(
    ("request_bytes", "status", "word"),
    [
        (get(path="/" + "a" * 9000), 414, b"line"),
        (get("X: " + "a" * 9000), 431, b"line"),
        (get(*[f"X-{n}: a" for n in range(100)]), 431, b"100 header"),
        (get(*[f"X-{n}: " + "a" * 1000 for n in range(20)]), 431, b"16384"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 431, b"line"),
        (b"GET /" + b"a" * 20_000, 414, b"line"),
        (b"\x16\x03\x01 this is TLS\r\n\r\n", 400, b"Invalid"),
        (upgrade("/ws", "X: " + "a" * 9000), 431, b"line"),
    ],
)
async def test_a_head_over_a_limit_is_refused_in_words(
    request_bytes: bytes, status: int, word: bytes
) -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(request_bytes)
        got, body = await answer(reader)
        assert got == status
        assert word in body
        writer.close()


@pytest.mark.parametrize(
    "headers",
    [[f"X-{n}: a" for n in range(99)], ["A: " + "a" * 8000, "B: " + "b" * 8000]],
    ids=["a hundred with Host", "16 KB"],
)
async def test_a_head_just_under_the_limits_is_served(headers: list[str]) -> None:
    async with serving(hello) as port:
        reader, writer = await dial(port)
        writer.write(get(*headers))
        assert (await answer(reader))[0] == 200
        writer.close()


async def test_a_flood_of_headers_is_refused_in_words_and_then_cut_off() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(b"GET / HTTP/1.1\r\n")

        async def flood() -> None:
            while True:
                writer.write(b"X: " + b"a" * 60_000 + b"\r\n")
                await writer.drain()

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.15)  # an early reset would by now have destroyed the answer
        status, _ = await answer(reader)
        assert status == 431
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flooding, 5)
        assert time.monotonic() - begun < 3.0
        writer.close()


async def test_a_head_that_comes_too_slowly_is_refused_in_words() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        begun = time.monotonic()
        for byte in b"GET / HT":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        status, body = await answer(reader)
        assert status == 408
        assert b"0.3 s" in body
        assert time.monotonic() - begun < 2.0
        writer.close()


@pytest.mark.parametrize(("requests", "refused"), [(5, False), (6, True)])
async def test_four_requests_may_run_ahead_of_their_answers_and_no_fifth(
    requests: int, refused: bool
) -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(get() * requests)
        for _ in range(5):
            assert (await answer(reader))[0] == 200
        if refused:
            status, body = await answer(reader)
            assert status == 429
            assert b"wait for each answer" in body
            assert await asyncio.wait_for(reader.read(), 2) == b""
        else:
            writer.write(get())
            assert (await answer(reader))[0] == 200, "it waited, and is served"
        writer.close()


async def test_who_goes_on_after_a_refusal_is_read_with_restraint() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000)
        assert (await answer(reader))[0] == 431
        sent, end = 0, time.monotonic() + 0.25  # it lingers for 0.3 s
        piece = b"a" * 1_000_000
        while time.monotonic() < end:
            writer.write(piece)
            sent += len(piece)
            with suppress(TimeoutError):
                await asyncio.wait_for(writer.drain(), max(0.0, end - time.monotonic()))
        waiting = writer.transport.get_write_buffer_size()
        writer.transport.abort()
        assert sent - waiting < 40_000_000, "hundreds, where nothing holds it back"


async def test_a_silent_connection_is_dropped() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        begun = time.monotonic()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)
        assert 0.2 < time.monotonic() - begun < 1.8
        writer.close()


async def test_a_later_request_on_the_connection_has_the_same_limits() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(get())
        await answer(reader)
        writer.write(get("X: " + "a" * 9000))
        assert (await answer(reader))[0] == 431
        writer.close()
        reader, writer = await dial(port)
        writer.write(get())
        await answer(reader)
        await asyncio.sleep(0.35)
        writer.write(b"GET")
        assert (await answer(reader))[0] == 408
        writer.close()


async def test_a_pipelined_head_has_the_same_limits() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(get() + get("X: " + "a" * 9000))
        assert (await answer(reader))[0] == 200
        assert (await answer(reader))[0] == 431
        writer.close()


async def test_a_body_that_never_comes_is_cut_off() -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)
        writer.close()


@pytest.mark.parametrize("reads", [False, True])
async def test_an_answer_that_nobody_reads_ends_in_a_reset(reads: bool) -> None:
    async def long_answer(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(12):
            await send({"type": "http.response.body", "body": b"x" * 10**6, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    limits = HeadLimits(unread_seconds=0.3)
    async with serving(long_answer, head=limits) as port:
        reader, writer = await dial(port, receive_buffer=4096)
        writer.write(get())
        await asyncio.sleep(0.0 if reads else 0.8)
        taken = 0
        with suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                while not (piece := await reader.read(2**20)).endswith(b"0\r\n\r\n"):
                    assert piece, "an end of file would pass for a whole answer"
                    taken += len(piece)
        assert (taken > 11_000_000) is reads
        writer.transport.abort()


@pytest.mark.parametrize(
    "headers",
    [
        ("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAA"),
        ("Upgrade: something-else", "Connection: Upgrade"),
        ("Upgrade: websocket", "Connection: keep-alive"),
        ("Upgrade: websocket, something", "Connection: Upgrade"),
        ("Connection: Upgrade",),
    ],
)
async def test_an_upgrade_to_something_else_is_an_ordinary_request(
    headers: tuple[str, ...],
) -> None:
    async with serving(hello, head=QUICK) as port:
        reader, writer = await dial(port)
        writer.write(get(*headers))
        assert await answer(reader) == (200, b"0")
        writer.close()


@pytest.mark.parametrize("pieces", [1, 7])
async def test_bytes_behind_the_upgrade_are_frames(pieces: int) -> None:
    seen = Recorder()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        wire.attach(seen)
        wire.start()

    async with serving(app) as port:
        reader, writer = await dial(port)
        raw = upgrade() + frame(TEXT, b"one", masked=True) + frame(TEXT, b"two", masked=True)
        size = len(raw) // pieces + 1
        for start in range(0, len(raw), size):
            writer.write(raw[start : start + size])
            await asyncio.sleep(0.005)
        assert (await read_head(reader))[0] == 101
        await seen.counts(2)
        assert seen.frames == [b"one", b"two"]
        writer.close()


async def test_an_upgrade_after_other_requests_has_its_own_clock() -> None:
    async with serving(hello, handshake_seconds=0.3) as port:
        reader, writer = await dial(port)
        writer.write(get())
        await answer(reader)
        await asyncio.sleep(0.4)
        writer.write(upgrade())
        assert (await read_head(reader))[0] == 101
        assert (await Peer(reader, writer, client=True).data()).close == (4000, "")
        writer.close()


async def test_no_query_string_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(hello) as port:
        for request in (get(path="/?api-key=hush"), upgrade("/ws?api-key=hush")):
            reader, writer = await dial(port)
            writer.write(request)
            await read_head(reader)
            writer.close()
    assert "hush" not in caplog.text
