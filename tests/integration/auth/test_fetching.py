"""What a misbehaving issuer can do to the relay: nothing but be told of, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.auth.fetching import MAX_BODY_BYTES, HttpFetch
from app.auth.issuer_fault import IssuerFault
from app.auth.jwks import IssuerKeys, KeysTiming, KeysUnavailable
from app.auth.keys import MOST_KEYS
from app.upkeep.clock import SystemClock
from app.upstream.tls import tls_context
from tests.harness.leftovers import nothing_left
from tests.integration.auth.faulty_issuer import (
    DOCUMENT,
    KEYS,
    Answer,
    FaultyIssuer,
    body,
    padded,
    redirect,
    status,
)
from tests.integration.upstream.certificates import Certificates, make_certificates
from tests.integration.upstream.connect_proxy import ConnectProxy
from tests.unit.auth.issuing import JWKS
from tests.unit.upstream.spawner import Spawner

QUICK = KeysTiming(caller_deadline=1.0, fetch_deadline=1.5, first_backoff=0.1, backoff=0.1)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def keeping(issuer: str, timing: KeysTiming = QUICK) -> AsyncIterator[IssuerKeys]:
    spawner = Spawner()
    keys = IssuerKeys(issuer, HttpFetch(), clock=SystemClock(), timing=timing)
    keys.start(spawner)
    try:
        yield keys
    finally:
        await keys.close()
        assert not spawner.live
        assert not spawner.failures()


async def fault_of(issuer: str, fetch: HttpFetch | None = None) -> str:
    """What is said of an issuer's document and keys."""
    keys = IssuerKeys(issuer, fetch or HttpFetch(), clock=SystemClock(), timing=QUICK)
    with pytest.raises(IssuerFault) as caught:
        await keys.examine()
    assert caught.value.detail.isprintable()
    return caught.value.detail


async def test_document_and_keys_are_asked_for_plainly() -> None:
    issuer = FaultyIssuer()
    async with nothing_left(), issuer.serving() as address:
        keys = IssuerKeys(address, HttpFetch(), clock=SystemClock())
        assert (await keys.examine()).kids() == {"rsa", "ec", "ed", "ps"}
        assert issuer.asked == [DOCUMENT, KEYS]
        for headers in issuer.headers:
            assert headers["Accept-Encoding"] == "identity"
            assert not {"Cookie", "Authorization"} & set(headers)


FAULTS: dict[str, tuple[Answer, str]] = {
    "a redirect": (redirect("/elsewhere", 302), "redirect (302), which is not followed"),
    "a lasting redirect": (redirect("http://127.0.0.1:9/x", 308), "redirect (308)"),
    "404": (status(404), "answers 404"),
    "503": (status(503), "answers 503"),
    "204": (status(204), "answers 204"),
    "too much": (body(padded(MAX_BODY_BYTES + 1)), "is larger than 512 KiB"),
    "very much too much": (body(b"x" * (16 * 1024 * 1024)), "is larger than 512 KiB"),
    "a page": (body(b"<html>Sign in</html>"), "are no JSON Web Key Set"),
    "something compressed": (
        body(gzip.compress(json.dumps(JWKS).encode()), **{"Content-Encoding": "gzip"}),
        "answers compressed",
    ),
    "no usable key": (body(b'{"keys": [{"kty": "oct"}]}'), "none of the issuer's 1 keys"),
}


@pytest.mark.parametrize(("answer", "said"), FAULTS.values(), ids=FAULTS)
async def test_an_answer_that_is_no_set_of_keys_is_told_of(answer: Answer, said: str) -> None:
    issuer = FaultyIssuer()
    issuer.keys = answer
    async with nothing_left(), issuer.serving() as address:
        assert said in await fault_of(address)
        assert issuer.asked == [DOCUMENT, KEYS], "nothing was followed, nothing was tried twice"


async def test_a_set_of_exactly_the_largest_size_is_taken() -> None:
    issuer = FaultyIssuer()
    issuer.keys = body(padded(MAX_BODY_BYTES))
    async with issuer.serving() as address:
        keys = IssuerKeys(address, HttpFetch(), clock=SystemClock())
        assert (await keys.examine()).knows("rsa")


async def test_a_redirected_document_is_not_followed() -> None:
    issuer = FaultyIssuer()
    issuer.document = redirect("/other", 301)
    async with issuer.serving() as address:
        assert "redirect (301)" in await fault_of(address)
        assert issuer.asked == [DOCUMENT]


async def test_nobody_there_and_somebody_who_hangs_up_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "cannot be reached" in await fault_of(f"http://127.0.0.1:{port}")

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with nothing_left(), server:
        port = server.sockets[0].getsockname()[1]
        assert "gives no usable answer" in await fault_of(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, b"\x16\x03\x01" * 9])
