"""Dialling a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.http11 import Request

from app import __version__
from app.protocol.close_reasons import CloseReason
from app.upstream.bearer import EntraBearer
from app.upstream.breaker import Breaker, BreakerLimits
from app.upstream.credential import (
    ApiKeyHeader,
    ApiKeyQuery,
    Credential,
    CredentialUnavailable,
    Presented,
    Spawn,
)
from app.upstream.dial import DialFailed, Dialler
from app.upstream.dial_queue import DialLimits, DialQueue
from app.upstream.endpoint import Endpoint
from app.upstream.tls import tls_context
from app.upstream.tokens import Token
from app.wire.upstream import Proxy, UpstreamWire
from tests.integration.upstream.certificates import Certificates
from tests.integration.upstream.connect_proxy import ConnectProxy
from tests.integration.upstream.websocket_peer import Answer, WebSocketPeer
from tests.unit.upstream.spawner import Spawner

KEY = "key-secret"
TARGET = "/openai/realtime?api-version=2024-12-17&deployment=talk"
WITHIN = 5.0


class Counter:
    """Gives token-1, token-2, ..."""

    def __init__(self) -> None:
        self.fetches = 0

    async def fetch(self, scope: str) -> Token:
        self.fetches += 1
        return Token(f"token-{self.fetches}", time.time() + 3600)


class Absent:
    """A credential that has nothing to show, or takes too long to say so."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def start(self, spawn: Spawn) -> None:
        return

    async def present(self) -> Presented:
        await asyncio.sleep(self._seconds)
        raise CredentialUnavailable("no Entra token: the issuer is down", retry_after=3.0)

    async def renew(self, rejected: Presented) -> bool:
        return False

    def fault(self) -> CredentialUnavailable | None:
        return CredentialUnavailable("absent")

    def held(self) -> bool:
        return False

    async def close(self) -> None:
        return


class Endless(Absent):
    """A credential with a new value after every renewal."""

    number = 0

    async def present(self) -> Presented:
        return Presented(headers=(("Authorization", str(self.number)),))

    async def renew(self, rejected: Presented) -> bool:
        self.number += 1
        return True


def dialler(
    url: str,
    credential: Credential | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
    jitter: Callable[[], float] = lambda: 0.05,
) -> Dialler:
    endpoint = Endpoint.parse(url, "talk", "2024-12-17")
    chosen = credential or ApiKeyHeader(KEY)
    return Dialler(endpoint, chosen, tls=tls, proxy=proxy, jitter=jitter)


async def hang_up(wire: UpstreamWire, peer: WebSocketPeer) -> None:
    wire.abort()
    async with asyncio.timeout(5):
        while peer.open:
            await asyncio.sleep(0.005)


async def refused(dialling: Dialler, *, within: float = WITHIN) -> DialFailed:
    with pytest.raises(DialFailed) as caught:
        await dialling.dial(timeout=within)
    assert KEY not in str(caught.value)
    assert "token-" not in str(caught.value)
    assert "client request id" in caught.value.detail
    return caught.value


@asynccontextmanager
async def bearer(source: Counter) -> AsyncIterator[EntraBearer]:
    spawner, kept = Spawner(), EntraBearer(source, "scope")
    kept.start(spawner)
    try:
        yield kept
    finally:
        await kept.close()
        assert not spawner.live


def demand(token: str) -> Callable[[Request], Answer | None]:
    def decide(request: Request) -> Answer | None:
        good = request.headers["Authorization"] == f"Bearer {token}"
        return None if good else Answer(401, (("apim-request-id", "req-1"),))

    return decide


async def test_the_handshake_says_what_the_service_wants_to_read() -> None:
    peer = WebSocketPeer()
    async with peer.serving() as url:
        wire = await dialler(url).dial(timeout=WITHIN, request_id="our-id")
        (request,) = peer.requests
        assert request.path == TARGET
        assert request.headers["Host"] == f"localhost:{peer.port}"
        assert request.headers["api-key"] == KEY
        assert request.headers["User-Agent"] == f"realtime-relay/{__version__}"
        assert request.headers["x-ms-client-request-id"] == "our-id"
        assert "Authorization" not in request.headers
        assert "Sec-WebSocket-Extensions" not in request.headers
        await hang_up(wire, peer)


