"""A corpus of tokens that must not let anybody in, each with the rule that stops it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.auth.claims import Trust
from app.auth.token import MAX_TOKEN_BYTES
from app.protocol.close_reasons import CloseReason
from tests.unit.auth.answering import refused
from tests.unit.auth.issuing import (
    AUDIENCE,
    ENTRA,
    ENTRA_MANY,
    ISSUER,
    JWKS,
    NOW,
    OTHER_TENANT,
    TENANT,
    TRUST,
    b64,
    claims,
    entra_v1,
    entra_v2,
    header,
    part,
    public_pem,
    rsa_jwk,
    rsa_key,
    sign,
    sign_with_secret,
)


@dataclass(frozen=True)
class Bad:
    """A token, the rule that must stop it, and under which trust and keys."""

    name: str
    rule: str
    token: str
    trust: Trust = TRUST
    jwks: Any = None
    reason: CloseReason = CloseReason.UNAUTHENTICATED


def spoiled(token: str, index: int, by: str) -> str:
    """One part of a token replaced."""
    parts = token.split(".")
    parts[index] = by
    return ".".join(parts)


def flipped(token: str) -> str:
    """The first character of the signature changed."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


GOOD = sign(claims())
TWO_KEYS = {"keys": [rsa_jwk(rsa_key("main"), kid="a"), rsa_jwk(rsa_key("b"), kid="b")]}
FOREIGN_KEY = {
    "keys": [
        rsa_jwk(
            rsa_key("main"),
            kid="rsa",
            issuer=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0",
        )
    ]
}
NESTED = sign(GOOD, header(cty="JWT"))
HUGE = "9" * 5000

