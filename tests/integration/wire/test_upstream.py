"""Dialling: every way in which a server, a proxy or a network can answer, or not."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import websockets

from app.wire.upstream import (
    HandshakeRefused,
    Proxy,
    Target,
    TlsRejected,
    Unreachable,
    UpstreamWire,
    connect,
)

from .certificates import client_context, self_signed, server_context
from .peer import CLOSE, TEXT, Peer, close_payload, frame, listener
from .rig import LIMITS, Recorder, accepting, plain_target, read_request

ROOMY = replace(LIMITS, max_message=1_000_000, close_seconds=2.0)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Counted:
    """A TCP server that knows how many connections stand."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.open = 0

    async def empty(self) -> None:
        """Waits until the dialling side has let go of everything."""
        async with asyncio.timeout(2):
            while self.open:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def server(answer: Answer | bytes, **options: Any) -> AsyncIterator[Counted]:
    """Serves `answer` behind each request; then waits until the client leaves."""
    counted = Counted()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted.open += 1
        try:
            if isinstance(answer, bytes):
                counted.requests.append(await read_request(reader))
                writer.write(answer)
            else:
                await answer(reader, writer)
            while await reader.read(65536):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            counted.open -= 1
            writer.close()

    sock = listener()
    running = await asyncio.start_server(serve, sock=sock, **options)
    counted.port = sock.getsockname()[1]
    try:
        yield counted
        await counted.empty()
    finally:
        running.close()


async def failing(target: Target, seconds: float = 2.0) -> Exception:
    with pytest.raises((HandshakeRefused, Unreachable, TlsRejected)) as caught:
        await connect(target, LIMITS, timeout=seconds)
    text = f"{caught.value} {caught.value!r}"
    assert "hush" not in text
    assert "api-version" not in text
    return caught.value


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


async def test_the_request_says_what_the_target_says() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        far.requests.append(request)
        extra = ("Sec-WebSocket-Protocol: realtime", "x-request-id: abc-1")
        writer.write(accepting(request[1]["sec-websocket-key"], *extra))

    async with server(accept) as far:
        target = plain_target(
            far.port,
            request_target="/openai/realtime?api-version=1&deployment=d",
            headers=(("api-key", "hush"), ("Sec-WebSocket-Protocol", "realtime, other")),
        )
        wire = await connect(target, LIMITS, timeout=2)
        assert wire.request_id == "abc-1"
        assert wire.subprotocol == "realtime"
        wire.abort()
    ((line, headers),) = far.requests
    assert line == "GET /openai/realtime?api-version=1&deployment=d HTTP/1.1"
    assert headers["host"] == "upstream.test"
    assert headers["api-key"] == "hush"
    assert headers["sec-websocket-version"] == "13"
    assert "sec-websocket-extensions" not in headers
    assert "hush" not in repr(target)
    assert "deployment" not in repr(target)


async def test_a_real_server_talks_through_the_wire() -> None:
    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message)

    seen = Recorder()
    async with websockets.serve(echo, "127.0.0.1", 0) as far:
        port = next(iter(far.sockets)).getsockname()[1]
        wire = await connect(plain_target(port), LIMITS, timeout=2)
        wire.attach(seen)
        wire.start()
        for text in (b"one", "zwö".encode() * 1000):
            wire.send(text)
        await seen.counts(2)
        wire.close(1000, "bye")
        await seen.gone()
    assert wire.received == (1000, "bye")
    assert seen.end is None


async def test_frames_and_an_end_in_the_segment_of_the_101_are_told_in_order() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await read_request(reader)
        writer.write(
            accepting(headers["sec-websocket-key"])
            + frame(TEXT, b"created", masked=False)
            + frame(CLOSE, close_payload(1001, "expired"), masked=False)
        )
        writer.close()

    seen = Recorder()
    async with server(accept) as far:
        wire = await connect(plain_target(far.port), LIMITS, timeout=2)
        await asyncio.sleep(0.05)
        wire.attach(seen)
        wire.start()
        await seen.gone()
    assert [kind for kind, _ in seen.events] == ["frame", "end", "closed"]
    assert seen.end is not None
    assert seen.end.code == 1001