async def test_every_dial_has_an_id_of_its_own() -> None:
    peer = WebSocketPeer()
    async with peer.serving() as url:
        for _ in range(2):
            await hang_up(await dialler(url).dial(timeout=WITHIN), peer)
    first, second = (request.headers["x-ms-client-request-id"] for request in peer.requests)
    assert len(first) == 36
    assert first != second


async def test_a_query_key_stands_in_the_query_alone() -> None:
    peer = WebSocketPeer(None, Answer(403))
    async with peer.serving() as url:
        await hang_up(await dialler(url, ApiKeyQuery(KEY)).dial(timeout=WITHIN), peer)
        await refused(dialler(url, ApiKeyQuery(KEY)))
    assert peer.requests[0].path == f"{TARGET}&api-key={KEY}"
    assert KEY not in str(list(peer.requests[0].headers.raw_items()))


async def test_a_bearer_token_is_shown() -> None:
    peer = WebSocketPeer(decide=demand("token-1"))
    async with peer.serving() as url, bearer(Counter()) as credential:
        await hang_up(await dialler(url, credential).dial(timeout=WITHIN), peer)


async def test_a_rejected_token_is_renewed_once_and_then_lets_us_in() -> None:
    source, peer = Counter(), WebSocketPeer(decide=demand("token-2"))
    async with peer.serving() as url, bearer(source) as credential:
        await hang_up(await dialler(url, credential).dial(timeout=WITHIN), peer)
    assert (source.fetches, len(peer.requests)) == (2, 2)
    ids = {request.headers["x-ms-client-request-id"] for request in peer.requests}
    assert len(ids) == 1, "both tries belong to one dial"


async def test_a_token_that_is_rejected_again_is_the_operators_fault() -> None:
    source, peer = Counter(), WebSocketPeer(Answer(401, (("apim-request-id", "req-1"),)))
    async with peer.serving() as url, bearer(source) as credential:
        failure = await refused(dialler(url, credential))
    assert failure.reason is CloseReason.UPSTREAM_REFUSED
    assert "status 401" in failure.detail
    assert "req-1" in failure.detail
    assert (source.fetches, len(peer.requests)) == (2, 2)


async def test_even_a_credential_that_always_has_another_is_renewed_once_per_dial() -> None:
    peer = WebSocketPeer(Answer(401))
    async with peer.serving() as url:
        failure = await refused(dialler(url, Endless()))
    assert failure.reason is CloseReason.UPSTREAM_REFUSED
    assert [request.headers["Authorization"] for request in peer.requests] == ["0", "1"]


async def test_fifty_rejected_dials_cause_one_renewal() -> None:
    source, peer = Counter(), WebSocketPeer(decide=demand("token-2"))
    async with peer.serving() as url, bearer(source) as credential:
        dialling = dialler(url, credential)
        wires = await asyncio.gather(*(dialling.dial(timeout=20) for _ in range(50)))
        assert source.fetches == 2
        for wire in wires:
            wire.abort()


async def test_a_rejected_key_is_not_tried_again() -> None:
    peer = WebSocketPeer(Answer(401))
    async with peer.serving() as url:
        failure = await refused(dialler(url))
    assert failure.reason is CloseReason.UPSTREAM_REFUSED
    assert len(peer.requests) == 1


@pytest.mark.parametrize("status", [200, 301, 302, 307, 308, 400, 403, 404, 410, 426])
async def test_a_refusal_is_final_and_no_redirect_is_followed(status: int) -> None:
    elsewhere, peer = WebSocketPeer(), WebSocketPeer()
    async with elsewhere.serving() as other, peer.serving() as url:
        peer._answers = [Answer(status, (("Location", f"{other}/openai/realtime"),))]
        failure = await refused(dialler(url))
    assert failure.reason is CloseReason.UPSTREAM_REFUSED
    assert f"status {status}" in failure.detail
    assert len(peer.requests) == 1
    assert not elsewhere.requests, "the key went to where the redirect pointed"


