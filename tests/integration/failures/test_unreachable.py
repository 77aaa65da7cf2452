"""No WebSocket server answers: the name, the port, the time, the language or the certificate."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.harness.client import client
from tests.harness.fault_proxy import fault_proxy
from tests.integration.failures.certificates import Shelf
from tests.integration.failures.front import (
    Front,
    Reply,
    hangs_up,
    in_peace,
    silence,
    talks,
    writes,
)
from tests.integration.failures.scene import (
    KEY,
    NOT_SET_UP,
    UNAVAILABLE,
    Small,
    dial_failures,
    one_dial_failed,
    relay_at,
    relay_before,
    turned_down,
)


async def test_a_name_that_does_not_exist(shelf: Shelf) -> None:
    address = "https://no-such-host.invalid"
    async with relay_at(address, upstream_ca_file=str(shelf.ca)) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        one_dial_failed(relay, "dns", "no-such-host.invalid")


async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with relay_at(f"http://127.0.0.1:{port}") as relay:
            seen = await turned_down(relay)
            seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
            one_dial_failed(relay, "refused", str(port))


async def test_an_upstream_that_comes_back_between_two_tries_is_reached(small: Small) -> None:
    small.pause(1.0)
    front = Front(talks(in_peace))
    async with front.serving(), fault_proxy(front.port) as proxy:
        await proxy.down()
        async with relay_at(proxy.address) as relay:
            async with client(relay.address, open_timeout=5) as me:
                await proxy.up()
                await me.until("session.created")
            line = await relay.one_closed()
            await proxy.down()  # its listener is no leftover of the relay's
            assert line["reason"] == "client_closed"
            assert not dial_failures(relay)


async def test_an_upstream_that_never_answers_the_handshake(small: Small) -> None:
    small.session(setup_seconds=1.0)
    front = Front(silence)
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        one_dial_failed(relay, "timeout", "did not answer")
        assert 0.8 < seen.line["duration_s"] < 1.5
        assert seen.line["phase"] == "dialling"


GREETING = [b"", b"HTTP/1.1 100 Continue\r\n\r\n"]


@pytest.mark.parametrize("first", GREETING, ids=["at once", "after 1xx"])
async def test_an_upstream_that_accepts_and_then_says_nothing(small: Small, first: bytes) -> None:
    small.session(setup_seconds=0.8)
    front = Front(talks(in_peace, greets=False, first=first))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        (note,) = [line for line in relay.lines if line["event"] == "setup.too_slow"]
        assert note["phase"] == "greeting"
        assert not dial_failures(relay)
        assert seen.line["upstream_code_sent"] == 1000


GARBAGE: dict[str, tuple[Reply, str]] = {
    "another protocol": (writes(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_http"),
    "noise": (writes(bytes(range(256)) * 4), "not_http"),
    "HTTP/1.0": (writes(b"HTTP/1.0 200 OK\r\n\r\n"), "not_http"),
    "HTTP/2": (writes(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)), "not_http"),
    "an endless head": (writes(b"HTTP/1.1 101 X\r\nX: " + b"x" * 20_000), "not_http"),
    "1xx without end": (writes(b"HTTP/1.1 102 Processing\r\n\r\n" * 700), "not_http"),
    "a 101 for somebody else": (
        writes(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
        ),
        "not_http",
    ),
    "an end of file": (hangs_up, "reset"),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_anything_that_is_no_answer_is_tried_three_times(kind: str, small: Small) -> None:
    small.session(setup_seconds=3.0)
    reply, name = GARBAGE[kind]
    front = Front(reply)
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        one_dial_failed(relay, name)
    assert len(front.callers) == 3


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong-name", "certificate is not valid for 'localhost'"),
        ("expired", "expired"),
        ("self-signed", "self-signed certificate"),
    ],
)
async def test_a_wrong_certificate_is_refused_and_shown_no_key(
    shelf: Shelf, kind: str, words: str
) -> None:
    front = Front(talks(in_peace))
    ca = str(shelf.ca)
    async with relay_before(front, shelf.context(kind), upstream_ca_file=ca) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_refused", 4510, NOT_SET_UP, "operator")
        (line,) = dial_failures(relay)
        assert "TLS" in line["detail"]
        assert words.lower() in line["detail"].lower().replace("self signed", "self-signed")
    assert not front.callers, "no request was made"


async def test_a_right_certificate_is_taken(shelf: Shelf) -> None:
    front = Front(talks(in_peace))
    ca = str(shelf.ca)
    async with relay_before(front, shelf.context("good"), upstream_ca_file=ca) as relay:
        async with client(relay.address) as me:
            await me.until("session.created")
        assert (await relay.one_closed())["reason"] == "client_closed"


async def test_a_port_that_speaks_no_tls_is_never_asked_in_the_clear(shelf: Shelf) -> None:
    heard = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        address = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        async with relay_at(address, upstream_ca_file=str(shelf.ca)) as relay:
            seen = await turned_down(relay)
            seen.must_be("upstream_refused", 4510, NOT_SET_UP, "operator")
            one_dial_failed(relay, "TLS", "WRONG_VERSION_NUMBER")
    (hello,) = heard
    assert hello.startswith(b"\x16\x03"), "a TLS handshake and nothing else"
    assert KEY.encode() not in hello


async def test_a_tls_port_that_never_answers_is_given_up(shelf: Shelf, small: Small) -> None:
    small.session(setup_seconds=1.0)
    front = Front(silence)  # without TLS, it waits for a request's head that never comes
    async with front.serving():
        address = f"https://localhost:{front.port}"
        async with relay_at(address, upstream_ca_file=str(shelf.ca)) as relay:
            seen = await turned_down(relay)
            seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
            one_dial_failed(relay, "timeout")
    assert not front.callers