@pytest.mark.parametrize(
    ("answer", "status", "retry", "ident"),
    [
        (head("401 Unauthorized", "x-request-id: r1"), 401, None, "r1"),
        (head("429 Too Many Requests", "Retry-After: 7"), 429, 7.0, None),
        (head("429 x", "Retry-After: 7", "retry-after-ms: 1500"), 429, 1.5, None),
        (head("429 x", "x-ms-retry-after-ms: 250"), 429, 0.25, None),
        (head("429 x", "Retry-After: soon", "apim-request-id: a2"), 429, None, "a2"),
        (head("429 x", "Retry-After: -3"), 429, None, None),
        (head("302 Found", "Location: http://127.0.0.1:1/elsewhere"), 302, None, None),
        (head("200 OK", "Content-Length: 5"), 200, None, None),
        (head("503 Unavailable", "Content-Length: 1000000") + b"partly", 503, None, None),
        (head("100 Continue") + head("103 Hints", "A: b") + head("404 No"), 404, None, None),
    ],
)
async def test_any_other_status_is_told_from_the_head_alone(
    answer: bytes, status: int, retry: float | None, ident: str | None
) -> None:
    async with server(answer) as far:
        begun = time.monotonic()
        error = await failing(plain_target(far.port, headers=(("api-key", "hush"),)))
        assert time.monotonic() - begun < 1.5
    assert isinstance(error, HandshakeRefused)
    assert (error.status, error.retry_after, error.request_id) == (status, retry, ident)


async def test_a_date_in_retry_after_is_counted_from_now() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    async with server(head("503 x", f"Retry-After: {then}")) as far:
        error = await failing(plain_target(far.port))
    assert isinstance(error, HandshakeRefused)
    assert error.retry_after is not None
    assert 55 < error.retry_after <= 60


async def test_an_endless_body_does_not_hold_up_the_status() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head("429 x", "Retry-After: 2", "Transfer-Encoding: chunked"))
        while True:
            writer.write(b"5\r\nhello\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with server(endless) as far:
        error = await failing(plain_target(far.port))
    assert isinstance(error, HandshakeRefused)
    assert (error.status, error.retry_after) == (429, 2.0)


def bad_101(*changes: tuple[bytes, bytes]) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, headers = await read_request(reader)
        raw = accepting(headers["sec-websocket-key"])
        for old, new in changes:
            assert old in raw
            raw = raw.replace(old, new)
        writer.write(raw)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\x00\x01\x02 garbage without any line",
        b"HTTP/1.0 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000,
        head("200 OK", *[f"X-{n}: {'a' * 4000}" for n in range(5)]),
        bad_101((b"Accept: ", b"Accept: x")),
        bad_101((b"Upgrade: websocket", b"Upgrade: other")),
        bad_101((b"Connection: Upgrade\r\n", b"")),
        bad_101((b"Upgrade: websocket", b"Upgrade: websocket\r\nSec-WebSocket-Protocol: x")),
        bad_101((b"Upgrade: websocket", b"Upgrade: websocket\r\nSec-WebSocket-Extensions: x")),
    ],
)
async def test_what_is_no_fitting_answer_is_not_http(answer: Answer | bytes) -> None:
    async with server(answer) as far:
        error = await failing(plain_target(far.port))
    assert isinstance(error, Unreachable)
    assert error.kind == "not_http"


async def test_a_silent_server_times_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with server(silent) as far:
        begun = time.monotonic()
        error = await failing(plain_target(far.port), seconds=0.2)
        assert time.monotonic() - begun < 1.5
    assert isinstance(error, Unreachable)
    assert error.kind == "timeout"


async def test_a_cancelled_dial_leaves_no_connection() -> None:
    reached = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        reached.set()

    async with server(silent) as far:
        dialling = asyncio.create_task(connect(plain_target(far.port), LIMITS, timeout=9))
        await reached.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling


async def test_a_server_that_hangs_up_is_a_reset() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 ")
        writer.close()

    async with server(rude) as far:
        error = await failing(plain_target(far.port))
    assert isinstance(error, Unreachable)
    assert error.kind == "reset"


async def test_a_closed_port_is_refused_and_an_impossible_name_has_no_address() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        error = await failing(plain_target(sock.getsockname()[1]))
    assert isinstance(error, Unreachable)
    assert error.kind == "refused"
    error = await failing(plain_target(1, host="a" * 70 + ".invalid"), 5)
    assert isinstance(error, Unreachable)
    assert error.kind == "dns"


# -- TLS and proxies


@pytest.fixture(scope="module")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return self_signed(tmp_path_factory.mktemp("other"), "127.0.0.2")


async def accept_and_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, headers = await read_request(reader)
    writer.write(accepting(headers["sec-websocket-key"]) + frame(TEXT, b"hello", masked=False))
    peer = Peer(reader, writer, client=False)
    while (got := await peer.data()).opcode == TEXT:
        peer.text(got.payload)
    peer.push(peer.build(CLOSE, got.payload))
    await writer.drain()
    writer.close()


