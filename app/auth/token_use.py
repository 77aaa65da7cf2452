"""Whether a token is an access token that a bearer may show, as far as tokens tell.

An ID token tells a page who signed in; it is not meant for APIs, and where page and API share one
registration its audience is right by chance. What gives it away differs from issuer to issuer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.auth.denied import Denied
from app.auth.grants import roles, scopes

_HASHES = ("at_hash", "c_hash", "s_hash")
"""They bind an ID token to what was issued beside it (OpenID Connect Core 1.0, section 3.3.2.11);
no access token has one."""

_ACCESS_TYPES = frozenset({"bearer", "jwt", "at+jwt"})
"""What the claim `typ` of an access token says: Keycloak's are Bearer, ID, Refresh, Offline, ..."""


def judge_use(claims: Mapping[str, Any], kind: str, *, entra: bool) -> Denied | None:
    """`kind` is the header's `typ` in lower case."""
    if not _says_access(claims) or _looks_like_id(claims, kind):
        return _DENIED
    if "cnf" in claims:
        # RFC 7800: its sender would have to prove a key, and a bearer proves nothing.
        return Denied(
            "token.bound",
            "The token is bound to a key of its client (DPoP, mutual TLS). Ask the issuer for a "
            "bearer token.",
        )
    if entra and not _entra_access(claims):
        return Denied(
            "token.use",
            "The token has neither a scope nor an application role, as ID tokens and tokens "
            "without any permission have none. Request a scope of this API (api://.../...).",
        )
    return None


_DENIED = Denied(
    "token.use",
    "The token is no access token. Send the access token for this API, not the ID token.",
)


def _says_access(claims: Mapping[str, Any]) -> bool:
    """`typ` is Keycloak's claim and `token_use` Cognito's; others have neither."""
    typ = claims.get("typ", "bearer")
    is_access = isinstance(typ, str) and typ.lower() in _ACCESS_TYPES
    return is_access and claims.get("token_use", "access") == "access"


def _looks_like_id(claims: Mapping[str, Any], kind: str) -> bool:
    """`nonce` alone tells nothing where something else says access: Keycloak's access tokens had
    one up to version 24."""
    if any(name in claims for name in _HASHES):
        return True
    says_access = kind.endswith("at+jwt") or "typ" in claims or scopes(claims)
    return "nonce" in claims and not says_access


def _entra_access(claims: Mapping[str, Any]) -> bool:
    """Entra's ID tokens have no scope; they may have roles, but name no client (`azp`, or `appid`
    in version 1.0)."""
    by_application = roles(claims) and ("azp" in claims or "appid" in claims)
    return bool(scopes(claims) or by_application)