async def test_a_short_retry_after_is_obeyed_once() -> None:
    peer = WebSocketPeer(Answer(429, (("Retry-After", "1"),)), None)
    async with peer.serving() as url:
        began = time.monotonic()
        await hang_up(await dialler(url).dial(timeout=WITHIN), peer)
        assert time.monotonic() - began >= 1
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    ("retry_after", "within", "tries"),
    [("0", WITHIN, 2), ("30", WITHIN, 1), ("4", 2.0, 1), (None, WITHIN, 1)],
)
async def test_a_busy_service_is_left_alone_and_its_wish_handed_on(
    retry_after: str | None, within: float, tries: int
) -> None:
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    peer = WebSocketPeer(Answer(429, headers))
    async with peer.serving() as url:
        began = time.monotonic()
        failure = await refused(dialler(url), within=within)
        assert time.monotonic() - began < 1.8
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE
    wish = float(retry_after or 0.0)
    assert wish <= (failure.retry_after or 0.0) <= 1.2 * wish, "with the breaker's jitter"
    assert len(peer.requests) == tries


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failing_service_is_tried_three_times(status: int) -> None:
    peer = WebSocketPeer(Answer(status))
    async with peer.serving() as url:
        failure = await refused(dialler(url))
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE
    assert f"status {status}" in failure.detail
    assert len(peer.requests) == 3


async def test_the_third_try_may_succeed() -> None:
    peer = WebSocketPeer(Answer(503), Answer(500), None)
    async with peer.serving() as url:
        await hang_up(await dialler(url).dial(timeout=WITHIN), peer)
    assert len(peer.requests) == 3


async def test_retries_end_with_the_deadline() -> None:
    peer = WebSocketPeer(Answer(503))
    async with peer.serving() as url:
        began = time.monotonic()
        await refused(dialler(url, jitter=lambda: 1.0), within=0.7)
        assert time.monotonic() - began < 1.5
    assert len(peer.requests) == 2


async def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    failure = await refused(dialler(f"http://127.0.0.1:{port}"))
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE


async def test_a_name_that_does_not_exist_is_unavailable() -> None:
    failure = await refused(dialler("https://no-such-host.invalid", tls=tls_context(None)))
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE


class RawServer:
    """Answers every request head with `answer` `after` so many seconds and hangs up, or (None)
    stays silent until the client hangs up."""

    def __init__(self, answer: bytes | None, after: float = 0.0) -> None:
        self._answer = answer
        self._after = after
        self.connections = 0
        self.open = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await self.left_alone()

    async def left_alone(self) -> None:
        """Fails unless every client hangs up within a second."""
        async with asyncio.timeout(1):
            while self.open:
                await asyncio.sleep(0.005)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            if self._answer is None:
                await reader.read()
            else:
                await asyncio.sleep(self._after)
                writer.write(self._answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 300])
async def test_a_peer_that_speaks_no_http_is_unavailable(answer: bytes) -> None:
    server = RawServer(answer)
    async with server.serving() as url:
        failure = await refused(dialler(url))
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE
    assert server.connections == 3


async def test_a_silent_peer_is_given_up_at_the_deadline() -> None:
    async with RawServer(None).serving() as url:
        began = time.monotonic()
        failure = await refused(dialler(url), within=0.4)
        assert 0.35 < time.monotonic() - began < 3
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE


async def test_a_try_that_hangs_is_not_all_that_a_dial_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.upstream.dial._LONGEST_TRY", 0.3)
    server = RawServer(None)
    async with server.serving() as url:
        failure = await refused(dialler(url), within=2.0)
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE
    assert server.connections == 3, "another connection may go where this one did not"


async def test_whoever_waits_in_line_is_told_when_the_breaker_opens() -> None:
    server = RawServer(b"HTTP/1.1 429 Busy\r\nRetry-After: 30\r\n\r\n", after=0.3)
    async with server.serving() as url:
        endpoint = Endpoint.parse(url, "talk", "2024-12-17")
        queue = DialQueue(DialLimits(at_once=1, per_second=0.5))
        shared = Dialler(endpoint, ApiKeyHeader(KEY), tls=None, queue=queue)
        began = time.monotonic()
        dials = [shared.dial(timeout=20) for _ in range(4)]
        results = await asyncio.gather(*dials, return_exceptions=True)
        assert time.monotonic() - began < 1.5, "their turns would have come after 2, 4 and 6 s"
        fault = shared.fault(timeout=10)
    assert server.connections == 1
    for result in results:
        assert isinstance(result, DialFailed)
        assert result.reason is CloseReason.UPSTREAM_UNAVAILABLE
        assert result.retry_after == pytest.approx(33, abs=3.1)
    assert fault is not None
    assert fault.retry_after == pytest.approx(33, abs=3.1)


