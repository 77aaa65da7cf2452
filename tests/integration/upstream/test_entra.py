"""The real azure-identity classes against a token endpoint on loopback.

Time is injected: an hour passes at once, while the requests are real.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from aiohttp import web
from structlog.testing import capture_logs

from app.upstream.bearer import BearerTiming, EntraBearer
from app.upstream.credential import CredentialUnavailable
from app.upstream.entra import azure_token_source
from app.upstream.identity import EntraIdentity, EntraKind
from tests.integration.upstream.certificates import Certificates
from tests.integration.upstream.connect_proxy import ConnectProxy
from tests.integration.upstream.token_endpoint import APP_SERVICE, ENTRA, METADATA, TokenEndpoint
from tests.unit.upstream.spawner import Spawner
from tests.unit.upstream.stopped_clock import StoppedClock

RESOURCE = "https://cognitiveservices.azure.com"
SCOPE = f"{RESOURCE}/.default"
HOUR = 3600
ENTRA_WAYS = ["secret", "certificate", "workload"]
LOCAL_WAYS = ["metadata", "app-service"]
ENVIRONMENT = [
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
]


class RunningClock(StoppedClock):
    """Its wall time is the machine's, since azure-identity asks that one."""

    def wall(self) -> float:
        return time.time()


class Signed:
    """A bearer signed in one way, its endpoint, and time to play with."""

    def __init__(self, endpoint: TokenEndpoint, identity: EntraIdentity, fetch: float) -> None:
        self.endpoint = endpoint
        self.clock = RunningClock()
        self.spawner = Spawner()
        timing = BearerTiming(fetch_deadline=fetch, present_deadline=10.0)
        self.bearer = EntraBearer(
            azure_token_source(identity), SCOPE, clock=self.clock, timing=timing
        )

    async def shown(self) -> str:
        ((_, value),) = (await self.bearer.present()).headers
        return value.removeprefix("Bearer ")

    async def resting(self) -> None:
        """Waits until the keeper has fetched, or failed to, and rests again."""
        await until(lambda: self.clock.rest is not None)

    async def pass_until_fetch(self) -> float:
        """Moves time to the keeper's next fetch and waits for its outcome. Gives the seconds."""
        await self.resting()
        rest = self.clock.rest
        assert rest is not None
        asked = len(self.endpoint.asked)
        await self.clock.pass_seconds(rest)
        await until(lambda: len(self.endpoint.asked) > asked or self.clock.rest is not None)
        await self.resting()
        return rest


