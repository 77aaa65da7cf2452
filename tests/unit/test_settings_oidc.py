"""Settings of sign-in: what they take, what they refuse, and what is made of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.auth.claims import Trust
from app.parts import make_authenticator
from app.settings import Settings, SettingsError, load
from app.settings.choices import AuthMode
from app.settings.oidc_forms import is_entra

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER = "AAAAAAAA-2222-3333-4444-555555555555"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
BASE = {
    "RELAY_UPSTREAM": "embedded",
    "RELAY_EMBEDDED_ADDRESS": "http://127.0.0.1:8090",
    "RELAY_EMBEDDED_KEY": "key",
    "RELAY_AUTH": "oidc",
    "RELAY_OIDC_ISSUER": "https://login.example.com/",
    "RELAY_OIDC_AUDIENCE": "api://relay",
}


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(BASE | environ)
    return caught.value.problems


def only_problem(**environ: str) -> str:
    (problem,) = problems(**environ)
    return problem


def trust(**environ: str) -> Trust:
    authenticator: Any = make_authenticator(load(BASE | environ))
    found = authenticator._trust
    assert isinstance(found, Trust)
    return found


def test_issuer_and_audience_are_enough() -> None:
    settings = load(BASE)
    assert settings.auth is AuthMode.OIDC
    assert settings.oidc_leeway_seconds == 60
    assert trust() == Trust("https://login.example.com/", frozenset({"api://relay"}))


def test_both_are_needed() -> None:
    told = problems(RELAY_OIDC_ISSUER="", RELAY_OIDC_AUDIENCE="")
    assert [problem.split(" ")[0] for problem in told] == [
        "RELAY_OIDC_ISSUER",
        "RELAY_OIDC_AUDIENCE",
    ]
    assert "RELAY_AUTH to `dev`" in told[0]


def test_the_claims_that_instructions_name_reach_the_authenticator() -> None:
    found = trust(RELAY_INSTRUCTION_CLAIMS="sub,department")
    assert found.kept == frozenset({"sub", "department"})


def test_everything_reaches_the_authenticator() -> None:
    made = trust(
        RELAY_OIDC_ISSUER=ENTRA,
        RELAY_OIDC_AUDIENCE="api://relay, 0000,api://relay",
        RELAY_OIDC_TENANTS=f"{TENANT}, {OTHER}",
        RELAY_OIDC_REQUIRED_SCOPE="talk",
        RELAY_OIDC_REQUIRED_ROLE="Talker",
        RELAY_OIDC_LEEWAY_SECONDS="5",
    )
    assert made == Trust(
        ENTRA,
        frozenset({"api://relay", "0000"}),
        entra=True,
        tenants=frozenset({TENANT, OTHER.lower()}),
        scope="talk",
        role="Talker",
        leeway=5.0,
    )


@pytest.mark.parametrize(
    "issuer",
    [
        "https://acme.eu.auth0.com/",
        "https://sso.example.com:8443/realms/acme",
        "http://127.0.0.1:9000",
        "http://localhost:9000/x",
        "http://[::1]:9000",
    ],
)
def test_an_issuer_is_kept_as_it_is_written(issuer: str) -> None:
    assert load(BASE | {"RELAY_OIDC_ISSUER": issuer}).oidc_issuer == issuer


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        ("http://login.example.com", "must begin with https://"),
        ("http://localhost.example.com", "must begin with https://"),
        ("ftp://login.example.com", "must begin with https://"),
        ("login.example.com", "must be the issuer's address"),
        ("https://", "must be the issuer's address"),
        ("https://a b", "must be the issuer's address"),
        ("https://[::1", "must be the issuer's address"),
        ("https://x:99999", "must be the issuer's address"),
        ("https://login.example.com/?p=policy", "without user, query"),
        ("https://login.example.com/#x", "without user, query"),
        ("https://me:secret@login.example.com/", "without user, query"),
        ("https://x.example/.well-known/openid-configuration", "leave out /.well-known/"),
    ],
)
def test_what_is_no_issuer_is_refused(issuer: str, words: str) -> None:
    problem = only_problem(RELAY_OIDC_ISSUER=issuer)
    assert problem.startswith("RELAY_OIDC_ISSUER ")
    assert words in problem
    assert "secret" not in problem


@pytest.mark.parametrize("any_tenant", ["common", "organizations", "{tenantid}"])
@pytest.mark.parametrize(
    ("issuer", "made"),
    [
        (
            "https://login.microsoftonline.com/TENANT/v2.0",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
        ),
        ("https://sts.windows.net/TENANT/", "https://sts.windows.net/{tenantid}/"),
    ],
)
def test_several_tenants_of_entra_must_be_listed(any_tenant: str, issuer: str, made: str) -> None:
    environ = {"RELAY_OIDC_ISSUER": issuer.replace("TENANT", any_tenant)}
    assert "set RELAY_OIDC_TENANTS" in only_problem(**environ)
    found = trust(**environ, RELAY_OIDC_TENANTS=TENANT)
    assert (found.issuer, found.tenants) == (made, frozenset({TENANT}))


def test_a_realm_that_is_called_common_is_a_realm() -> None:
    issuer = "https://sso.example.com/common"
    assert load(BASE | {"RELAY_OIDC_ISSUER": issuer}).oidc_issuer == issuer


@pytest.mark.parametrize(
    ("issuer", "entra"),
    [
        (ENTRA, True),
        (f"https://sts.windows.net/{TENANT}/", True),
        (f"https://login.microsoftonline.us/{TENANT}/v2.0", True),
        (f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0", True),
        ("https://login.microsoftonline.com.example.org/x", False),
        ("https://evilciamlogin.com/x", False),
        ("https://acme.auth0.com/", False),
    ],
)
def test_entra_is_known_by_its_hosts(issuer: str, entra: bool) -> None:
    assert is_entra(issuer) is entra
    assert trust(RELAY_OIDC_ISSUER=issuer).entra is entra
    assert trust(RELAY_OIDC_ISSUER=issuer, RELAY_OIDC_TENANTS=TENANT).entra is True


@pytest.mark.parametrize("audience", ["account", "relay,account", " account "])
def test_the_audience_that_every_keycloak_token_has_is_refused(audience: str) -> None:
    problem = only_problem(RELAY_OIDC_AUDIENCE=audience)
    assert "audience mapper" in problem
    assert load(BASE | {"RELAY_OIDC_AUDIENCE": "accounting"}).oidc_audience == ("accounting",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RELAY_OIDC_AUDIENCE", "a b"),
        ("RELAY_OIDC_TENANTS", "contoso.onmicrosoft.com"),
        ("RELAY_OIDC_TENANTS", f"{TENANT},*"),
        ("RELAY_OIDC_REQUIRED_SCOPE", "talk listen"),
        ("RELAY_OIDC_REQUIRED_ROLE", "A,B"),
        ("RELAY_OIDC_LEEWAY_SECONDS", "301"),
        ("RELAY_OIDC_LEEWAY_SECONDS", "-1"),
        ("RELAY_OIDC_PROXY", "https://proxy"),
        ("RELAY_OIDC_CA_FILE", "/does/not/exist"),
    ],
)
def test_what_has_not_its_form_is_refused(variable: str, value: str) -> None:
    assert only_problem(**{variable: value}).startswith(f"{variable} ")


def test_a_file_of_authorities_must_hold_some(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    assert only_problem(RELAY_OIDC_CA_FILE=str(empty)).startswith(
        f"RELAY_OIDC_CA_FILE names {empty}"
    )
    cert = tmp_path / "ca.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=x", "-days", "1", "-keyout", tmp_path / "key", "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    assert load(BASE | {"RELAY_OIDC_CA_FILE": str(cert)}).oidc_ca_file == cert


def test_two_ways_to_sign_in_contradict_each_other() -> None:
    problem = only_problem(RELAY_AUTH="dev")
    assert problem == (
        "RELAY_AUTH is `dev`, but RELAY_OIDC_ISSUER, RELAY_OIDC_AUDIENCE are set: remove one or "
        "the other."
    )


def test_a_command_that_chooses_dev_by_itself_leaves_them_alone() -> None:
    environ = {name: value for name, value in BASE.items() if name != "RELAY_AUTH"}
    assert load(environ, auth="dev").auth is AuthMode.DEV


def test_oidc_may_listen_on_any_address() -> None:
    assert load(BASE | {"RELAY_HOST": "0.0.0.0"}).host == "0.0.0.0"


def test_a_proxy_s_password_is_not_shown() -> None:
    settings = load(BASE | {"RELAY_OIDC_PROXY": "http://me:c4n4ry@proxy:3128"})
    assert "c4n4ry" not in repr(settings)
    assert "c4n4ry" not in str([row.value for row in settings.describe()])
    assert Settings().oidc_proxy is None
