"""What a token's user or application was granted: scopes and roles, where the operator asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.auth.denied import Denied
from app.protocol.close_reasons import CloseReason


def judge_grants(claims: Mapping[str, Any], scope: str | None, role: str | None) -> Denied | None:
    """Where both are required, both must be granted: the one does not stand in for the other."""
    if scope is not None and scope not in scopes(claims):
        return Denied(
            "token.scope",
            "The token lacks the scope that the operator requires (RELAY_OIDC_REQUIRED_SCOPE). Ask "
            "the issuer for a token with that scope.",
            CloseReason.FORBIDDEN,
        )
    if role is not None and role not in roles(claims):
        return Denied(
            "token.role",
            "The token lacks the role that the operator requires (RELAY_OIDC_REQUIRED_ROLE). The "
            "issuer's administrator assigns it.",
            CloseReason.FORBIDDEN,
        )
    return None


def scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scp` (Entra: a text with spaces; Okta: a list) and `scope` (RFC 9068, section 2.2.3)."""
    return _words(claims.get("scp")) | _words(claims.get("scope"))


def roles(claims: Mapping[str, Any]) -> frozenset[str]:
    """`roles` (Entra, RFC 9068), and Keycloak's realm roles, which stand one level deeper."""
    realm = claims.get("realm_access")
    inner = realm.get("roles") if isinstance(realm, dict) else None
    return _names(claims.get("roles")) | _names(inner)


def _words(value: Any) -> frozenset[str]:
    return frozenset(value.split()) if isinstance(value, str) else _names(value)


def _names(value: Any) -> frozenset[str]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(name for name in value if isinstance(name, str))