async def until(happened: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def _no_foreign_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    # azure-identity must not follow a proxy that it was not told of.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


class Ways:
    """Makes an identity for each way of signing in."""

    def __init__(
        self, certificates: Certificates, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._certificates = certificates
        self.federated = folder / "federated-token"
        self.federated.write_text("federated-secret-1")
        self._monkeypatch = monkeypatch

    def identity(self, way: str, url: str) -> EntraIdentity:
        if way in LOCAL_WAYS:
            return self._managed(way, url)
        return EntraIdentity(
            EntraKind.WORKLOAD if way == "workload" else EntraKind.SERVICE_PRINCIPAL,
            tenant_id="tenant",
            client_id="client",
            client_secret="client-secret" if way == "secret" else None,
            certificate_path=str(self._certificates.client) if way == "certificate" else None,
            federated_token_file=str(self.federated) if way == "workload" else None,
            authority=url,
            ca_file=str(self._certificates.ca),
        )

    def _managed(self, way: str, url: str) -> EntraIdentity:
        if way == "metadata":
            self._monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        else:
            self._monkeypatch.setenv("IDENTITY_ENDPOINT", url + APP_SERVICE)
            self._monkeypatch.setenv("IDENTITY_HEADER", "identity-secret")
        return EntraIdentity(EntraKind.MANAGED, client_id="client")

    @asynccontextmanager
    async def signed(self, way: str, fetch: float = 20.0) -> AsyncIterator[Signed]:
        endpoint = TokenEndpoint()
        tls = self._certificates.server_context() if way in ENTRA_WAYS else None
        async with endpoint.serving(tls) as url:
            signed = Signed(endpoint, self.identity(way, url), fetch)
            signed.bearer.start(signed.spawner)
            try:
                yield signed
            finally:
                await signed.bearer.close()
                assert not signed.spawner.live
                assert not signed.spawner.failures()
                await until(lambda: endpoint.open_connections == 0)


@pytest.fixture
def ways(certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ways:
    return Ways(certificates, tmp_path, monkeypatch)


@pytest.mark.parametrize("way", ENTRA_WAYS + LOCAL_WAYS)
async def test_a_token_is_fetched_kept_and_fetched_again_before_it_expires(
    ways: Ways, way: str
) -> None:
    async with ways.signed(way) as signed:
        shown = await asyncio.gather(*(signed.shown() for _ in range(50)))
        assert set(shown) == {"token-1"}
        assert len(signed.endpoint.asked) == 1
        assert await signed.pass_until_fetch() == pytest.approx(HOUR / 2, abs=3)
        assert await signed.shown() == "token-2"
        assert await signed.pass_until_fetch() == pytest.approx(HOUR / 2, abs=3)
        assert await signed.shown() == "token-3"
        assert len(signed.endpoint.asked) == 3


@pytest.mark.parametrize("way", ENTRA_WAYS + LOCAL_WAYS)
async def test_a_token_serves_through_an_outage_until_it_expires_and_then_recovers(
    ways: Ways, way: str
) -> None:
    async with ways.signed(way) as signed:
        assert await signed.shown() == "token-1"
        signed.endpoint.fault = web.Response(status=503, text="maintenance")
        passed = 0.0
        while passed + 61 < HOUR - 35:
            passed += await signed.pass_until_fetch()
            assert await signed.shown() == "token-1"
            assert signed.bearer.fault() is None
        assert passed > HOUR - 130
        assert len(signed.endpoint.asked) < 60, "azure-identity itself does not retry"
        await signed.resting()
        await signed.clock.pass_seconds(130)
        with pytest.raises(CredentialUnavailable, match="no Entra token"):
            await signed.shown()
        signed.endpoint.fault = None
        assert await signed.pass_until_fetch() <= 5
        assert await signed.shown() == "token-2"


@pytest.mark.parametrize("way", ENTRA_WAYS + LOCAL_WAYS)
async def test_a_rejected_token_is_replaced_although_azure_identity_would_still_cache_it(
    ways: Ways, way: str
) -> None:
    async with ways.signed(way) as signed:
        rejected = await signed.bearer.present()
        assert await signed.bearer.renew(rejected) is True
        assert await signed.shown() == "token-2"
        assert len(signed.endpoint.asked) == 2


async def test_each_way_shows_its_own_proof(ways: Ways) -> None:
    proofs: dict[str, str] = {}
    for way in ENTRA_WAYS + LOCAL_WAYS:
        async with ways.signed(way) as signed:
            await signed.shown()
            (asked,) = signed.endpoint.asked
        if way in ENTRA_WAYS:
            assert asked.path == ENTRA
            assert asked.fields["scope"] == SCOPE
            assert asked.fields["grant_type"] == "client_credentials"
        else:
            assert asked.path == (METADATA if way == "metadata" else APP_SERVICE)
            assert asked.fields["resource"] == RESOURCE
        assert asked.fields["client_id"] == "client"
        proofs[way] = (
            asked.fields.get("client_secret")
            or asked.fields.get("client_assertion")
            or asked.headers.get("X-IDENTITY-HEADER")
            or asked.headers["Metadata"]
        )
    assert proofs["certificate"].count(".") == 2
    del proofs["certificate"]
    assert proofs == {
        "secret": "client-secret",
        "workload": "federated-secret-1",
        "metadata": "true",
        "app-service": "identity-secret",
    }


async def test_a_rotated_federated_token_is_read_at_the_next_fetch(ways: Ways) -> None:
    async with ways.signed("workload") as signed:
        await signed.shown()
        ways.federated.write_text("federated-secret-2")
        await signed.pass_until_fetch()
        shown = [asked.fields["client_assertion"] for asked in signed.endpoint.asked]
        assert shown == ["federated-secret-1", "federated-secret-2"]


async def test_a_missing_federated_token_is_named_and_survived(ways: Ways) -> None:
    async with ways.signed("workload") as signed:
        await signed.shown()
        ways.federated.unlink()
        assert await signed.bearer.renew(await signed.bearer.present()) is False
        assert await signed.shown() == "token-1"
        with capture_logs() as lines:
            await signed.pass_until_fetch()
        assert str(ways.federated) in lines[0]["detail"]


WRONG_SECRET = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."}
HALF_AN_ANSWER = {"access_token": "token-secret", "token_type": "Bearer", "resource": RESOURCE}


@pytest.mark.parametrize(
    ("way", "fault", "said"),
    [
        ("secret", web.json_response(WRONG_SECRET, status=401), "AADSTS7000215: Invalid secret."),
        ("secret", web.json_response(HALF_AN_ANSWER), "Unexpected response"),
        ("metadata", web.json_response(HALF_AN_ANSWER), "Unexpected response"),
        ("secret", web.Response(status=500, text="oops"), "no Entra token"),
        ("secret", web.Response(text="<html>", content_type="text/html"), "no Entra token"),
        (
            "metadata",
            web.json_response({"error": "x"}, status=400),
            "No identity|not been assigned",
        ),
        ("metadata", web.Response(status=429, headers={"Retry-After": "60"}), "no Entra token"),
        ("metadata", web.Response(status=410), "no Entra token"),
        ("app-service", web.Response(text="{", content_type="application/json"), "JSON"),
        ("secret", web.HTTPFound("https://localhost:1/elsewhere"), "no Entra token"),
    ],
)
async def test_a_failed_fetch_is_one_request_says_why_and_is_survived(
    ways: Ways,
    way: str,
    fault: web.Response,
    said: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        async with ways.signed(way) as signed:
            signed.endpoint.fault = fault
            with pytest.raises(CredentialUnavailable, match=said) as caught:
                await signed.bearer.present()
            assert len(signed.endpoint.asked) == 1
            signed.endpoint.fault = None
            await signed.pass_until_fetch()
            assert (await signed.shown()).startswith("token-")
    streams = capsys.readouterr()
    everything = caplog.text + str(lines) + str(caught.value) + streams.out + streams.err
    assert lines
    for secret in ("token-secret", "token-1", "client-secret", "identity-secret"):
        assert secret not in everything


async def test_an_endpoint_that_is_down_at_the_start_is_found_when_it_comes_up(
    ways: Ways, certificates: Certificates
) -> None:
    first, second = TokenEndpoint(), TokenEndpoint()
    async with first.serving() as url:
        port = int(url.rpartition(":")[2])
    identity = ways.identity("secret", f"https://localhost:{port}")
    signed = Signed(second, identity, 20.0)
    signed.bearer.start(signed.spawner)
    try:
        with pytest.raises(CredentialUnavailable):
            await signed.bearer.present()
        async with second.serving(certificates.server_context(), port):
            await signed.pass_until_fetch()
            assert await signed.shown() == "token-1"
    finally:
        await signed.bearer.close()


@pytest.mark.parametrize("way", ["secret", "metadata"])
async def test_a_silent_endpoint_is_given_up(ways: Ways, way: str) -> None:
    async with ways.signed(way, fetch=0.3) as signed:
        signed.endpoint.silent = True
        with pytest.raises(CredentialUnavailable, match=r"no answer in 0\.3 s"):
            await signed.bearer.present()
        await until(lambda: signed.endpoint.open_connections == 0)


async def test_an_authority_that_nobody_vouches_for_gets_no_secret(
    ways: Ways, certificates: Certificates
) -> None:
    endpoint = TokenEndpoint()
    async with endpoint.serving(certificates.server_context()) as url:
        known = ways.identity("secret", url)
        unknown = EntraIdentity(
            known.kind,
            tenant_id="tenant",
            client_id="client",
            client_secret="client-secret",
            authority=url,
        )
        signed = Signed(endpoint, unknown, 20.0)
        signed.bearer.start(signed.spawner)
        with pytest.raises(CredentialUnavailable, match=r"(?i)certificate verify failed"):
            await signed.bearer.present()
        await signed.bearer.close()
    assert not endpoint.asked


async def test_an_explicit_proxy_is_used_on_the_way_to_the_authority(
    ways: Ways, certificates: Certificates
) -> None:
    endpoint, proxy = TokenEndpoint(), ConnectProxy()
    async with endpoint.serving(certificates.server_context()) as url, proxy.serving() as port:
        identity = dataclasses.replace(
            ways.identity("secret", url), proxy=f"http://user:word@127.0.0.1:{port}"
        )
        signed = Signed(endpoint, identity, 20.0)
        signed.bearer.start(signed.spawner)
        assert await signed.shown() == "token-1"
        await signed.bearer.close()
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {url.removeprefix('https://')} ")
    assert "proxy-authorization: basic dxnlcjp3b3jk" in head.lower()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("way", ["secret", "metadata"])
@pytest.mark.parametrize("silent", [False, True])
def test_nothing_is_left_open_even_when_closed_in_the_middle_of_a_fetch(
    ways: Ways, way: str, silent: bool, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def live() -> None:
        async with ways.signed(way) as signed:
            signed.endpoint.silent = silent
            await until(lambda: len(signed.endpoint.asked) == 1)
            if not silent:
                assert await signed.shown() == "token-1"
                await signed.resting()
                await until(lambda: signed.endpoint.open_connections == 0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(live())  # what a loop opens once and keeps, such as the resolver's thread
        before = descriptors()
        runner.run(live())
        assert descriptors() == before


def descriptors() -> int:
    if not sys.platform.startswith("linux"):
        pytest.skip("counts descriptors in /proc")
    return len(os.listdir("/proc/self/fd"))


def write_command(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def developer() -> Signed:
    return Signed(TokenEndpoint(), EntraIdentity(EntraKind.DEVELOPER), 20.0)


async def test_a_developers_login_comes_from_az(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"accessToken": "token-az", "expires_on": int(time.time()) + HOUR}
    write_command(tmp_path, "az", f"echo \"$@\" >>'{tmp_path}/log'\necho '{json.dumps(answer)}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    signed = developer()
    signed.bearer.start(signed.spawner)
    assert await signed.shown() == "token-az"
    await signed.bearer.close()
    said = (tmp_path / "log").read_text()
    assert said == f"account get-access-token --output json --resource {RESOURCE}\n"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles", "UTC-9", "UTC+8"])
async def test_a_developers_login_comes_from_azd_in_every_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    end = int(time.time()) + HOUR
    claims = base64.urlsafe_b64encode(json.dumps({"exp": end}).encode()).decode().rstrip("=")
    printed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    answer = {"token": f"e30.{claims}.c2ln", "expiresOn": printed}
    write_command(tmp_path, "azd", f"echo '{json.dumps(answer)}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        signed = developer()
        signed.bearer.start(signed.spawner)
        assert await signed.shown() == answer["token"]
        await signed.resting()
        assert signed.clock.rest == pytest.approx(HOUR / 2, abs=3)
        await signed.bearer.close()
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_developer_who_is_not_logged_in_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_command(tmp_path, "az", "echo 'Please run: az login' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    signed = developer()
    signed.bearer.start(signed.spawner)
    with pytest.raises(CredentialUnavailable, match="az login"):
        await signed.bearer.present()
    await signed.bearer.close()


@pytest.mark.parametrize("content", [None, "no certificate", "-----BEGIN CERTIFICATE-----"])
def test_a_certificate_that_cannot_be_used_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_text(content)
    identity = EntraIdentity(
        EntraKind.SERVICE_PRINCIPAL,
        tenant_id="tenant",
        client_id="client",
        certificate_path=str(path),
    )
    with pytest.raises(ValueError, match="AZURE_CLIENT_CERTIFICATE_PATH"):
        azure_token_source(identity)


def test_a_certificate_whose_password_is_missing_stops_the_start(
    certificates: Certificates, tmp_path: Path
) -> None:
    path = tmp_path / "locked.pem"
    path.write_bytes(certificates.locked(b"password"))
    locked = EntraIdentity(
        EntraKind.SERVICE_PRINCIPAL,
        tenant_id="tenant",
        client_id="client",
        certificate_path=str(path),
    )
    with pytest.raises(ValueError, match="AZURE_CLIENT_CERTIFICATE_PASSWORD"):
        azure_token_source(locked)
    azure_token_source(dataclasses.replace(locked, certificate_password="password"))
