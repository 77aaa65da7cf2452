"""Where an issuer's keys are: OpenID Connect Discovery 1.0, section 4."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from app.auth.issuer_fault import IssuerFault

TENANT_PLACE = "{tenantid}"
"""Stands in the issuer of Entra applications that serve several tenants, in our setting and in
Entra's own document: each token's issuer has its tenant's id there."""

_WELL_KNOWN = "/.well-known/openid-configuration"
_SHOWN = 200


class _Document(msgspec.Struct):
    issuer: str
    jwks_uri: str


def discovery_url(issuer: str) -> str:
    """The address of the issuer's document. The issuer's final slash does not belong to it."""
    return issuer.replace(TENANT_PLACE, "common").rstrip("/") + _WELL_KNOWN


def keys_url(body: bytes, issuer: str) -> str:
    """The address of the keys, from the document of exactly this issuer. Raises `IssuerFault`."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise IssuerFault(
            f"{discovery_url(issuer)} is no discovery document: see whether RELAY_OIDC_ISSUER is "
            "the issuer's address"
        ) from None
    if document.issuer != issuer:
        raise IssuerFault(
            f"the issuer calls itself {_printable(document.issuer)}, not {issuer}: set "
            "RELAY_OIDC_ISSUER to exactly that, a final slash included"
        )
    if not _is_safe(document.jwks_uri, issuer):
        raise IssuerFault(
            f"the issuer's keys are at {_printable(document.jwks_uri)}, which is no https address"
        )
    return document.jwks_uri


def _is_safe(url: str, issuer: str) -> bool:
    """https; or http on loopback, for an issuer that is itself there and so no one else's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return (
        parts.scheme == "http"
        and issuer.startswith("http://")
        and _is_loopback(parts.hostname or "")
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _printable(text: str) -> str:
    return text if len(text) <= _SHOWN and text.isprintable() else "something unprintable"