async def converse(wire: UpstreamWire) -> None:
    """A greeting, an echo, a farewell."""
    seen = Recorder()
    wire.attach(seen)
    wire.start()
    wire.send(b"x" * 300_000)
    await seen.counts(2)
    assert seen.frames == [b"hello", b"x" * 300_000]
    wire.close(1000, "bye")
    await seen.gone()
    assert wire.received == (1000, "bye")


async def test_a_trusted_certificate_holds(certificate: tuple[str, str]) -> None:
    async with server(accept_and_echo, ssl=server_context(certificate)) as far:
        target = plain_target(far.port, tls=client_context(certificate))
        await converse(await connect(target, ROOMY, timeout=2))


async def test_a_certificate_of_somebody_else_is_rejected(
    certificate: tuple[str, str], other_certificate: tuple[str, str]
) -> None:
    for shown, trusted in (
        (certificate, other_certificate),  # an unknown issuer
        (other_certificate, other_certificate),  # another name
    ):
        async with server(accept_and_echo, ssl=server_context(shown)) as far:
            error = await failing(plain_target(far.port, tls=client_context(trusted)))
        assert isinstance(error, TlsRejected)
        assert "certificate" in error.detail.lower() or "mismatch" in error.detail.lower()


async def test_a_server_without_tls_is_rejected_and_a_silent_one_times_out(
    certificate: tuple[str, str],
) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with server(plain) as far:
        error = await failing(plain_target(far.port, tls=client_context(certificate)))
    assert isinstance(error, TlsRejected)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async with server(silent) as far:
        error = await failing(plain_target(far.port, tls=client_context(certificate)), 0.2)
    assert isinstance(error, Unreachable)
    assert error.kind == "timeout"


def tunnel(seen: list[tuple[str, dict[str, str]]]) -> Answer:
    """A proxy that opens what is asked for."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        seen.append(request)
        host, port = request[0].split()[1].split(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.0 200 Connection established\r\nVia: test\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    return answer


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_a_proxy_opens_a_tunnel(certificate: tuple[str, str], secure: bool) -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    context = server_context(certificate) if secure else None
    async with server(accept_and_echo, ssl=context) as far, server(tunnel(asked)) as near:
        target = plain_target(
            far.port,
            tls=client_context(certificate) if secure else None,
            proxy=Proxy("127.0.0.1", near.port, "Basic hush"),
        )
        await converse(await connect(target, ROOMY, timeout=2))
    ((line, headers),) = asked
    assert line == f"CONNECT 127.0.0.1:{far.port} HTTP/1.1"
    assert headers == {"host": f"127.0.0.1:{far.port}", "proxy-authorization": "Basic hush"}
    assert "hush" not in repr(target)


async def test_a_wrong_certificate_behind_a_proxy_is_rejected(
    certificate: tuple[str, str], other_certificate: tuple[str, str]
) -> None:
    async with (
        server(accept_and_echo, ssl=server_context(certificate)) as far,
        server(tunnel([])) as near,
    ):
        target = plain_target(
            far.port,
            tls=client_context(other_certificate),
            proxy=Proxy("127.0.0.1", near.port),
        )
        assert isinstance(await failing(target), TlsRejected)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n", "302"),
        (b"HTTP/1.1 200 OK\r\n\r\nunasked", "tunnel"),
        (b"garbage\r\n\r\n", "HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000, "larger"),
    ],
)
async def test_a_proxy_that_refuses_is_named(answer: bytes, word: str) -> None:
    async with server(answer) as near:
        error = await failing(plain_target(1, proxy=Proxy("127.0.0.1", near.port, "Basic hush")))
    assert isinstance(error, Unreachable)
    assert error.kind == "proxy"
    assert word in error.detail


async def test_a_proxy_that_is_not_there_or_silent() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        error = await failing(plain_target(1, proxy=Proxy("127.0.0.1", port)))
    assert isinstance(error, Unreachable)
    assert error.kind == "proxy"

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with server(silent) as near:
        error = await failing(plain_target(1, proxy=Proxy("127.0.0.1", near.port)), 0.2)
    assert isinstance(error, Unreachable)
    assert error.kind == "timeout"


def descriptors() -> int:
    """How many this process holds."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
async def test_dialling_leaves_no_descriptor_behind(certificate: tuple[str, str]) -> None:
    async with server(head("503 x")) as far:
        await failing(plain_target(far.port))
        before = descriptors()
        for _ in range(20):
            await failing(plain_target(far.port))
        await far.empty()
        await asyncio.sleep(0.05)
        assert descriptors() <= before
