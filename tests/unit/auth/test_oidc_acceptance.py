"""Tokens that let their user in: every algorithm, and the shapes of the providers people have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.auth.claims import Trust
from app.auth.denied import Denied
from app.auth.principal import Principal
from app.auth.tickets import Minted, Tickets
from app.store.memory import MemoryStore
from tests.unit.auth.answering import accepted, authenticating
from tests.unit.auth.issuing import (
    AUDIENCE,
    ENTRA,
    ENTRA_MANY,
    ISSUER,
    NOW,
    OBJECT,
    TENANT,
    TRUST,
    claims,
    entra_v1,
    entra_v2,
    header,
    rsa_jwk,
    rsa_key,
    sign,
)

ALGORITHMS = [
    ("RS256", "rsa", "main"),
    ("PS256", "rsa", "main"),
    ("PS256", "ps", "ps"),
    ("ES256", "ec", "main"),
    ("EdDSA", "ed", "main"),
]


@pytest.mark.parametrize(("algorithm", "kid", "by"), ALGORITHMS)
async def test_each_accepted_algorithm(algorithm: str, kid: str, by: str) -> None:
    principal = await accepted(sign(claims(), header(alg=algorithm, kid=kid), by=by))
    assert principal == Principal("user-1", ISSUER, NOW + 3600)


HEADERS: list[dict[str, Any]] = [
    {"typ": "at+jwt"},
    {"typ": "application/at+jwt"},
    {"typ": "jwt"},
    {"typ": ...},
    {"x5t": "abc", "x5t#S256": "def", "nonce": "n", "unheard_of": [1]},
    {"x5c": ["MIIC" * 400]},
    {"jku": 7, "x5u": None, "jwk": "not even a key"},
]


@pytest.mark.parametrize("more", HEADERS, ids=str)
async def test_headers_that_change_nothing(more: dict[str, Any]) -> None:
    await accepted(sign(claims(), header(**more)))


CLAIMS: list[dict[str, Any]] = [
    {"aud": [AUDIENCE]},
    {"aud": ["account", AUDIENCE]},
    {"nbf": ..., "iat": ...},
    {"exp": int(NOW) + 60},
    {"exp": NOW + 0.5},
    {"exp": NOW - 59},
    {"nbf": NOW + 59, "iat": NOW + 59},
    {"iat": 0},
    {"sub": "Zoë Müller"},
    {"sub": "u" * 255},
    {"nonce": "n", "scope": "talk"},
    {"token_use": "access"},
    {"groups": ["a"] * 200},
]


@pytest.mark.parametrize("more", CLAIMS, ids=lambda more: str(more)[:40])
async def test_claims_that_are_as_good(more: dict[str, Any]) -> None:
    principal = await accepted(sign(claims(**more)))
    assert principal.expires_at == more.get("exp", NOW + 3600)
    assert principal.user == more.get("sub", "user-1")


async def test_a_nonce_is_no_sign_of_an_id_token_where_the_type_says_access() -> None:
    await accepted(sign(claims(nonce="n", scope=...), header(typ="at+jwt")))
    await accepted(sign(claims(nonce="n", scope=..., typ="Bearer")))


async def test_a_token_without_a_key_id_is_judged_by_the_only_key_of_its_kind() -> None:
    only = {"keys": [rsa_jwk(rsa_key("main"), kid="whatever")]}
    await accepted(sign(claims(), header(kid=...)), jwks=only)
    await accepted(sign(claims(), header(alg="ES256", kid=...)))


async def test_a_key_id_that_two_keys_have_is_judged_by_both() -> None:
    twice = {"keys": [rsa_jwk(rsa_key(name), kid="rsa") for name in ("b", "main")]}
    await accepted(sign(claims()), jwks=twice)


async def test_any_of_several_audiences_will_do() -> None:
    await accepted(sign(claims()), replace(TRUST, audiences=frozenset({"api://new", AUDIENCE})))


# -- providers -----------------------------------------------------------------------------------


async def test_entra_version_2() -> None:
    principal = await accepted(sign(entra_v2()), ENTRA)
    assert principal == Principal(f"{TENANT}/{OBJECT}", ENTRA.issuer, NOW + 3600)


async def test_entra_version_1() -> None:
    trust = Trust(f"https://sts.windows.net/{TENANT}/", frozenset({"api://relay"}), entra=True)
    principal = await accepted(sign(entra_v1()), trust)
    assert principal.user == f"{TENANT}/{OBJECT}"


async def test_entra_of_several_tenants_with_the_key_of_the_tenant_or_of_all() -> None:
    principal = await accepted(sign(entra_v2()), ENTRA_MANY)
    assert principal.issuer == ENTRA_MANY.issuer
    for issuer in (ENTRA_MANY.issuer, f"https://login.microsoftonline.com/{TENANT}/v2.0"):
        jwks = {"keys": [rsa_jwk(rsa_key("main"), kid="rsa", use="sig", issuer=issuer)]}
        await accepted(sign(entra_v2()), ENTRA_MANY, jwks)


async def test_a_user_of_entra_is_the_same_in_capital_letters() -> None:
    principal = await accepted(sign(entra_v2(oid=OBJECT.upper())), ENTRA)
    assert principal.user == f"{TENANT}/{OBJECT}"


async def test_an_application_of_entra_with_a_role() -> None:
    application = entra_v2(scp=..., roles=["Talker"], idtyp="app")
    await accepted(sign(application), replace(ENTRA, role="Talker"))


async def test_a_user_of_entra_with_scope_and_role() -> None:
    trust = replace(ENTRA, scope="talk", role="Talker")
    await accepted(sign(entra_v2(roles=["Talker", "Reader"])), trust)


async def test_auth0() -> None:
    """Its issuer ends with a slash, its audience is a list beside the userinfo address."""
    trust = Trust("https://acme.eu.auth0.com/", frozenset({"https://relay"}), scope="talk")
    token = claims(
        iss="https://acme.eu.auth0.com/",
        sub="auth0|5f7c8ec7c33c6c004bbafe82",
        aud=["https://relay", "https://acme.eu.auth0.com/userinfo"],
        azp="my_client_id",
        scope="openid profile talk",
        nbf=...,
    )
    assert (await accepted(sign(token), trust)).user == "auth0|5f7c8ec7c33c6c004bbafe82"


@pytest.mark.parametrize("nonce", [..., "6a9d"], ids=["today", "up to version 24"])
async def test_keycloak(nonce: Any) -> None:
    issuer = "https://sso.example.com/realms/acme"
    trust = Trust(issuer, frozenset({"relay"}), role="talker")
    token = claims(
        iss=issuer,
        aud=["relay", "account"],
        sub="0b7c1c1e-6d2c-4c53-9d0e-0d3a4a3d3a11",
        typ="Bearer",
        azp="page",
        nonce=nonce,
        sid="x",
        acr="1",
        realm_access={"roles": ["default-roles-acme", "talker"]},
        resource_access={"account": {"roles": ["view-profile"]}},
        scope="openid email profile",
    )
    assert (await accepted(sign(token), trust)).issuer == issuer


async def test_okta_lists_its_scopes() -> None:
    token = claims(scope=..., scp=["openid", "talk"], ver=1, cid="client", uid="00u1")
    await accepted(sign(token), replace(TRUST, scope="talk"))


async def test_a_token_after_rfc_9068() -> None:
    token = claims(client_id="s6BhdRkqt3", jti="x", roles=["Talker"], entitlements=[])
    await accepted(sign(token, header(typ="at+jwt")), replace(TRUST, role="Talker"))


# -- what the principal takes along --------------------------------------------------------------


async def test_the_claims_that_were_asked_for_and_no_others() -> None:
    trust = replace(TRUST, kept=frozenset({"department", "roles", "sub", "missing"}))
    token = claims(department="Sales", roles=["b", "a"], email="me@example.com")
    principal = await accepted(sign(token), trust)
    assert principal.claims == (
        ("department", "Sales"),
        ("roles", "b"),
        ("roles", "a"),
        ("sub", "user-1"),
    )
    assert principal.claim("department") == "Sales"
    assert principal.claim("roles") is None
    assert "Sales" not in repr(principal)
    assert (await accepted(sign(token))).claims == ()


@pytest.mark.parametrize("value", [7, None, True, {"a": "b"}, ["a", 1], [["a"]], []], ids=str)
async def test_a_claim_that_is_neither_a_text_nor_texts_is_left_behind(value: Any) -> None:
    trust = replace(TRUST, kept=frozenset({"role"}))
    assert (await accepted(sign(claims(role=value)), trust)).claims == ()


# -- values --------------------------------------------------------------------------------------


async def test_a_claim_with_half_a_surrogate_pair_is_left_behind_and_a_ticket_can_be_made() -> None:
    trust = replace(TRUST, kept=frozenset({"name", "groups"}))
    principal = await accepted(sign(claims(name="\ud800x", groups=["a", "\udc00", "b"])), trust)
    assert principal.claims == (("groups", "a"), ("groups", "b"))
    tickets = Tickets(MemoryStore(lambda: 0.0), 30.0, lambda: NOW)
    assert isinstance(await tickets.mint(principal, None), Minted)


async def test_a_token_is_judged_without_a_question_only_where_its_key_is_held() -> None:
    async with authenticating() as authenticator:
        assert isinstance(authenticator.judge(sign(claims())), Principal)
        assert isinstance(authenticator.judge("no.token"), Denied)
        assert isinstance(authenticator.judge(sign(claims(aud="other"))), Denied)
        assert authenticator.judge(sign(claims(), header(kid="unknown"))) is None
    assert authenticator.judge(sign(claims())) is None, "the keys are gone"


def test_a_trust_in_everybody_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="any audience"):
        Trust(ISSUER, frozenset())
    with pytest.raises(ValueError, match="list of those tenants"):
        Trust(ENTRA_MANY.issuer, ENTRA.audiences, entra=True)
    with pytest.raises(ValueError, match="list of those tenants"):
        Trust(ENTRA_MANY.issuer, ENTRA.audiences, tenants=frozenset({TENANT}))
