"""The public keys of an issuer (RFC 7517), as far as they may sign tokens for us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key
from joserfc.util import urlsafe_b64decode

from app.auth.issuer_fault import IssuerFault

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""The signatures that are accepted: none that needs a shared secret, and never `none`."""

MOST_KEYS = 32
"""Issuers have two to ten. Each takes a moment to import, and nobody is served meanwhile."""

_RSA_BITS = range(2048, 8192 + 1)
_EXPONENT_CHARACTERS = 6
"""base64url of 4 bytes: checking a signature takes time that grows with the exponent."""

_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""Kind of key to the members that make it. Whatever else a key carries, certificates and, by
somebody's mistake, private numbers, is left where it is."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key. `algorithms` are those that it may sign with; `issuer` is Entra's member of that
    name: the issuer whose tokens alone this key may sign."""

    kid: str | None
    algorithms: frozenset[str]
    issuer: str | None
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The usable keys of an issuer, in its order, and how many it has that cannot be used."""

    keys: tuple[SigningKey, ...]
    ignored: int = 0

    def knows(self, kid: str | None) -> bool:
        """Whether a token with this key id can be judged; one without always can."""
        return kid is None or any(key.kid == kid for key in self.keys)

    def fitting(self, kid: str | None, algorithm: str) -> tuple[SigningKey, ...]:
        """The keys that may have signed such a token. Without a key id: every one of its kind."""
        return tuple(
            key
            for key in self.keys
            if algorithm in key.algorithms and (kid is None or key.kid == kid)
        )

    def kids(self) -> frozenset[str]:
        return frozenset(key.kid for key in self.keys if key.kid is not None)


class _Set(msgspec.Struct):
    keys: list[Any]


def parse_keys(body: bytes) -> SigningKeys:
    """Reads a JWK set. A key that cannot be used is passed over (RFC 7517, section 5).

    Raises `IssuerFault` where the body is no such set or holds no usable key.
    """
    try:
        entries = msgspec.json.decode(body, type=_Set).keys
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IssuerFault("the issuer's keys are no JSON Web Key Set") from None
    keys = [key for entry in entries[:MOST_KEYS] if (key := _signing_key(entry)) is not None]
    if not keys:
        accepted = ", ".join(ALGORITHMS)
        raise IssuerFault(
            f"none of the issuer's {len(entries)} keys can be used: it should sign with one of "
            f"{accepted}"
        )
    return SigningKeys(tuple(keys), ignored=len(entries) - len(keys))


def _signing_key(entry: Any) -> SigningKey | None:
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return None
    algorithms = _algorithms(entry)
    if not algorithms:
        return None
    members = ("kty", *_MEMBERS[entry["kty"]])
    if not all(isinstance(entry.get(name), str) for name in members):
        return None
    try:
        key = import_key({name: entry[name] for name in members})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    kid, issuer = entry.get("kid"), entry.get("issuer")
    return SigningKey(
        kid=kid if isinstance(kid, str) else None,
        algorithms=algorithms,
        issuer=issuer if isinstance(issuer, str) else None,
        key=key,
    )


def _is_for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops")
    verifies = operations is None or (isinstance(operations, list) and "verify" in operations)
    return entry.get("use", "sig") == "sig" and verifies


def _algorithms(entry: dict[str, Any]) -> frozenset[str]:
    """What this key may sign with: what its kind can, and of that only what it says itself."""
    match entry.get("kty"), entry.get("crv"):
        case "RSA", _:
            able = {"RS256", "PS256"} if _has_sane_size(entry) else set()
        case "EC", "P-256":
            able = {"ES256"}
        case "OKP", "Ed25519":
            able = {"EdDSA"}
        case _:
            able = set()
    if "alg" in entry:
        able &= {entry["alg"]} if isinstance(entry["alg"], str) else set()
    return frozenset(able)


def _has_sane_size(entry: dict[str, Any]) -> bool:
    modulus, exponent = entry.get("n"), entry.get("e")
    if not isinstance(modulus, str) or not isinstance(exponent, str):
        return False
    try:
        bits = int.from_bytes(urlsafe_b64decode(modulus.encode("ascii")), "big").bit_length()
    except ValueError:
        return False
    return bits in _RSA_BITS and len(exponent) <= _EXPONENT_CHARACTERS