FORM = [
    Bad("nothing", "token.form", ""),
    Bad("an opaque token", "token.form", "dGhpcyBpcyBvcGFxdWU"),
    Bad("a development credential", "token.form", "dev-alice"),
    Bad("two parts", "token.form", GOOD.rpartition(".")[0]),
    Bad("four parts", "token.form", GOOD + ".x"),
    Bad("five parts, as an encrypted token has", "token.encrypted", "a.b.c.d.e"),
    Bad("extra dots at the end", "token.encrypted", GOOD + ".."),
    Bad("six parts", "token.form", GOOD + "..."),
    Bad("a character that is not ASCII", "token.form", spoiled(GOOD, 2, "é" * 300)),
    Bad("a lone surrogate", "token.form", spoiled(GOOD, 1, "\ud800")),
    Bad("a space", "token.claims", spoiled(GOOD, 1, " " + GOOD.split(".")[1])),
    Bad("a line break at the end", "token.form", GOOD + "\n"),
    Bad("one byte too long", "token.size", "a" * (MAX_TOKEN_BYTES + 1)),
    Bad("too many claims", "token.size", sign(claims(groups=["x" * 36] * 200))),
    Bad("base64 with padding", "token.header", spoiled(GOOD, 0, GOOD.split(".")[0] + "=")),
    Bad("base64 of the other alphabet", "token.form", spoiled(GOOD, 2, "+/+/")),
    Bad("claims that are no JSON", "token.claims", sign("{iss")),
    Bad("claims that are a list", "token.claims", sign("[]")),
    Bad("claims that are not UTF-8", "token.claims", spoiled(GOOD, 1, b64(b'{"a":"\xff"}'))),
    Bad("claims in UTF-16", "token.claims", spoiled(GOOD, 1, b64("{}".encode("utf-16")))),
    Bad("claims nested without end", "token.claims", sign("[" * 2000 + "]" * 2000)),
    Bad("an empty payload", "token.claims", spoiled(GOOD, 1, "")),
    Bad("a number of too many digits", "token.claims", sign(f'{{"exp": {HUGE}}}')),
    Bad("a claim twice", "token.duplicate", sign(json.dumps(claims())[:-1] + ', "sub": "admin"}')),
    Bad("a claim twice deep inside", "token.duplicate", sign('{"a": {"b": 1, "b": 2}}')),
    Bad("the audience twice", "token.duplicate", sign(f'{{"aud": "x", "aud": "{AUDIENCE}"}}')),
]
HEADER = [
    Bad("a header twice", "token.duplicate", sign(claims(), '{"alg": "RS256", "alg": "RS256"}')),
    Bad("no header", "token.header", spoiled(GOOD, 0, "")),
    Bad("no algorithm", "token.algorithm", sign(claims(), header(alg=...), alg="RS256")),
    Bad("the algorithm none", "token.algorithm", f"{part(header(alg='none'))}.{part(claims())}."),
    Bad("the algorithm NONE", "token.algorithm", f"{part(header(alg='NONE'))}.{part(claims())}."),
    Bad(
        "none with a good token's signature",
        "token.algorithm",
        spoiled(GOOD, 0, part(header(alg="none"))),
    ),
    Bad(
        "the public key as a shared secret",
        "token.algorithm",
        sign_with_secret(claims(), header(alg="HS256"), public_pem()),
    ),
    Bad(
        "the JWK as a shared secret",
        "token.algorithm",
        sign_with_secret(claims(), header(alg="HS256"), json.dumps(JWKS["keys"][0]).encode()),
    ),
    Bad(
        "an algorithm that is a list",
        "token.algorithm",
        sign(claims(), header(alg=["RS256"]), alg="RS256"),
    ),
    Bad("RS512", "token.algorithm", sign(claims(), header(alg="RS512"), alg="RS256")),
    Bad("lower case", "token.algorithm", sign(claims(), header(alg="rs256"), alg="RS256")),
    Bad("a critical extension", "token.crit", sign(claims(), header(crit=["b64"], b64=False))),
    Bad("an empty list of critical extensions", "token.crit", sign(claims(), header(crit=[]))),
    Bad("the type of an encrypted token", "token.type", sign(claims(), header(typ="JWE"))),
    Bad("the type of a logout token", "token.type", sign(claims(), header(typ="logout+jwt"))),
    Bad("the type of a DPoP proof", "token.type", sign(claims(), header(typ="dpop+jwt"))),
    Bad("a type that is a number", "token.type", sign(claims(), header(typ=1))),
    Bad("a token in a token", "token.nested", NESTED),
    Bad("a token in a token that does not say so", "token.claims", sign(GOOD)),
    Bad("a key id that is a number", "token.header", sign(claims(), header(kid=7))),
]
KEY = [
    Bad("an unknown key id", "token.key", sign(claims(), header(kid="other"))),
    Bad("a key id that is a path", "token.key", sign(claims(), header(kid="../../dev/null"))),
    Bad("a key for encryption", "token.key", sign(claims(), header(kid="enc"), by="enc")),
    Bad("a key of another algorithm", "token.key", sign(claims(), header(kid="ps"), by="ps")),
    Bad("a key of another kind", "token.key", sign(claims(), header(kid="ec"))),
    Bad("PS256 named, RS256 signed", "token.signature",
        sign(claims(), header(alg="PS256"), alg="RS256")),
    Bad("the wrong key", "token.signature", sign(claims(), by="mallory")),
    Bad("the wrong elliptic key", "token.signature",
        sign(claims(), header(alg="ES256", kid="ec"), by="mallory")),
    Bad("the wrong Edwards key", "token.signature",
        sign(claims(), header(alg="EdDSA", kid="ed"), by="mallory")),
    Bad("no key id and several keys", "token.kid", sign(claims(), header(kid=...)), jwks=TWO_KEYS),
    Bad("a key in the header", "token.signature",
        sign(claims(), header(jwk=rsa_jwk(rsa_key("mallory"))), by="mallory")),
    Bad("an address of keys in the header", "token.signature",
        sign(claims(), header(jku="https://mallory.example/keys", x5u="https://m.example/c"),
             by="mallory")),
    Bad("changed claims", "token.signature", spoiled(GOOD, 1, part(claims(sub="admin")))),
    Bad("a changed header", "token.signature", spoiled(GOOD, 0, part(header(x=1)))),
    Bad("a changed signature", "token.signature", flipped(GOOD)),
    Bad("an empty signature", "token.signature", spoiled(GOOD, 2, "")),
    Bad("a signature of zeros", "token.signature",
        spoiled(sign(claims(), header(alg="ES256", kid="ec")), 2, b64(bytes(64)))),
    Bad("a signature in DER", "token.signature",
        spoiled(sign(claims(), header(alg="ES256", kid="ec")), 2, b64(b"\x30\x06" + bytes(70)))),
]  # fmt: skip
CLAIMS = [
    Bad("no issuer", "token.issuer", sign(claims(iss=...))),
    Bad("another issuer", "token.issuer", sign(claims(iss="https://mallory.example.com/"))),
    Bad("the issuer without its slash", "token.issuer", sign(claims(iss=ISSUER.rstrip("/")))),
    Bad("a slash that the issuer has not", "token.issuer", sign(claims(iss=ISSUER)),
        replace(TRUST, issuer=ISSUER.rstrip("/"))),
    Bad("the issuer in other letters", "token.issuer", sign(claims(iss=ISSUER.upper()))),
    Bad("an issuer that begins like ours", "token.issuer", sign(claims(iss=ISSUER + "evil"))),
    Bad("a list of issuers", "token.issuer", sign(claims(iss=[ISSUER]))),
    Bad("no audience", "token.audience", sign(claims(aud=...))),
    Bad("another audience", "token.audience", sign(claims(aud="api://other"))),
    Bad("Keycloak's audience", "token.audience", sign(claims(aud="account"))),
    Bad("a list without us", "token.audience", sign(claims(aud=["account", "api://other"]))),
    Bad("an empty list", "token.audience", sign(claims(aud=[]))),
    Bad("an audience that begins like ours", "token.audience", sign(claims(aud=AUDIENCE + "2"))),
    Bad("a list that is not of texts", "token.audience", sign(claims(aud=[AUDIENCE, 1]))),
    Bad("an audience that is an object", "token.audience", sign(claims(aud={AUDIENCE: 1}))),
    Bad("us as the authorised party alone", "token.audience",
        sign(claims(aud="api://other", azp=AUDIENCE, client_id=AUDIENCE))),
    Bad("expired", "token.expired", sign(claims(exp=NOW - 60))),
    Bad("expired long ago", "token.expired", sign(claims(exp=0))),
    Bad("no expiry", "token.exp", sign(claims(exp=...))),
    Bad("an expiry that is null", "token.exp", sign(claims(exp=None))),
    Bad("an expiry that is a text", "token.exp", sign(claims(exp=str(NOW + 60)))),
    Bad("an expiry that is true", "token.exp", sign(claims(exp=True))),
    Bad("an expiry that is not a number", "token.claims", sign(claims(exp=math.nan))),
    Bad("an expiry without end", "token.claims", sign(claims(exp=math.inf))),
    Bad("an expiry too large for a float", "token.exp",
        sign(json.dumps(claims(exp="X")).replace('"X"', "1e999"))),
    Bad("an expiry of three hundred digits", "token.exp", sign(claims(exp=10**300))),
    Bad("an expiry before time began", "token.exp", sign(claims(exp=-1))),
    Bad("not valid yet", "token.nbf", sign(claims(nbf=NOW + 61))),
    Bad("a beginning that is a text", "token.nbf", sign(claims(nbf=str(NOW)))),
    Bad("issued in the future", "token.iat", sign(claims(iat=NOW + 61))),
    Bad("issued in milliseconds", "token.iat", sign(claims(iat=NOW * 1000))),
    Bad("issued at a text", "token.iat", sign(claims(iat="now"))),
    Bad("issued in the year 10000", "token.iat", sign(claims(iat=10**12))),
    Bad("no user", "token.subject", sign(claims(sub=...))),
    Bad("an empty user", "token.subject", sign(claims(sub=""))),
    Bad("a user that is a number", "token.subject", sign(claims(sub=1))),
    Bad("a user of too many letters", "token.subject", sign(claims(sub="u" * 256))),
    Bad("a user with a line break", "token.subject", sign(claims(sub="a\nb"))),
    Bad("a user that is half a character", "token.subject", sign('{"sub":"\\ud800",'
        + json.dumps(claims(sub=...))[1:])),
    Bad("no scope", "token.scope", sign(claims()), replace(TRUST, scope="admin"),
        reason=CloseReason.FORBIDDEN),
    Bad("part of a scope", "token.scope", sign(claims(scope="talkative")),
        replace(TRUST, scope="talk"), reason=CloseReason.FORBIDDEN),
    Bad("no role", "token.role", sign(claims(roles="Talker")), replace(TRUST, role="Talker"),
        reason=CloseReason.FORBIDDEN),
    Bad("the scope without the role", "token.role", sign(claims()),
        replace(TRUST, scope="talk", role="Talker"), reason=CloseReason.FORBIDDEN),
    Bad("the role as a scope", "token.scope", sign(claims(roles=["admin"])),
        replace(TRUST, scope="admin"), reason=CloseReason.FORBIDDEN),
]  # fmt: skip
USE = [
    Bad("an ID token by its hash", "token.use", sign(claims(at_hash="x"))),
    Bad("an ID token by its code's hash", "token.use", sign(claims(c_hash="x"))),
    Bad("an ID token by its nonce", "token.use", sign(claims(nonce="n", scope=...))),
    Bad("Keycloak's ID token", "token.use", sign(claims(typ="ID"))),
    Bad("Keycloak's refresh token", "token.use", sign(claims(typ="Refresh"))),
    Bad("Keycloak's offline token", "token.use", sign(claims(typ="Offline"))),
    Bad("Cognito's ID token", "token.use", sign(claims(token_use="id"))),
    Bad("a token bound to a key", "token.bound", sign(claims(cnf={"jkt": "x"}))),
    Bad("Entra's ID token", "token.use", sign(entra_v2(scp=..., azp=...)), ENTRA),
    Bad("Entra's ID token with roles", "token.use",
        sign(entra_v2(scp=..., azp=..., roles=["Talker"])), ENTRA),
    Bad("Entra's application without any permission", "token.use", sign(entra_v2(scp=...)), ENTRA),
    Bad("Entra's empty scope", "token.use", sign(entra_v2(scp="")), ENTRA),
]  # fmt: skip
TENANTS = [
    Bad("a version 1.0 token", "token.issuer", sign(entra_v1()), ENTRA),
    Bad("a tenant that is not listed", "token.tenant",
        sign(entra_v2(iss=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0",
                      tid=OTHER_TENANT)), ENTRA_MANY, reason=CloseReason.FORBIDDEN),
    Bad("a tenant beside the issuer's", "token.issuer",
        sign(entra_v2(iss=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0")), ENTRA_MANY),
    Bad("a listed tenant, another issuer", "token.issuer",
        sign(entra_v2(tid=OTHER_TENANT)), ENTRA_MANY),
    Bad("no tenant", "token.issuer", sign(entra_v2(tid=...)), ENTRA_MANY),
    Bad("no tenant, one issuer", "token.subject", sign(entra_v2(tid=...)), ENTRA),
    Bad("an issuer with the place of the tenant", "token.subject",
        sign(entra_v2(iss=ENTRA_MANY.issuer, tid="{tenantid}")), ENTRA_MANY),
    Bad("a tenant that leads elsewhere", "token.subject",
        sign(entra_v2(iss="https://login.microsoftonline.com/x/../y/v2.0", tid="x/../y")),
        ENTRA_MANY),
    Bad("no object id", "token.subject", sign(entra_v2(oid=...)), ENTRA),
    Bad("a listed tenant that is not the issuer's", "token.tenant", sign(entra_v2()),
        replace(ENTRA, tenants=frozenset({OTHER_TENANT})), reason=CloseReason.FORBIDDEN),
    Bad("a key of another tenant", "token.key", sign(entra_v2()), ENTRA_MANY, FOREIGN_KEY),
]  # fmt: skip
CORPUS = [*FORM, *HEADER, *KEY, *CLAIMS, *USE, *TENANTS]


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: bad.name)
async def test_a_bad_token_is_refused_by_its_rule(bad: Bad) -> None:
    denied = await refused(bad.token, bad.trust, bad.jwks or JWKS)
    assert (denied.rule, denied.reason) == (bad.rule, bad.reason)
    assert denied.message.endswith(".")
    assert denied.message.isprintable()
    for piece in bad.token.split("."):
        assert len(piece) < 8 or piece not in denied.message
    for secret in ("mallory", "user-1", TENANT, OTHER_TENANT, ISSUER, AUDIENCE):
        assert secret not in denied.message


def test_the_corpus_has_a_name_for_each_token() -> None:
    names = [bad.name for bad in CORPUS]
    assert len(set(names)) == len(names) >= 100


async def test_the_message_tells_a_missing_slash_and_a_token_of_the_wrong_version() -> None:
    slash = await refused(sign(claims(iss=ISSUER.rstrip("/"))))
    assert "slash at the end" in slash.message
    version = await refused(sign(entra_v1()), ENTRA)
    assert "requestedAccessTokenVersion" in version.message


def test_what_a_token_says_is_not_printed_with_it() -> None:
    from app.auth.token import Token, read_token

    token = read_token(GOOD)
    assert isinstance(token, Token)
    assert "user-1" not in repr(token)
    assert GOOD.split(".")[2] not in repr(token)
