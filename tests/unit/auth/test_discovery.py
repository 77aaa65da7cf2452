"""Where an issuer's keys are, and whose document says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.auth.discovery import discovery_url, keys_url
from app.auth.issuer_fault import IssuerFault

ISSUER = "https://login.example.com/realms/acme"
LOCAL = "http://127.0.0.1:9000"
MANY = "https://login.microsoftonline.com/{tenantid}/v2.0"


def told(issuer: Any, jwks_uri: Any) -> bytes:
    return json.dumps({"issuer": issuer, "jwks_uri": jwks_uri, "more": [1]}).encode()


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        (ISSUER, f"{ISSUER}/.well-known/openid-configuration"),
        (
            "https://acme.auth0.com/",
            "https://acme.auth0.com/.well-known/openid-configuration",
        ),
        (MANY, "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"),
        (
            "https://sts.windows.net/{tenantid}/",
            "https://sts.windows.net/common/.well-known/openid-configuration",
        ),
    ],
)
def test_the_document_stands_below_the_issuer(issuer: str, address: str) -> None:
    assert discovery_url(issuer) == address


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        (ISSUER, "https://keys.example.net/all"),
        (MANY, "https://login.microsoftonline.com/common/discovery/v2.0/keys"),
        (LOCAL, "http://127.0.0.1:9000/jwks"),
        (LOCAL, "http://[::1]:9000/jwks"),
        ("http://localhost:9000", "http://localhost:9000/jwks"),
    ],
)
def test_the_address_of_the_keys_is_taken(issuer: str, address: str) -> None:
    assert keys_url(told(issuer, address), issuer) == address


@pytest.mark.parametrize(
    "other", [ISSUER + "/", ISSUER.upper(), "https://mallory.example", "", "x\ny" * 200]
)
def test_another_issuer_is_named_with_the_fix(other: str) -> None:
    with pytest.raises(IssuerFault) as caught:
        keys_url(told(other, "https://keys.example.net"), ISSUER)
    assert "RELAY_OIDC_ISSUER" in caught.value.detail
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 500


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        (ISSUER, "http://keys.example.net/all"),
        (ISSUER, "http://127.0.0.1/all"),
        (LOCAL, "http://10.0.0.1/all"),
        (LOCAL, "http://localhost.example.com/all"),
        (ISSUER, "ftp://keys.example.net"),
        (ISSUER, "file:///etc/passwd"),
        (ISSUER, "https://"),
        (ISSUER, "https://[::1"),
        (ISSUER, "/keys"),
        (ISSUER, ""),
    ],
)
def test_keys_are_not_fetched_from_an_unsafe_address(issuer: str, address: str) -> None:
    with pytest.raises(IssuerFault, match="no https address"):
        keys_url(told(issuer, address), issuer)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", told(ISSUER, None), told(5, "https://x"), b"[" * 100_000],
    ids=range(7),
)
def test_what_is_no_document_is_a_fault_that_names_its_address(body: bytes) -> None:
    with pytest.raises(IssuerFault, match="is no discovery document"):
        keys_url(body, ISSUER)
