"""What the claims of an access token must say (RFC 9068; RFC 8725): a list of checks, in order.

Nothing here proves that the claims are the issuer's own: `oidc` checks the signature too, and
makes no principal without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.auth.denied import Denied
from app.auth.discovery import TENANT_PLACE
from app.auth.grants import judge_grants
from app.auth.principal import Principal
from app.auth.token_use import judge_use
from app.protocol.close_reasons import CloseReason

Claims = Mapping[str, Any]

MOST_SUBJECT_CHARACTERS = 255
"""OpenID Connect Core 1.0, section 2."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HALF = re.compile("[\ud800-\udfff]")
_LATEST = 253_402_300_799
"""The last second of the year 9999: what is later is no time but a mistake."""

_VERSION_ONE = ("https://sts.windows.net/", "https://sts.chinacloudapi.cn/")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are accepted, and for what.

    `issuer` is exact, a final slash included; in it `{tenantid}` stands for the token's own tenant
    (Entra, several tenants), and then `tenants` may not be empty. `audiences`: the token is for one
    of them. `entra`: users are known by tenant and object id. `tenants` are ids in lower case; an
    empty set leaves it to the issuer. `scope` and `role` must be granted where they are not None.
    `leeway` is in seconds, for clocks that differ. `kept` names the claims that the principal takes
    along.
    """

    issuer: str
    audiences: frozenset[str]
    entra: bool = False
    tenants: frozenset[str] = frozenset()
    scope: str | None = None
    role: str | None = None
    leeway: float = 60.0
    kept: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if TENANT_PLACE in self.issuer and not (self.entra and self.tenants):
            raise ValueError("an issuer for several tenants needs the list of those tenants")
        if not self.audiences:
            raise ValueError("tokens for any audience would be accepted")


def judge_claims(claims: Claims, kind: str, trust: Trust, now: float) -> Principal | Denied:
    """Who these claims are about, if they were true. `kind` is the header's `typ`; `now` is in
    Unix seconds."""
    denied = (
        judge_use(claims, kind, entra=trust.entra)
        or _judge_issuer(claims, trust)
        or _judge_audience(claims, trust)
        or _judge_times(claims, trust.leeway, now)
    )
    if denied is not None:
        return denied
    user = _entra_user(claims) if trust.entra else _subject(claims)
    if isinstance(user, Denied):
        return user
    if denied := _judge_tenant(claims, trust) or judge_grants(claims, trust.scope, trust.role):
        return denied
    return Principal(
        user=user,
        issuer=trust.issuer,
        expires_at=float(claims["exp"]),
        claims=tuple(_kept(claims, trust.kept)),
    )


def issuer_for(template: str, claims: Claims) -> str:
    """An issuer with the tenant of the claims in its place, if it has one."""
    return template.replace(TENANT_PLACE, str(claims.get("tid", "")))


def _kept(claims: Claims, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The claims to take along: a text once, a list of texts once for each. Half a surrogate pair
    is no character (RFC 8259, section 8.2), so a text with one is left behind."""
    for name in sorted(names):
        value = claims.get(name)
        values = value if isinstance(value, list) else [value]
        if all(isinstance(text, str) for text in values):
            yield from ((name, text) for text in dict.fromkeys(values) if not _HALF.search(text))


def _judge_issuer(claims: Claims, trust: Trust) -> Denied | None:
    issuer = claims.get("iss")
    if isinstance(issuer, str) and issuer == issuer_for(trust.issuer, claims):
        return None
    message = "The token is from another issuer than this relay trusts (RELAY_OIDC_ISSUER)."
    if isinstance(issuer, str) and issuer.rstrip("/") == trust.issuer.rstrip("/"):
        message += " The two differ by the slash at the end."
    elif trust.entra and issuer and str(issuer).startswith(_VERSION_ONE):
        message += (
            " It is a version 1.0 token of Entra: set requestedAccessTokenVersion to 2 in the "
            "manifest of the API's registration."
        )
    return Denied("token.issuer", message)


def _judge_audience(claims: Claims, trust: Trust) -> Denied | None:
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        return Denied("token.audience", f"The token says not whom it is for. {_FOR_US}")
    if trust.audiences.isdisjoint(named):
        return Denied("token.audience", f"The token is for another API. {_FOR_US}")
    return None


_FOR_US = "Ask the issuer for an access token with this API's audience (RELAY_OIDC_AUDIENCE)."


def _judge_times(claims: Claims, leeway: float, now: float) -> Denied | None:
    for name in ("exp", "nbf", "iat"):
        if (name in claims or name == "exp") and not _is_time(claims.get(name)):
            return Denied(f"token.{name}", f"The token's '{name}' is missing or is no time.")
    if claims["exp"] + leeway <= now:
        return Denied("token.expired", "The token has expired. Sign in again.")
    for name in ("nbf", "iat"):
        if name in claims and claims[name] - leeway > now:
            return Denied(
                f"token.{name}",
                "The token is not valid yet. If it is new, a clock is wrong: the issuer's or the "
                "relay's.",
            )
    return None


def _is_time(value: Any) -> bool:
    """A NumericDate (RFC 7519, section 2): a number, so neither a text nor a truth value, nor any
    infinity, nor what is no number and so in no range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST


def _subject(claims: Claims) -> str | Denied:
    subject = claims.get("sub")
    if (
        isinstance(subject, str)
        and 1 <= len(subject) <= MOST_SUBJECT_CHARACTERS
        and subject.isprintable()
    ):
        return subject
    return Denied("token.subject", "The token does not say who its user is ('sub').")


def _entra_user(claims: Claims) -> str | Denied:
    """Tenant and object id: in Entra `sub` differs from application to application."""
    tenant, user = _guid(claims.get("tid")), _guid(claims.get("oid"))
    if tenant and user:
        return f"{tenant}/{user}"
    return Denied(
        "token.subject", "The token does not say who its user is: Entra's are 'tid' and 'oid'."
    )


def _guid(value: Any) -> str | None:
    lowered = value.lower() if isinstance(value, str) else ""
    return lowered if _GUID.fullmatch(lowered) else None


def _judge_tenant(claims: Claims, trust: Trust) -> Denied | None:
    if not trust.tenants or _guid(claims.get("tid")) in trust.tenants:
        return None
    return Denied(
        "token.tenant",
        "Users of your organisation may not sign in here. If they should, the operator adds its "
        "tenant to RELAY_OIDC_TENANTS.",
        CloseReason.FORBIDDEN,
    )