async def test_a_dial_that_rests_between_two_tries_does_not_go_on_when_the_breaker_opens() -> None:
    peer = WebSocketPeer(Answer(503), Answer(429, (("Retry-After", "30"),)), None)
    async with peer.serving() as url:
        shared = dialler(url, jitter=lambda: 1.0)
        resting = asyncio.ensure_future(shared.dial(timeout=WITHIN))
        async with asyncio.timeout(1):
            while not peer.requests:
                await asyncio.sleep(0.005)
        await refused(shared)
        with pytest.raises(DialFailed, match="the breaker is open") as caught:
            await resting
    assert len(peer.requests) == 2
    assert caught.value.retry_after == pytest.approx(36, abs=1)


async def test_a_dial_that_gets_no_second_turn_fails_for_what_the_first_try_ran_into() -> None:
    hanging = RawServer(None)
    async with hanging.serving() as url:
        endpoint = Endpoint.parse(url, "talk", "2024-12-17")
        queue = DialQueue(DialLimits(at_once=1))
        shared = Dialler(endpoint, ApiKeyHeader(KEY), tls=None, queue=queue, jitter=lambda: 1.0)
        hanging._answer = b"HTTP/1.1 503 Later\r\n\r\n"
        unlucky = asyncio.ensure_future(shared.dial(timeout=1.0))
        await asyncio.sleep(0.1)
        hanging._answer = None
        greedy = asyncio.ensure_future(shared.dial(timeout=WITHIN))
        with pytest.raises(DialFailed, match="status 503") as caught:
            await unlucky
        greedy.cancel()
        await asyncio.wait([greedy])
    assert caught.value.reason is CloseReason.UPSTREAM_UNAVAILABLE


async def test_whoever_gets_no_turn_at_all_is_told_so() -> None:
    hanging = RawServer(None)
    async with hanging.serving() as url:
        endpoint = Endpoint.parse(url, "talk", "2024-12-17")
        queue = DialQueue(DialLimits(at_once=1))
        shared = Dialler(endpoint, ApiKeyHeader(KEY), tls=None, queue=queue)
        greedy = asyncio.ensure_future(shared.dial(timeout=WITHIN))
        await asyncio.sleep(0.1)
        with pytest.raises(DialFailed, match="no turn in time") as caught:
            await shared.dial(timeout=0.5)
        greedy.cancel()
        await asyncio.wait([greedy])
    assert caught.value.reason is CloseReason.UPSTREAM_UNAVAILABLE
    assert caught.value.retry_after is not None


async def test_a_try_that_the_line_left_no_time_for_is_not_the_endpoints_fault() -> None:
    server = RawServer(None)
    async with server.serving() as url:
        endpoint = Endpoint.parse(url, "talk", "2024-12-17")
        breaker = Breaker(BreakerLimits(failures=1), lambda: 0.0)
        queue = DialQueue(DialLimits(at_once=1))
        shared = Dialler(endpoint, ApiKeyHeader(KEY), tls=None, queue=queue, breaker=breaker)
        greedy = asyncio.ensure_future(shared.dial(timeout=WITHIN))
        await asyncio.sleep(0.05)
        hurried = asyncio.ensure_future(shared.dial(timeout=1.0))
        await asyncio.sleep(0.55)
        greedy.cancel()
        with pytest.raises(DialFailed, match=r"s in line: .* did not answer") as caught:
            await hurried
        assert caught.value.retry_after is not None
        assert shared.fault(timeout=WITHIN) is None
        await refused(shared, within=0.5)
        assert shared.fault(timeout=WITHIN) is not None, "without a line it is"


async def test_an_endpoint_that_refuses_everyone_names_no_time_to_come_back() -> None:
    peer = WebSocketPeer(Answer(403))
    async with peer.serving() as url:
        shared = dialler(url)
        for _ in range(5):
            await refused(shared)
        with pytest.raises(DialFailed, match="the breaker is open") as caught:
            await shared.dial(timeout=WITHIN)
        fault = shared.fault(timeout=WITHIN)
    assert len(peer.requests) == 5
    assert fault is not None
    for failure in (caught.value, fault):
        assert (failure.reason, failure.retry_after) == (CloseReason.UPSTREAM_REFUSED, None)


