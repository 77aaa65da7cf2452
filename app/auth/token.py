"""A JSON Web Token as it was shown: read strictly, and not yet believed.

Reading is ours because every JSON library keeps one of two equal names in silence; the mathematics
of signatures is joserfc's. A token is read once, so the header that was judged is the header that
the signature is checked with. Of the header only `alg`, `kid`, `typ` count: `jwk`, `jku`, `x5u` and
`x5c` name a key of the sender's own choice and are never looked at (RFC 8725, section 3.10).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from app.auth.denied import Denied
from app.auth.keys import ALGORITHMS, SigningKey

MAX_TOKEN_BYTES = 7 * 1024
"""A request's line may have 8 KiB, and the token shares it."""

_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"""What the header's `typ` may say (RFC 7519, section 5.1; RFC 9068, section 2.1)."""

ASK_AGAIN = "Ask the issuer for an access token for this API."


@dataclass(frozen=True, slots=True)
class Token:
    """A well-formed token. `claims` are what its sender claims, until the signature was checked.

    `kind` is the header's `typ` in lower case, empty where there is none.
    """

    algorithm: str
    kid: str | None
    kind: str
    claims: Mapping[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


class _Twice(ValueError):  # noqa: N818  (it is an answer, not a fault)
    """A name stands twice in one object."""


def read_token(text: str) -> Token | Denied:
    """Reads a compact JWS (RFC 7515, section 7.1) with a JSON object as its payload."""
    if len(text) > MAX_TOKEN_BYTES:
        kib = MAX_TOKEN_BYTES // 1024
        return Denied("token.size", f"The token is longer than {kib} KiB. Ask for fewer claims.")
    parts = text.split(".")
    if len(parts) == 5:
        return Denied("token.encrypted", f"The token is encrypted. {ASK_AGAIN}")
    if len(parts) != 3 or not text.isascii():
        return Denied("token.form", f"The credential is no signed JSON Web Token. {ASK_AGAIN}")
    header = _object(parts[0], "header")
    if isinstance(header, Denied):
        return header
    if denied := _judge_header(header):
        return denied
    claims = _object(parts[1], "claims")
    if isinstance(claims, Denied):
        return claims
    signature = _decoded(parts[2])
    if signature is None:
        return Denied("token.form", f"The token's signature cannot be read. {ASK_AGAIN}")
    return Token(
        algorithm=header["alg"],
        kid=header.get("kid"),
        kind=header.get("typ", "").lower(),
        claims=claims,
        signed=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=signature,
    )


def is_signed_by(token: Token, key: SigningKey) -> bool:
    """Whether `key` signed this token with the algorithm that the token names.

    joserfc checks that the key's type, curve, `use` and `alg` fit the algorithm.
    """
    model = JWSRegistry.algorithms[token.algorithm]
    try:
        model.check_key(key.key)
        return model.verify(token.signed, token.signature, key.key)
    except (JoseError, ValueError, TypeError):
        return False


def _judge_header(header: dict[str, Any]) -> Denied | None:
    if header.get("alg") not in ALGORITHMS:
        accepted = ", ".join(ALGORITHMS)
        return Denied(
            "token.algorithm",
            f"The token is signed with an algorithm that is not accepted. Accepted: {accepted}.",
        )
    if "crit" in header:
        # RFC 7515, section 4.1.11: whoever does not know an extension refuses the token.
        return Denied("token.crit", f"The token's header has critical extensions. {ASK_AGAIN}")
    kind = header.get("typ", "jwt")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        return Denied("token.type", f"The token's type is not that of a token here. {ASK_AGAIN}")
    if "cty" in header:
        # Only a nested token has one (RFC 7519, section 5.2).
        return Denied("token.nested", f"There is another token inside the token. {ASK_AGAIN}")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        return Denied("token.header", f"The token's key id is no text. {ASK_AGAIN}")
    return None


def _object(segment: str, what: str) -> dict[str, Any] | Denied:
    """One part of the token as a JSON object in which no name stands twice, at any depth."""
    decoded = _decoded(segment)
    try:
        found = json.loads(
            (decoded or b"").decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except _Twice:
        return Denied("token.duplicate", f"A name stands twice in the token's {what}. {ASK_AGAIN}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Denied(f"token.{what}", f"The token's {what} cannot be read. {ASK_AGAIN}")
    return found


def _decoded(segment: str) -> bytes | None:
    try:
        return urlsafe_b64decode(segment.encode("ascii"))
    except ValueError:
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number (RFC 8259, section 6)")