async def test_an_answer_that_is_hardly_http_is_told_of(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "gives no usable answer" in await fault_of(f"http://127.0.0.1:{port}")


async def test_an_answer_that_trickles_ends_at_the_deadline() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with nothing_left(), server:
        began = time.monotonic()
        port = server.sockets[0].getsockname()[1]
        assert "gave no answer in 1.5 s" in await fault_of(f"http://127.0.0.1:{port}")
        assert time.monotonic() - began < 4.0


async def test_slow_keys_hold_a_caller_for_its_deadline_and_the_loop_not_at_all() -> None:
    issuer = FaultyIssuer()
    issuer.hold.clear()
    async with nothing_left(), issuer.serving() as address, keeping(address) as keys:
        gaps: list[float] = []
        began = last = time.monotonic()
        callers = asyncio.gather(*(keys.keys_for("rsa") for _ in range(50)), return_exceptions=True)
        while not callers.done():
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
        assert all(isinstance(answer, KeysUnavailable) for answer in await callers)
        assert 0.9 < time.monotonic() - began < 4.0
        assert max(gaps) < 0.6
        issuer.hold.set()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert (await keys.keys_for("rsa")).knows("rsa")
                    break
                except KeysUnavailable:
                    await asyncio.sleep(0.05)


async def test_the_largest_set_is_read_without_holding_the_loop_for_long() -> None:
    entry = dict(JWKS["keys"][0])
    many = json.dumps({"keys": [{**entry, "kid": str(number)} for number in range(1000)]}).encode()
    assert MAX_BODY_BYTES * 0.7 < len(many) < MAX_BODY_BYTES
    issuer = FaultyIssuer()
    issuer.keys = body(many)
    async with issuer.serving() as address:
        keys = IssuerKeys(address, HttpFetch(), clock=SystemClock())
        gaps: list[float] = []
        reading = asyncio.ensure_future(keys.examine())
        last = time.thread_time()  # not the wall's: other tests share the machine
        while not reading.done():
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - last)
            last = time.thread_time()
        assert (await reading).ignored == 1000 - MOST_KEYS
        assert max(gaps) < 0.25


async def test_tls_is_verified_and_an_authority_of_one_s_own_can_be_named(
    certificates: Certificates,
) -> None:
    issuer = FaultyIssuer()
    async with nothing_left(), issuer.serving(certificates.server_context()) as address:
        trusting = HttpFetch(tls_context(str(certificates.ca)))
        keys = IssuerKeys(address, trusting, clock=SystemClock())
        assert (await keys.examine()).knows("rsa")
        for fetch in (HttpFetch(tls_context(None)), HttpFetch()):
            assert "RELAY_OIDC_CA_FILE" in await fault_of(address, fetch)


async def test_a_certificate_of_another_host_is_refused(certificates: Certificates) -> None:
    issuer = FaultyIssuer()
    async with issuer.serving(certificates.server_context(), host="127.0.0.2") as address:
        fetch = HttpFetch(tls_context(str(certificates.ca)))
        said = await fault_of(address.replace("localhost", "127.0.0.2"), fetch)
        assert "is not accepted (IP address mismatch" in said
        assert issuer.asked == []


async def test_the_environment_s_proxy_is_ignored_and_the_operator_s_is_used(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    issuer, proxy = FaultyIssuer(), ConnectProxy()
    tls: ssl.SSLContext = tls_context(str(certificates.ca))
    async with issuer.serving(certificates.server_context()) as address, proxy.serving() as port:
        direct = IssuerKeys(address, HttpFetch(tls), clock=SystemClock())
        assert (await direct.examine()).knows("rsa")
        assert proxy.heads == []
        fetch = HttpFetch(tls, f"http://me:s%40crt@127.0.0.1:{port}")
        through = IssuerKeys(address, fetch, clock=SystemClock())
        assert (await through.examine()).knows("rsa")
        host = address.removeprefix("https://")
        assert all(head.startswith(f"CONNECT {host} ") for head in proxy.heads)
        assert len(proxy.heads) == 2
        assert "Proxy-Authorization: Basic bWU6c0BjcnQ=" in proxy.heads[0]


async def test_a_proxy_that_refuses_is_told_of_without_its_password() -> None:
    proxy = ConnectProxy(407)
    async with proxy.serving() as port:
        fetch = HttpFetch(tls_context(None), f"http://me:secret@127.0.0.1:{port}")
        said = await fault_of("https://login.example.com", fetch)
    assert "gives no usable answer" in said
    assert "secret" not in said


async def test_an_issuer_that_falls_and_rises_leaves_keys_in_force_and_nothing_open() -> None:
    issuer = FaultyIssuer()
    async with nothing_left():
        async with issuer.serving() as address:
            port = int(address.rpartition(":")[2])
            keeper = keeping(address, KeysTiming(rest=0.1, first_backoff=0.1, backoff=0.1))
            keys = await keeper.__aenter__()
            assert (await keys.keys_for("rsa")).knows("rsa")
        try:
            await asyncio.sleep(0.3)
            assert (await keys.keys_for("rsa")).knows("rsa")
            before = len(issuer.asked)
            async with issuer.serving(port=port), asyncio.timeout(5):
                while len(issuer.asked) < before + 4:
                    await asyncio.sleep(0.02)
        finally:
            await keeper.__aexit__(None, None, None)
