"""Users of an OpenID provider sign in, and go on signing in while it rotates, falls and rises."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.harness.client import Client, client
from tests.harness.embedded import embedded
from tests.harness.leftovers import nothing_left
from tests.harness.process import run
from tests.harness.relay import Running, running_relay
from tests.integration.auth.openid_provider import openid_provider

pytestmark = pytest.mark.timeout(200)
Keys = dict[str, Any]
UNREACHED = "http://127.0.0.1:9"


async def ask(relay: Running, token: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(
            f"{relay.http}/tickets", headers={"Authorization": f"Bearer {token}"}
        )


def sign_in(issuer: str, **more: Any) -> dict[str, Any]:
    return {"auth": "oidc", "oidc_issuer": issuer, "oidc_audience": "api://relay", **more}


@asynccontextmanager
async def with_ticket(relay: Running, ticket: str) -> AsyncIterator[Client]:
    """Connects as a browser does, which can set no header."""
    offered = ["realtime", f"openai-insecure-api-key.{ticket}"]
    async with connect(
        f"{relay.address}/ws",
        subprotocols=offered,  # type: ignore[arg-type]
        proxy=None,
        max_size=None,
        compression=None,
    ) as socket:
        yield Client(socket)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def forged(token: str, kid: str) -> str:
    """The token with another key id; its signature is wrong now, and nobody knows the key."""
    head, claims, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    changed = json.dumps({**header, "kid": kid}).encode()
    return f"{base64.urlsafe_b64encode(changed).rstrip(b'=').decode()}.{claims}.{signature}"


async def test_a_user_signs_in_gets_a_ticket_and_has_a_conversation(
    provider_keys: Keys, tmp_path: Path
) -> None:
    async with (
        openid_provider(provider_keys, tmp_path) as provider,
        embedded() as upstream,
        nothing_left(),
        running_relay(
            upstream.address, upstream.key, **sign_in(provider.address, oidc_required_scope="talk")
        ) as relay,
    ):
        token = await provider.token()
        answer = await ask(relay, token)
        assert answer.status_code == 200, answer.text
        async with with_ticket(relay, answer.json()["value"]) as me:
            assert (await me.next())["type"] == "session.created"
            await me.say("Hello")
            assert (await me.until("response.done"))["response"]["status"] == "completed"
        line = await relay.one_closed()
        assert (line["reason"], line["responses"]) == ("client_closed", 1)
        assert token not in str(relay.lines)
        assert "tester" not in str(relay.lines)


async def test_the_token_itself_opens_a_websocket_for_a_program(
    provider_keys: Keys, tmp_path: Path
) -> None:
    async with (
        openid_provider(provider_keys, tmp_path) as provider,
        embedded() as upstream,
        running_relay(upstream.address, upstream.key, **sign_in(provider.address)) as relay,
    ):
        for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
            token = await provider.token(algorithm)
            headers = {"Authorization": f"Bearer {token}"}
            async with client(relay.address, headers=headers) as me:
                assert (await me.next())["type"] == "session.created"
        async with asyncio.timeout(10):
            while len(relay.closed()) < 4:
                await asyncio.sleep(0.01)
        users = {line["user"] for line in relay.closed()}
        assert len(users) == 1, "the same user with every algorithm"
    assert provider.asked.count("/jwks") == 1


async def test_tokens_for_others_and_tokens_with_too_little_are_refused(
    provider_keys: Keys, tmp_path: Path
) -> None:
    async with (
        openid_provider(provider_keys, tmp_path) as provider,
        running_relay(UNREACHED, **sign_in(provider.address, oidc_required_scope="talk")) as relay,
    ):
        other = await ask(relay, await provider.token(audience="other"))
        assert refusal(other) == (401, "invalid_api_key")
        assert "RELAY_OIDC_AUDIENCE" in other.json()["error"]["message"]
        listener = await ask(relay, await provider.token(scope="listen"))
        assert refusal(listener) == (403, "invalid_api_key")
        assert "RELAY_OIDC_REQUIRED_SCOPE" in listener.json()["error"]["message"]
        assert refusal(await ask(relay, "dev-alice")) == (401, "invalid_api_key")
        good = await provider.token()
        tampered = f"{good[:-10]}{'A' * 10}"
        assert refusal(await ask(relay, tampered)) == (401, "invalid_api_key")
        assert (await ask(relay, good)).status_code == 200


async def test_a_rotated_key_is_learnt_from_the_first_token_signed_with_it(
    provider_keys: Keys, next_keys: Keys, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        async with openid_provider(provider_keys, tmp_path) as provider:
            issuer, port = provider.address, provider.port
            relay = await stack.enter_async_context(running_relay(UNREACHED, **sign_in(issuer)))
            old = await provider.token()
            assert (await ask(relay, old)).status_code == 200
        async with openid_provider(next_keys, tmp_path, port) as provider:
            new = await provider.token()
            assert (await ask(relay, new)).status_code == 200
            assert refusal(await ask(relay, old)) == (401, "invalid_api_key")
            assert provider.asked.count("/jwks") == 1


async def test_users_sign_in_while_the_issuer_is_down_and_after_it_is_back(
    provider_keys: Keys, next_keys: Keys, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        async with openid_provider(provider_keys, tmp_path) as provider:
            issuer, port = provider.address, provider.port
            relay = await stack.enter_async_context(running_relay(UNREACHED, **sign_in(issuer)))
            token = await provider.token()
            assert (await ask(relay, token)).status_code == 200
        assert (await ask(relay, token)).status_code == 200
        unsure = await ask(relay, forged(token, "unknown"))
        assert refusal(unsure) == (503, "server_error")
        assert int(unsure.headers["Retry-After"]) >= 1
        async with openid_provider(provider_keys, tmp_path, port) as provider:
            assert (await ask(relay, await provider.token())).status_code == 200


async def test_a_relay_that_starts_without_its_issuer_says_so_and_recovers_by_itself(
    provider_keys: Keys, tmp_path: Path
) -> None:
    async with openid_provider(provider_keys, tmp_path) as provider:
        issuer, port = provider.address, provider.port
        token = await provider.token()
    async with running_relay(UNREACHED, **sign_in(issuer)) as relay:
        away = await ask(relay, token)
        assert refusal(away) == (503, "server_error")
        assert "sign-in service" in away.json()["error"]["message"]
        assert int(away.headers["Retry-After"]) <= 5
        told = [line for line in relay.lines if line["event"] == "issuer.fetch_failed"]
        assert "cannot be reached" in told[0]["detail"]
        async with openid_provider(provider_keys, tmp_path, port), asyncio.timeout(15):
            while (await ask(relay, token)).status_code != 200:
                await asyncio.sleep(0.2)


async def test_three_hundred_tokens_with_keys_that_nobody_knows_cost_one_fetch(
    provider_keys: Keys, tmp_path: Path
) -> None:
    async with (
        openid_provider(provider_keys, tmp_path) as provider,
        running_relay(UNREACHED, **sign_in(provider.address)) as relay,
    ):
        token = await provider.token()
        limits = httpx.Limits(max_connections=30)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=20) as http:

            async def storm(number: int) -> int:
                bearer = f"Bearer {forged(token, f'random-{number}')}"
                headers = {"Authorization": bearer}
                return (await http.post(f"{relay.http}/tickets", headers=headers)).status_code

            assert (await ask(relay, token)).status_code == 200
            assert set(await asyncio.gather(*map(storm, range(300)))) == {401}
        assert (await ask(relay, token)).status_code == 200
        assert provider.asked.count("/jwks") == 2, "one at the start, one for the storm"


async def test_check_says_whether_users_could_sign_in(provider_keys: Keys, tmp_path: Path) -> None:
    async with openid_provider(provider_keys, tmp_path) as provider, embedded() as upstream:
        environ: dict[str, Any] = {
            "RELAY_UPSTREAM": "embedded",
            "RELAY_EMBEDDED_ADDRESS": upstream.address,
            "RELAY_EMBEDDED_KEY": upstream.key,
            "RELAY_OIDC_AUDIENCE": "api://relay",
        }
        status, out, err = await run("check", RELAY_OIDC_ISSUER=provider.address, **environ)
        assert status == 0, out + err
        assert "4 keys for ES256, EdDSA, PS256, RS256" in out
        assert "a session can begin" in out
        status, out, _ = await run("check", RELAY_OIDC_ISSUER=f"{provider.address}/", **environ)
        assert status == 1
        assert f"the issuer calls itself {provider.address}" in out
        assert "a session can begin" in out, "the other findings are told too"
