"""An issuer of tokens that owes nothing to the library under test: signatures by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.auth.claims import Trust

ISSUER = "https://login.example.com/"
AUDIENCE = "api://relay"
NOW = 1_800_000_000.0
TRUST = Trust(ISSUER, frozenset({AUDIENCE}))

TENANT = "11111111-2222-3333-4444-555555555555"
OBJECT = "99999999-8888-7777-6666-555555555555"
OTHER_TENANT = "aaaaaaaa-2222-3333-4444-555555555555"

Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    """One part of a token: JSON of a value, or a text as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return b64(text.encode())


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey, **more: Any) -> Json:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}


def ec_jwk(key: ec.EllipticCurvePrivateKey, **more: Any) -> Json:
    numbers = key.public_key().public_numbers()
    x, y = number(numbers.x, 32), number(numbers.y, 32)
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **more}


def ed_jwk(key: ed25519.Ed25519PrivateKey, **more: Any) -> Json:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **more}


JWKS: Json = {
    "keys": [
        rsa_jwk(rsa_key("main"), kid="rsa", use="sig"),
        ec_jwk(ec_key("main"), kid="ec", alg="ES256"),
        ed_jwk(ed_key("main"), kid="ed", use="sig", alg="EdDSA"),
        rsa_jwk(rsa_key("enc"), kid="enc", use="enc", alg="RSA-OAEP"),
        rsa_jwk(rsa_key("ps"), kid="ps", use="sig", alg="PS256"),
    ]
}
"""What this issuer publishes. RS256 may be signed with the key `rsa` alone."""


def _rs256(data: bytes, name: str) -> bytes:
    return rsa_key(name).sign(data, padding.PKCS1v15(), hashes.SHA256())


def _ps256(data: bytes, name: str) -> bytes:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return rsa_key(name).sign(data, pss, hashes.SHA256())


def _es256(data: bytes, name: str) -> bytes:
    r, s = decode_dss_signature(ec_key(name).sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _eddsa(data: bytes, name: str) -> bytes:
    return ed_key(name).sign(data)


_SIGNERS: dict[str, Callable[[bytes, str], bytes]] = {
    "RS256": _rs256,
    "PS256": _ps256,
    "ES256": _es256,
    "EdDSA": _eddsa,
}


def claims(**more: Any) -> Json:
    """Good claims, changed by `more`; a claim that is given as `...` is left out."""
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-1",
        "exp": NOW + 3600,
        "nbf": NOW - 10,
        "iat": NOW - 10,
        "scope": "talk",
    }
    return {name: value for name, value in {**usual, **more}.items() if value is not ...}


def header(**more: Any) -> Json:
    """A good header, changed in the same way."""
    usual = {"alg": "RS256", "kid": "rsa", "typ": "JWT"}
    return {name: value for name, value in {**usual, **more}.items() if value is not ...}


def sign(
    says: Json | str, head: Json | str | None = None, *, by: str = "main", alg: str | None = None
) -> str:
    """A token. Texts are taken as they are, so that they may be no good JSON. Signed with `alg`,
    by default the one in the header, and the key called `by`."""
    head = header() if head is None else head
    signed = f"{part(head)}.{part(says)}"
    algorithm = alg or (str(head["alg"]) if isinstance(head, Mapping) else "RS256")
    return f"{signed}.{b64(_SIGNERS[algorithm](signed.encode(), by))}"


def sign_with_secret(says: Json, head: Json, secret: bytes) -> str:
    signed = f"{part(head)}.{part(says)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def public_pem() -> bytes:
    return (
        rsa_key("main")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def entra_v2(**more: Any) -> Json:
    """An access token of Entra, version 2.0, as its reference describes one."""
    return claims(
        **{
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "aud": "00000000-1111-2222-3333-444444444444",
            "tid": TENANT,
            "oid": OBJECT,
            "sub": "pairwise-subject",
            "azp": "77777777-1111-2222-3333-444444444444",
            "azpacr": "0",
            "scp": "talk listen",
            "scope": ...,
            "ver": "2.0",
            "uti": "x",
            "aio": "y",
            **more,
        }
    )


def entra_v1(**more: Any) -> Json:
    return entra_v2(
        **{
            "iss": f"https://sts.windows.net/{TENANT}/",
            "aud": "api://relay",
            "appid": "77777777-1111-2222-3333-444444444444",
            "azp": ...,
            "ver": "1.0",
            **more,
        }
    )


ENTRA = Trust(
    f"https://login.microsoftonline.com/{TENANT}/v2.0",
    frozenset({"00000000-1111-2222-3333-444444444444"}),
    entra=True,
)
ENTRA_MANY = Trust(
    "https://login.microsoftonline.com/{tenantid}/v2.0",
    ENTRA.audiences,
    entra=True,
    tenants=frozenset({TENANT}),
)