async def test_a_dial_that_is_cancelled_leaves_no_connection() -> None:
    server = RawServer(None)
    async with server.serving() as url:
        dialling = asyncio.ensure_future(dialler(url).dial(timeout=WITHIN))
        async with asyncio.timeout(1):
            while not server.open:
                await asyncio.sleep(0.005)
        dialling.cancel()
        await server.left_alone()
        assert dialling.cancelled()


async def test_without_a_credential_nobody_is_dialled() -> None:
    peer = WebSocketPeer()
    async with peer.serving() as url:
        failure = await refused(dialler(url, Absent()))
    assert failure.reason is CloseReason.CREDENTIAL_UNAVAILABLE
    assert "the issuer is down" in failure.detail
    assert failure.retry_after == 3.0
    assert not peer.requests


async def test_a_slow_credential_is_cut_at_the_deadline() -> None:
    began = time.monotonic()
    failure = await refused(dialler("http://127.0.0.1:1", Absent(60)), within=0.2)
    assert time.monotonic() - began < 5
    assert failure.reason is CloseReason.CREDENTIAL_UNAVAILABLE


async def test_tls_is_verified_against_the_given_authority(certificates: Certificates) -> None:
    peer = WebSocketPeer()
    async with peer.serving(certificates.server_context()) as url:
        good = dialler(url, tls=tls_context(str(certificates.ca)))
        await hang_up(await good.dial(timeout=WITHIN), peer)
        failure = await refused(dialler(url, tls=tls_context(None)))
        assert failure.reason is CloseReason.UPSTREAM_REFUSED
        assert "TLS" in failure.detail
    assert len(peer.requests) == 1


async def test_a_certificate_for_another_host_is_refused(certificates: Certificates) -> None:
    peer = WebSocketPeer()
    async with peer.serving(certificates.server_context(), host="127.0.0.2"):
        url = f"https://127.0.0.2:{peer.port}"
        failure = await refused(dialler(url, tls=tls_context(str(certificates.ca))))
    assert failure.reason is CloseReason.UPSTREAM_REFUSED
    assert "TLS" in failure.detail
    assert not peer.requests


async def test_a_proxy_sees_the_place_and_nothing_of_the_handshake(
    certificates: Certificates,
) -> None:
    peer, middle = WebSocketPeer(), ConnectProxy()
    async with peer.serving(certificates.server_context()) as url, middle.serving() as port:
        dialling = dialler(
            url,
            ApiKeyQuery(KEY),
            tls=tls_context(str(certificates.ca)),
            proxy=Proxy("127.0.0.1", port, "Basic word"),
        )
        await hang_up(await dialling.dial(timeout=WITHIN), peer)
    (head,) = middle.heads
    assert head.startswith(f"CONNECT localhost:{peer.port} ")
    assert "Proxy-Authorization: Basic word" in head
    assert KEY not in head


async def test_a_proxy_that_refuses_is_unavailable(certificates: Certificates) -> None:
    middle = ConnectProxy(status=502)
    async with middle.serving() as port:
        dialling = dialler(
            "https://res.openai.azure.com",
            tls=tls_context(str(certificates.ca)),
            proxy=Proxy("127.0.0.1", port),
        )
        failure = await refused(dialling)
    assert failure.reason is CloseReason.UPSTREAM_UNAVAILABLE
    assert "proxy" in failure.detail


def test_a_tls_context_always_verifies(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for context in (tls_context(None), tls_context(str(certificates.ca))):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.keylog_filename is None


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_authority_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match="RELAY_UPSTREAM_CA_FILE"):
        tls_context(str(path))


@pytest.mark.parametrize("url", ["https://res.openai.azure.com", "http://127.0.0.1"])
def test_a_dialler_demands_tls_where_the_address_does(url: str) -> None:
    wrong = None if url.startswith("https") else tls_context(None)
    with pytest.raises(ValueError, match="TLS context"):
        dialler(url, tls=wrong)
