"""Which of an issuer's published keys may sign tokens, and for which algorithms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from joserfc.jwk import import_key

from app.auth.issuer_fault import IssuerFault
from app.auth.keys import MOST_KEYS, parse_keys
from app.auth.token import Token, is_signed_by, read_token
from tests.unit.auth.issuing import (
    JWKS,
    b64,
    claims,
    ec_jwk,
    ec_key,
    ed_jwk,
    ed_key,
    header,
    number,
    rsa_jwk,
    rsa_key,
    sign,
)

GOOD = rsa_jwk(rsa_key("main"), kid="good")


def parsed(*keys: Any) -> Any:
    return parse_keys(json.dumps({"keys": keys}).encode())


def able(key: dict[str, Any]) -> set[str]:
    """What a key may sign with, next to one that is always usable."""
    found = parsed(key, GOOD).keys
    return set(found[0].algorithms) if len(found) == 2 else set()


def test_a_key_signs_what_its_kind_can_and_of_that_what_it_says() -> None:
    assert able(rsa_jwk(rsa_key("main"))) == {"RS256", "PS256"}
    assert able(rsa_jwk(rsa_key("main"), alg="PS256")) == {"PS256"}
    assert able(ec_jwk(ec_key("main"))) == {"ES256"}
    assert able(ed_jwk(ed_key("main"))) == {"EdDSA"}


def p384() -> dict[str, Any]:
    numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    return {"kty": "EC", "crv": "P-384", "x": number(numbers.x, 48), "y": number(numbers.y, 48)}


def ed448_key() -> dict[str, Any]:
    raw = ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed448", "x": b64(raw)}


UNUSABLE: dict[str, Any] = {
    "for encryption": rsa_jwk(rsa_key("main"), use="enc"),
    "of an unknown use": rsa_jwk(rsa_key("main"), use="other"),
    "without the operation": rsa_jwk(rsa_key("main"), key_ops=["sign"]),
    "with an operation that is a text": rsa_jwk(rsa_key("main"), key_ops="verify"),
    "of another algorithm": rsa_jwk(rsa_key("main"), alg="RS512"),
    "of an algorithm of another kind": rsa_jwk(rsa_key("main"), alg="ES256"),
    "of an algorithm that is a list": rsa_jwk(rsa_key("main"), alg=["RS256"]),
    "of 1024 bits": rsa_jwk(rsa_key("small", 1024)),
    "of 1024 bits, and zeros before them": {
        **rsa_jwk(rsa_key("small", 1024)),
        "n": number(rsa_key("small", 1024).public_key().public_numbers().n, 256),
    },
    "of 16384 bits": {**GOOD, "n": b64(b"\xff" * 2048)},
    "of a huge exponent": {**GOOD, "e": b64(b"\xff" * 200)},
    "of no base64": {**GOOD, "n": "+++"},
    "of no text": {**GOOD, "n": 5},
    "without a number": {"kty": "RSA", "e": "AQAB"},
    "without a coordinate": {"kty": "EC", "crv": "P-256", "x": "AQAB"},
    "shared": {"kty": "oct", "k": b64(b"x" * 32), "alg": "HS256"},
    "of another curve": p384(),
    "of an unknown curve": {**ec_jwk(ec_key("main")), "crv": "P-999"},
    "beside its curve": {**ec_jwk(ec_key("main")), "x": b64(b"\x01" * 32)},
    "of the larger Edwards curve": ed448_key(),
    "too short": {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
    "for agreement": {**ed_jwk(ed_key("main")), "crv": "X25519"},
    "of no kind": {"n": "x"},
    "of a kind that is a list": {"kty": ["RSA"]},
    "null": None,
    "a text": "key",
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_used_is_passed_over(key: Any) -> None:
    found = parsed(key, GOOD)
    assert [kept.kid for kept in found.keys] == ["good"]
    assert found.ignored == 1


def test_only_the_public_numbers_of_a_key_are_taken() -> None:
    private = {**GOOD, "d": "AQAB", "p": "AQAB", "x5c": [1, 2], "x5u": "nowhere", "oth": []}
    (key,) = parsed(private).keys
    assert not key.key.is_private
    assert set(key.key.keys()) == {"kty", "n", "e"}


def test_a_key_that_may_verify_is_usable_and_a_strange_name_is_none() -> None:
    (key,) = parsed(rsa_jwk(rsa_key("main"), key_ops=["verify"], kid=5, issuer=7)).keys
    assert (key.kid, key.issuer) == (None, None)


BODIES = {
    "nothing": b"",
    "no JSON": b"<html>",
    "not UTF-8": b'{"keys": ["\xff"]}',
    "a list": b"[]",
    "no keys": b'{"keys": []}',
    "keys that are an object": b'{"keys": {}}',
    "nothing usable": json.dumps({"keys": [UNUSABLE["shared"]]}).encode(),
    "nesting without end": b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_without_usable_keys_is_a_fault(body: bytes) -> None:
    with pytest.raises(IssuerFault):
        parse_keys(body)


def test_a_set_of_very_many_keys_is_cut() -> None:
    found = parsed(*[{**GOOD, "kid": str(n)} for n in range(MOST_KEYS + 50)])
    assert len(found.keys) == MOST_KEYS
    assert found.ignored == 50


def test_a_set_of_four_hundred_keys_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes time is to import a key: 40 of them stay within a few milliseconds."""
    imported = 0

    def counted(entry: Any) -> Any:
        nonlocal imported
        imported += 1
        return import_key(entry)

    monkeypatch.setattr("app.auth.keys.import_key", counted)
    parsed(*[{**GOOD, "kid": str(n)} for n in range(400)])
    assert 10 <= imported <= 40


def test_keys_are_found_by_id_and_algorithm() -> None:
    keys = parse_keys(json.dumps(JWKS).encode())
    assert keys.kids() == {"rsa", "ec", "ed", "ps"}
    assert keys.knows("rsa")
    assert keys.knows(None)
    assert not keys.knows("enc")
    assert [key.kid for key in keys.fitting("rsa", "RS256")] == ["rsa"]
    assert [key.kid for key in keys.fitting(None, "PS256")] == ["rsa", "ps"]
    assert keys.fitting("ec", "RS256") == ()


def test_a_key_that_is_not_of_its_algorithm_s_kind_signs_nothing() -> None:
    """Whoever holds a key and a token need not have asked `fitting` first."""
    token = read_token(sign(claims(), header(alg="ES256", kid="ec")))
    assert isinstance(token, Token)
    keys = parse_keys(json.dumps(JWKS).encode())
    assert [key.kid for key in keys.keys if is_signed_by(token, key)] == ["ec"]
