"""The forms of what identifies an OpenID provider, its tenants and its tokens.

A `ValueError` here completes the sentence "NAME ...".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator

from app.settings.forms import is_loopback

TENANT_PLACE = "{tenantid}"
"""Stands for a tenant's id in the issuer of applications that serve several, as Entra writes it."""

_ENTRA_HOSTS = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
        "sts.windows.net",
        "sts.chinacloudapi.cn",
    }
)
_EXTERNAL_ID = ".ciamlogin.com"
_ANY_TENANT = ("common", "organizations")
_WELL_KNOWN = "/.well-known/"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD = re.compile(r"[\x21-\x7e]{1,256}")
_KEYCLOAK_DEFAULT = "account"


def is_entra(issuer: str) -> bool:
    """Whether this issuer is Microsoft Entra ID, in any of its clouds, or its External ID."""
    parts = _split(issuer)
    host = (parts.hostname or "") if parts is not None else ""
    return host in _ENTRA_HOSTS or host.endswith(_EXTERNAL_ID)


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _issuer(text: str) -> str:
    parts = _split(text)
    if parts is None or not parts.hostname or not _WORD.fullmatch(text):
        raise ValueError("must be the issuer's address, for example https://login.example.com/")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https://, unless the issuer is on this machine")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be an address without user, query and fragment")
    if _WELL_KNOWN in parts.path:
        raise ValueError(f"must be the issuer itself: leave out {_WELL_KNOWN}...")
    return _with_tenant_place(text, parts)


def _with_tenant_place(text: str, parts: SplitResult) -> str:
    """Entra's addresses for any tenant, in the form that its own document gives their issuer."""
    segment = parts.path.split("/")[1:2]
    if not is_entra(text) or not segment or segment[0] not in _ANY_TENANT:
        return text
    return text.replace(f"/{segment[0]}", f"/{TENANT_PLACE}", 1)


def _audience(entry: str) -> str:
    if entry == _KEYCLOAK_DEFAULT:
        raise ValueError(
            "may not hold `account`, which Keycloak writes into the tokens of every client: give "
            "the relay an audience of its own, by an audience mapper"
        )
    if not _WORD.fullmatch(entry):
        raise ValueError("holds a space or a character that no audience has")
    return entry


def _tenant(entry: str) -> str:
    if not _GUID.fullmatch(entry.lower()):
        raise ValueError(
            "must hold tenants' ids, for example 00000000-0000-0000-0000-000000000000; a domain's "
            "name is none"
        )
    return entry.lower()


def _grant(text: str) -> str:
    if not _WORD.fullmatch(text) or "," in text:
        raise ValueError("must be one name, without spaces and commas")
    return text


def _list_of(check: Callable[[str], str]) -> BeforeValidator:
    """Comma separated entries, each checked, each once."""

    def read(text: object) -> object:
        if not isinstance(text, str):
            return text
        entries = [entry.strip() for entry in text.split(",")]
        return tuple(dict.fromkeys(check(entry) for entry in entries if entry))

    return BeforeValidator(read)


Issuer = Annotated[str, AfterValidator(_issuer)]
Audiences = Annotated[tuple[str, ...], _list_of(_audience)]
Tenants = Annotated[tuple[str, ...], _list_of(_tenant)]
Grant = Annotated[str, AfterValidator(_grant)]
