"""Ephemeral keys at the paths at which SDKs ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openai.types.beta.realtime import SessionCreateResponse
from openai.types.realtime import ClientSecretCreateResponse, RealtimeSessionCreateResponse

from app.auth.principal import Principal
from app.auth.tickets import Redeemed
from app.policy.policy import Configuration, Policy
from app.policy.view import opening_view
from app.web.mint_rates import MintRates
from app.web.mint_shapes import SDK_PATHS, Shape
from app.web.models import model_chooser
from tests.integration.web.peers import LISTED, Built, build
from tests.integration.web.test_credentials import MODELS, by_name
from tests.integration.web.test_http import client_of, error

ALICE = Principal("alice", "dev")
BEARER = ("Authorization", "Bearer dev-alice")
SECRETS = [path for path, shape in SDK_PATHS.items() if shape is Shape.SECRET]
SESSIONS = [path for path, shape in SDK_PATHS.items() if shape is Shape.SESSION]
NOW = 1_700_000_000


def described(_: Principal) -> dict[str, Any]:
    view = opening_view(Configuration(instructions="hidden"), Policy(), model="usual")
    return {"session": view, "relay": {"profile": "guided"}}


@pytest.fixture
def built() -> Built:
    return build(describe=described, deployment=model_chooser(MODELS, by_name))


@pytest.fixture
async def client(built: Built) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(built) as client:
        yield client


def test_the_paths_are_those_that_sdks_build() -> None:
    assert set(SECRETS) == {
        "/v1/realtime/client_secrets",
        "/openai/v1/realtime/client_secrets",
        "/openai/realtime/client_secrets",
    }
    assert set(SESSIONS) == {"/v1/realtime/sessions", "/openai/realtime/sessions"}


@pytest.mark.parametrize("path", SECRETS)
async def test_a_client_secret_is_what_the_ga_sdk_expects(
    client: httpx.AsyncClient, built: Built, path: str
) -> None:
    body = {"session": {"type": "realtime", "model": "fast"}}
    response = await client.post(f"{path}?api-version=x", headers=[BEARER], json=body)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    told = ClientSecretCreateResponse.model_validate(response.json(), strict=True)
    assert isinstance(told.session, RealtimeSessionCreateResponse)
    assert (told.expires_at, told.session.model) == (NOW + 600, "fast")
    assert told.session.audio is not None
    assert told.session.audio.output is not None
    assert told.session.audio.output.voice == "alloy"
    assert "hidden" not in response.text
    assert response.json()["relay"] == {"profile": "guided"}
    assert await built.tickets.redeem(told.value, None) == Redeemed(ALICE, "fast")


@pytest.mark.parametrize("path", SESSIONS)
async def test_a_session_is_what_the_preview_sdk_expects(
    client: httpx.AsyncClient, built: Built, path: str
) -> None:
    response = await client.post(path, headers=[("api-key", "dev-alice")], json={"model": "gpt-x"})
    assert response.status_code == 200, response.text
    told = response.json()
    session = SessionCreateResponse.model_validate(told)
    assert session.client_secret.expires_at == NOW + 600
    assert (session.voice, session.instructions, session.modalities) == (
        "alloy",
        "",
        ["text", "audio"],
    )
    assert (told["object"], told["model"]) == ("realtime.session", "gpt-x")
    assert told["id"].startswith("sess_")
    redeemed = await built.tickets.redeem(session.client_secret.value, None)
    assert redeemed == Redeemed(ALICE, "gpt-x")


@pytest.mark.parametrize(
    ("path", "body", "life"),
    [
        (SECRETS[0], {"expires_after": {"anchor": "created_at", "seconds": 60}}, 60),
        (SECRETS[0], {"expires_after": {"anchor": "created_at", "seconds": 7200}}, 600),
        (SECRETS[0], {"expires_after": {"seconds": 10**400}}, 600),
        (SECRETS[0], {"expires_after": None, "session": None}, 600),
        (SECRETS[0], {"expires_after": {"seconds": None}, "session": {"model": None}}, 600),
        (SESSIONS[0], {"client_secret": {"expires_after": {"seconds": 30}}}, 30),
        (SESSIONS[0], {"client_secret": None, "voice": None}, 600),
    ],
)
async def test_a_key_lives_as_long_as_was_asked_for_and_no_longer_than_allowed(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], life: int
) -> None:
    told = (await client.post(path, headers=[BEARER], json=body)).json()
    assert told.get("client_secret", told)["expires_at"] == NOW + life
    assert (told.get("session") or told)["model"] == "usual"


async def test_no_body_at_all_is_fine(client: httpx.AsyncClient) -> None:
    assert (await client.post(SECRETS[0], headers=[BEARER])).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (SECRETS[0], {"session": {"instructions": "mine"}}, "session.instructions"),
        (SECRETS[0], {"session": {"audio": {"output": {"voice": "x"}}}}, "session.audio"),
        (SECRETS[0], {"session": {"type": "transcription"}}, "session.type"),
        (SECRETS[0], {"session": "realtime"}, "session"),
        (SECRETS[0], {"session": {"model": 7}}, "session.model"),
        (SECRETS[0], {"session": {"model": ""}}, "session.model"),
        (SECRETS[0], {"session": {"model": "m" * 129}}, "session.model"),
        (SECRETS[0], {"voice": "alloy"}, "voice"),
        (SECRETS[0], {"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
        (SECRETS[0], {"expires_after": {"seconds": 0}}, "expires_after.seconds"),
        (SECRETS[0], {"expires_after": {"seconds": True}}, "expires_after.seconds"),
        (SECRETS[0], {"expires_after": {"days": 1}}, "expires_after.days"),
        (SECRETS[0], {"expires_after": 60}, "expires_after"),
        (SESSIONS[0], {"model": "m", "voice": "alloy"}, "voice"),
        (SESSIONS[0], {"instructions": "mine"}, "instructions"),
        (SESSIONS[0], {"client_secret": {"value": "ek_mine"}}, "client_secret.value"),
        (SESSIONS[0], {"client_secret": {"expires_after": "9"}}, "expires_after"),
        (
            SESSIONS[0],
            {"client_secret": {"expires_after": {"seconds": "9"}}},
            "client_secret.expires_after.seconds",
        ),
        (SESSIONS[0], {"type": "other"}, "type"),
    ],
)
async def test_what_would_be_ignored_is_refused_by_name(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], named: str
) -> None:
    response = await client.post(path, headers=[BEARER], json=body)
    assert response.status_code == 400
    assert f"'{named}'" in error(response)["message"]
    assert "mine" not in response.text


@pytest.mark.parametrize("path", [SECRETS[0], SESSIONS[0], "/tickets"])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, path: str) -> None:
    for body in (b"[]", b"{", b"\xff", b"[" * 8000):
        response = await client.post(path, headers=[BEARER], content=body)
        assert (response.status_code, error(response)["code"]) == (400, "invalid_body")


async def test_a_model_of_another_profile_is_refused_when_the_key_is_made(
    client: httpx.AsyncClient,
) -> None:
    body = {"session": {"model": "best"}}
    response = await client.post(SECRETS[0], headers=[BEARER], json=body)
    assert response.status_code == 403
    assert "'best'" in error(response)["message"]
    allowed = await client.post(SECRETS[0], headers=[("api-key", "dev-open")], json=body)
    assert allowed.status_code == 200


@pytest.mark.parametrize("path", [*SECRETS, *SESSIONS])
async def test_the_doors_rules_hold_at_every_path(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path)).status_code == 401
    assert (await client.post(path, headers=[BEARER, ("api-key", "dev-a")])).status_code == 401
    assert (await client.post(f"{path}?api-key=dev-alice")).status_code == 401
    foreign = await client.post(path, headers=[BEARER, ("Origin", "https://evil.test")])
    assert foreign.status_code == 403
    page = await client.post(path, headers=[BEARER, ("Origin", LISTED)])
    assert page.headers["access-control-allow-origin"] == LISTED
    asks = [("Origin", LISTED), ("Access-Control-Request-Method", "POST")]
    preflight = await client.options(path, headers=asks)
    assert preflight.status_code == 204
    assert "api-key" in preflight.headers["access-control-allow-headers"]


async def test_a_user_has_a_rate_and_few_keys_that_live_long() -> None:
    rates = MintRates(lambda: 0.0, user=3, address=4)
    built = build(describe=described, mint_rates=rates, clock=lambda: NOW)
    async with client_of(built) as client:
        for bearer in ["alice"] * 3 + ["bob"]:
            response = await client.post(
                SECRETS[0], headers={"Authorization": f"Bearer dev-{bearer}"}
            )
            assert response.status_code == 200
            await built.tickets.redeem(response.json()["value"], None)
        for path in ("/tickets", SECRETS[0], SESSIONS[0]):
            response = await client.post(path, headers={"Authorization": "Bearer dev-eve"})
            assert response.status_code == 429
            assert response.headers["retry-after"] == "15"
            assert error(response)["code"] == "rate_limit_exceeded"


async def test_keys_after_the_first_few_live_shorter_and_say_so() -> None:
    built = build(describe=described, clock=lambda: NOW)
    lives = []
    async with client_of(built) as client:
        for _ in range(6):
            answer = (await client.post(SECRETS[0], headers=[BEARER])).json()
            lives.append(answer["expires_at"] - NOW)
            await built.tickets.redeem(answer["value"], None)
    assert lives == [600] * 4 + [60] * 2
