"""Each rule of the settings, as a sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.policy.policy import Profile
from app.protocol.names import Dialect
from app.settings import Settings, SettingsError, load
from app.settings.about import Shown
from app.settings.choices import AuthMode, LogLevel, Upstream, UpstreamAuth
from app.settings.settings import Settings as SettingsClass
from app.settings.settings import abouts
from app.upstream.identity import EntraKind

SECRET = "c4n4ryS3CR3T"
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://my-resource.openai.azure.com",
    "AZURE_OPENAI_DEPLOYMENT": "gpt-4o-realtime-preview",
    "AZURE_OPENAI_API_VERSION": "2025-04-01-preview",
    "RELAY_AUTH": "dev",
}
EMBEDDED = {
    "RELAY_UPSTREAM": "embedded",
    "RELAY_EMBEDDED_ADDRESS": "http://127.0.0.1:8090",
    "RELAY_EMBEDDED_KEY": SECRET,
    "RELAY_AUTH": "dev",
}
WITH_KEY = AZURE | {"RELAY_UPSTREAM_AUTH": "api-key-header", "AZURE_OPENAI_API_KEY": SECRET}


def problems(environ: dict[str, str], **given: Any) -> tuple[str, ...]:
    """What `load` complains of, after a look that no complaint holds the secret."""
    with pytest.raises(SettingsError) as caught:
        load(environ, **given)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert all(problem.endswith((".", "?")) for problem in caught.value.problems)
    return caught.value.problems


def complaint(environ: dict[str, str]) -> str:
    """All that `load` complains of, or nothing."""
    try:
        load(environ)
    except SettingsError as error:
        return str(error)
    return ""


def only_problem(environ: dict[str, str], **given: Any) -> str:
    (problem,) = problems(environ, **given)
    return problem


# -- what is enough ----------------------------------------------------------------------------


def test_azure_with_entra_needs_no_more_than_the_five_lines() -> None:
    settings = load(AZURE | {"RELAY_ENTRA_CREDENTIAL": "developer"})
    assert settings.upstream is Upstream.AZURE
    assert settings.upstream_auth is UpstreamAuth.ENTRA
    assert settings.entra_credential is EntraKind.DEVELOPER
    assert settings.auth is AuthMode.DEV


def test_the_defaults_are_those_of_the_design() -> None:
    settings = load(AZURE)
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.profile is Profile.GUIDED
    assert settings.policy_hints
    assert settings.show_usage
    assert not settings.show_rate_limits
    assert not settings.demo_page
    assert not settings.require_origin
    assert not settings.dev_network
    assert settings.upstream_scope == "https://cognitiveservices.azure.com/.default"
    assert (settings.session_max_seconds, settings.idle_seconds) == (1800, 300)
    assert (settings.max_sessions, settings.max_sessions_per_user) == (500, 2)
    assert (settings.max_message_bytes, settings.ticket_seconds) == (262_144, 30)
    assert settings.drain_seconds == 25
    assert settings.log_format is None
    assert settings.log_level is LogLevel.INFO
    assert Settings().auth is AuthMode.OIDC


def test_settings_are_immutable() -> None:
    settings = load(AZURE)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_nothing_but_the_given_mapping_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PORT", "9999")
    monkeypatch.setenv("PORT", "9998")
    monkeypatch.setenv("port", "9997")
    assert load(AZURE).port == 8080
    assert Settings().port == 8080


def test_what_a_command_decides_wins_over_the_environment() -> None:
    settings = load(
        AZURE | {"RELAY_AUTH": "oidc", "RELAY_PORT": "9000"},
        upstream="embedded",
        embedded_address="http://127.0.0.1:1",
        embedded_key=SECRET,
        auth="dev",
        demo_page=True,
    )
    assert settings.upstream is Upstream.EMBEDDED
    assert settings.demo_page
    assert settings.port == 9000


def test_a_command_cannot_decide_what_is_no_setting() -> None:
    with pytest.raises(TypeError, match="no_such"):
        load(AZURE, no_such=1)


# -- everything at once ------------------------------------------------------------------------


def test_all_problems_are_told_at_once() -> None:
    told = problems(
        {"RELAY_PORT": "many", "RELAY_LOG_LEVEL": "loud", "RELAY_NONSENSE": "1", "RELAY_HOST": "::"}
    )
    for name in (
        "RELAY_PORT",
        "RELAY_LOG_LEVEL",
        "RELAY_NONSENSE",
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_DEPLOYMENT",
        "RELAY_OIDC_ISSUER",
        "RELAY_OIDC_AUDIENCE",
    ):
        assert sum(problem.startswith(name) for problem in told) == 1, name
    assert len(told) == 7


def test_a_wrong_value_gets_one_sentence_and_none_for_what_follows_from_it() -> None:
    assert only_problem(AZURE | {"RELAY_AUTH": "none"}).startswith("RELAY_AUTH must be")


# -- unknown names -----------------------------------------------------------------------------


def test_an_unknown_variable_of_ours_stops_the_start_and_the_nearest_is_named() -> None:
    assert only_problem(AZURE | {"RELAY_MAX_SESSION": "3"}) == (
        "RELAY_MAX_SESSION is not a setting of this version: did you mean RELAY_MAX_SESSIONS?"
    )


def test_an_unknown_variable_that_is_like_none_is_to_be_removed() -> None:
    assert only_problem(AZURE | {"RELAY_VAULT_DSN": f"vault://{SECRET}@x"}) == (
        "RELAY_VAULT_DSN is not a setting of this version: remove it, or see docs/settings.md."
    )


def test_a_variable_in_lower_case_is_unknown() -> None:
    assert "did you mean RELAY_PORT?" in only_problem(AZURE | {"relay_port": "8081"})


def test_a_file_variable_is_known_for_secrets_and_instructions_only() -> None:
    assert "RELAY_PORT_FILE is not a setting" in only_problem(AZURE | {"RELAY_PORT_FILE": "/x"})


def test_variables_of_others_are_none_of_our_business() -> None:
    load(AZURE | {"AZURE_OPENAI_CHAT_DEPLOYMENT": "x", "AZURE_SUBSCRIPTION_ID": "x", "PATH": "/"})


def test_what_kubernetes_says_of_a_service_named_relay_is_not_taken_for_a_mistake() -> None:
    load(
        AZURE
        | {
            "RELAY_SERVICE_HOST": "10.0.0.1",
            "RELAY_SERVICE_PORT_HTTP": "8080",
            "RELAY_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "RELAY_PORT_8080_TCP_ADDR": "10.0.0.1",
            "RELAY_WEB_PORT": "tcp://10.0.0.2:80",
            "RELAY_PORT": "8080",
        }
    )


def test_a_port_that_kubernetes_overwrote_is_explained() -> None:
    problem = only_problem(AZURE | {"RELAY_PORT": "tcp://10.0.0.1:8080"})
    assert problem.startswith("RELAY_PORT was set by Kubernetes")
    assert "enableServiceLinks" in problem


# -- the form of each value --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RELAY_PORT", "80a", "RELAY_PORT must be a whole number from 0 to 65535, not '80a'."),
        ("RELAY_PORT", "65536", "RELAY_PORT must be a whole number from 0 to 65535, not '65536'."),
        ("RELAY_PORT", "-1", "from 0 to 65535"),
        ("RELAY_PORT", "8080.5", "from 0 to 65535"),
        ("RELAY_SESSION_MAX_SECONDS", "1801", "from 1 to 1800"),
        ("RELAY_SESSION_MAX_SECONDS", "0", "from 1 to 1800"),
        ("RELAY_IDLE_SECONDS", "0", "RELAY_IDLE_SECONDS must be a whole number from 1 to"),
        ("RELAY_MAX_SESSIONS", "0", "from 1 to"),
        ("RELAY_MAX_SESSIONS_PER_USER", "none", "from 1 to"),
        ("RELAY_MAX_MESSAGE_BYTES", "12", "from 1024 to"),
        ("RELAY_TICKET_SECONDS", "1", "from 5 to 600"),
        ("RELAY_DRAIN_SECONDS", "-1", "from 0 to 3600"),
        ("RELAY_DEMO_PAGE", "maybe", "RELAY_DEMO_PAGE must be `true` or `false`, not 'maybe'."),
        (
            "RELAY_POLICY",
            "guide",
            "RELAY_POLICY must be `locked`, `guided` or `open`, not 'guide' (did you mean "
            "`guided`?).",
        ),
        ("RELAY_POLICY", "GUIDED", "(did you mean `guided`?)"),
        ("RELAY_UPSTREAM", "openai", "RELAY_UPSTREAM must be `azure` or `embedded`"),
        ("RELAY_UPSTREAM_AUTH", "key", "`api-key-header`"),
        ("RELAY_ENTRA_CREDENTIAL", "cli", "`developer`"),
        ("RELAY_LOG_FORMAT", "text", "`json` or `console`"),
        ("RELAY_LOG_LEVEL", "WARN", "(did you mean `warning`?)"),
        ("RELAY_HOST", "http://127.0.0.1", "RELAY_HOST must be an address or a host name"),
        ("RELAY_HOST", "127.0.0.1:8080", "the port goes into RELAY_PORT"),
        ("RELAY_HOST", "999.1.1.1", "RELAY_HOST must be an address"),
        ("RELAY_HOST", "[::1]", "without brackets"),
        ("RELAY_UPSTREAM_SCOPE", "api://x", "RELAY_UPSTREAM_SCOPE must be a scope"),
        ("RELAY_UPSTREAM_PROXY", f"socks5://u:{SECRET}@p:1", "must be the address of an HTTP"),
        ("RELAY_UPSTREAM_PROXY", f"http://u:{SECRET}@p:port", "must be the address of an HTTP"),
        ("RELAY_SESSION_VOICE", "aloy", "(did you mean `alloy`?)"),
        ("RELAY_SESSION_TRANSCRIPTION_MODEL", "whisper 1", "must be a model's name"),
        ("RELAY_USER_HASH_KEY", "short", "RELAY_USER_HASH_KEY is too short"),
        ("RELAY_UPSTREAM_CA_FILE", "/does/not/exist", "cannot be read (No such file"),
        ("RELAY_SESSION_INSTRUCTIONS", "\udcff", "is not UTF-8 text"),
    ],
)
def test_a_value_of_the_wrong_form_is_told_with_the_right_form(
    name: str, value: str, told: str
) -> None:
    problem = only_problem(AZURE | {name: value})
    assert problem.startswith(name)
    assert told in problem


@pytest.mark.parametrize("name", [about.variable for about in abouts().values()])
def test_a_secret_pasted_into_any_variable_is_not_repeated(name: str) -> None:
    told = complaint(AZURE | {name: SECRET * 3})
    about = next(about for about in abouts().values() if about.variable == name)
    if "path" in about.form:  # a path is no secret
        told = told.replace(f"names {SECRET * 3}, which", "")
    if name == "AZURE_OPENAI_API_VERSION":  # told by the endpoint, up to 40 characters of it
        told = told.replace(repr(SECRET * 3), "")
    assert SECRET not in told


@pytest.mark.parametrize(
    "variable", [about.file_variable for about in abouts().values() if about.shown is Shown.NEVER]
)
def test_a_secret_in_the_place_of_its_files_path_is_not_repeated(variable: str) -> None:
    told = complaint(AZURE | {variable: SECRET})
    assert f"{variable} names a file, which cannot be read" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("true", True), ("on", True), ("1", True), ("yes", True), ("off", False), ("False", False)],
)
def test_a_switch_is_understood_as_people_write_it(value: str, parsed: bool) -> None:
    assert load(AZURE | {"RELAY_REQUIRE_ORIGIN": value}).require_origin is parsed


def test_spaces_around_a_value_do_not_matter() -> None:
    settings = load(AZURE | {"RELAY_PORT": " 9000 ", "RELAY_POLICY": "locked "})
    assert (settings.port, settings.profile) == (9000, Profile.LOCKED)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_hosts_may_be_listened_on(host: str) -> None:
    assert load(AZURE | {"RELAY_HOST": host}).host == host


# -- origins -----------------------------------------------------------------------------------


def test_origins_are_a_list_with_commas() -> None:
    text = (
        "https://app.example.com, http://localhost:5173 ,https://app.example.com,,http://[::1]:80"
    )
    text = text.replace(":80", ":81")
    assert load(AZURE | {"RELAY_ALLOWED_ORIGINS": text}).allowed_origins == (
        "https://app.example.com",
        "http://localhost:5173",
        "http://[::1]:81",
    )


def test_an_app_shell_has_an_origin_too() -> None:
    origins = load(AZURE | {"RELAY_ALLOWED_ORIGINS": "capacitor://localhost"}).allowed_origins
    assert origins == ("capacitor://localhost",)


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("*", "list each origin"),
        ("null", "list each origin"),
        ("app.example.com", "scheme://host"),
        ("https://app.example.com/", "write https://app.example.com"),
        ("https://app.example.com/page", "without a path"),
        ("https://App.example.com", "lower case, write https://app.example.com"),
        ("HTTPS://app.example.com", "lower case"),
        (
            "https://app.example.com:443",
            "leave out the default port, write https://app.example.com",
        ),
        ("http://app.example.com:80", "leave out the default port"),
        ("https://app.example.com:70000", "a port is a number"),
        ("https://*.example.com/", "RELAY_ALLOWED_ORIGINS holds"),
        ("https://user@app.example.com", "no origin"),
        ("https://bücher.example", "xn--"),
        ("https://app.example.com?x=1", "no origin"),
        ("https://a.example https://b.example", "no origin"),
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused(origin: str, told: str) -> None:
    problem = only_problem(AZURE | {"RELAY_ALLOWED_ORIGINS": f"https://ok.example,{origin}"})
    assert problem.startswith("RELAY_ALLOWED_ORIGINS ")
    assert told in problem


# -- Azure -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_DEPLOYMENT"])
def test_azure_needs_endpoint_and_deployment(name: str) -> None:
    problem = only_problem({other: value for other, value in AZURE.items() if other != name})
    assert problem.startswith(f"{name} is missing")


def test_a_version_means_preview_and_none_means_ga() -> None:
    dated, plain = load(AZURE).endpoint(), load(AZURE | {"AZURE_OPENAI_API_VERSION": ""}).endpoint()
    assert (dated.dialect, plain.dialect) == (Dialect.PREVIEW, Dialect.GA)
    assert "/openai/realtime?api-version=" in dated.display
    assert plain.request_target().startswith("/openai/v1/realtime?model=")


@pytest.mark.parametrize("version", ["", "2025-04-01-preview"])
def test_a_dialect_that_the_version_contradicts_is_refused(version: str) -> None:
    said = Dialect.GA if version else Dialect.PREVIEW
    about = {"AZURE_OPENAI_API_VERSION": version, "RELAY_UPSTREAM_DIALECT": said.value}
    problem = only_problem(AZURE | about)
    assert "AZURE_OPENAI_API_VERSION" in problem
    assert f"RELAY_UPSTREAM_DIALECT is `{said.value}`" in problem


def test_ga_begins_with_no_temperature_and_preview_with_none_of_gas_voices() -> None:
    ga = AZURE | {"AZURE_OPENAI_API_VERSION": ""}
    heat, voice = {"RELAY_SESSION_TEMPERATURE": "0.7"}, {"RELAY_SESSION_VOICE": "marin"}
    assert only_problem(ga | heat).startswith("RELAY_SESSION_TEMPERATURE is set")
    assert only_problem(AZURE | voice).startswith("RELAY_SESSION_VOICE is `marin`")
    load(AZURE | heat)
    assert load(ga | voice).configuration().voice == "marin"


def test_clients_choose_among_the_voices_that_upstream_has() -> None:
    assert "marin" not in load(AZURE).policy().voices
    assert {"marin", "cedar"} < set(load(AZURE | {"AZURE_OPENAI_API_VERSION": ""}).policy().voices)


def test_the_embedded_upstream_speaks_what_it_is_asked_for() -> None:
    about = {"RELAY_UPSTREAM": "embedded", "RELAY_EMBEDDED_ADDRESS": "http://127.0.0.1:8090"}
    about |= {"RELAY_EMBEDDED_KEY": "k", "RELAY_AUTH": "dev"}
    assert load(about).endpoint().dialect is Dialect.PREVIEW
    assert load(about | {"RELAY_UPSTREAM_DIALECT": "ga"}).endpoint().dialect is Dialect.GA


def test_a_name_that_other_programs_use_is_recognised() -> None:
    environ = AZURE | {"AZURE_OPENAI_DEPLOYMENT": "", "AZURE_OPENAI_DEPLOYMENT_NAME": "x"}
    assert "did you mean AZURE_OPENAI_DEPLOYMENT?" in only_problem(environ)


def test_plain_http_is_for_loopback_only() -> None:
    remote = AZURE | {"AZURE_OPENAI_ENDPOINT": "http://my-resource.openai.azure.com"}
    assert only_problem(remote).startswith("AZURE_OPENAI_ENDPOINT begins with http://")
    load(AZURE | {"AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9000"})


def test_a_key_pasted_with_the_endpoint_is_not_repeated() -> None:
    pasted = AZURE["AZURE_OPENAI_ENDPOINT"] + f"/openai/realtime?api-key={SECRET}"
    assert only_problem(AZURE | {"AZURE_OPENAI_ENDPOINT": pasted}).startswith("AZURE_OPENAI_ENDP")


def test_a_key_contradicts_entra() -> None:
    problem = only_problem(AZURE | {"AZURE_OPENAI_API_KEY": SECRET})
    assert problem.startswith("AZURE_OPENAI_API_KEY is set, but RELAY_UPSTREAM_AUTH is `entra`")


@pytest.mark.parametrize("mode", ["api-key-header", "api-key-query"])
def test_an_api_key_mode_needs_a_key(mode: str) -> None:
    problem = only_problem(AZURE | {"RELAY_UPSTREAM_AUTH": mode})
    assert problem.startswith(
        f"AZURE_OPENAI_API_KEY is missing, and RELAY_UPSTREAM_AUTH is `{mode}"
    )
    assert load(WITH_KEY | {"RELAY_UPSTREAM_AUTH": mode}).upstream_auth == mode


def test_a_kind_of_entra_credential_contradicts_a_key() -> None:
    problem = only_problem(WITH_KEY | {"RELAY_ENTRA_CREDENTIAL": "managed"})
    assert problem.startswith("RELAY_ENTRA_CREDENTIAL is set, but RELAY_UPSTREAM_AUTH")


@pytest.mark.parametrize("key", [f"{SECRET} x", f"{SECRET}\nx", f"{SECRET}é"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    problem = only_problem(WITH_KEY | {"AZURE_OPENAI_API_KEY": key})
    assert problem.startswith("AZURE_OPENAI_API_KEY holds a space, a line break")


def test_a_service_principal_needs_all_of_its_parts() -> None:
    environ = AZURE | {"RELAY_ENTRA_CREDENTIAL": "service-principal", "AZURE_TENANT_ID": "t"}
    problem = only_problem(environ)
    assert "AZURE_CLIENT_ID" in problem
    assert "AZURE_CLIENT_SECRET" in problem
    assert "AZURE_TENANT_ID" not in problem


def test_a_service_principal_has_a_secret_or_a_certificate_and_not_both(tmp_path: Path) -> None:
    environ = AZURE | {
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "missing.pem"),
    }
    assert only_problem(environ).startswith("AZURE_CLIENT_CERTIFICATE_PATH names")
    problem = only_problem(environ | {"AZURE_CLIENT_SECRET": SECRET})
    assert problem.startswith("AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH are both set")


def test_a_workload_identity_needs_its_token_file() -> None:
    problem = only_problem(AZURE | {"RELAY_ENTRA_CREDENTIAL": "workload"})
    assert "AZURE_FEDERATED_TOKEN_FILE" in problem


def test_a_ca_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    problem = only_problem(AZURE | {"RELAY_UPSTREAM_CA_FILE": str(file)})
    assert "holds no certificate" in problem


# -- the embedded upstream -----------------------------------------------------------------------


def test_an_embedded_upstream_is_named_by_address_and_key() -> None:
    settings = load(EMBEDDED)
    assert settings.upstream is Upstream.EMBEDDED
    told = problems({"RELAY_UPSTREAM": "embedded", "RELAY_AUTH": "dev"})
    assert [problem.split()[0] for problem in told] == [
        "RELAY_EMBEDDED_ADDRESS",
        "RELAY_EMBEDDED_KEY",
    ]
    assert all("realtime-relay demo" in problem for problem in told)


@pytest.mark.parametrize("address", ["127.0.0.1:8090", "http://example.com:8090", "ftp://x"])
def test_the_address_of_an_embedded_upstream_is_checked_under_its_own_name(address: str) -> None:
    problem = only_problem(EMBEDDED | {"RELAY_EMBEDDED_ADDRESS": address})
    assert problem.startswith("RELAY_EMBEDDED_ADDRESS")
    assert "AZURE_OPENAI_ENDPOINT" not in problem


def test_embedded_and_azure_contradict_each_other() -> None:
    problem = only_problem(EMBEDDED | {"AZURE_OPENAI_ENDPOINT": AZURE["AZURE_OPENAI_ENDPOINT"]})
    assert problem.startswith("RELAY_UPSTREAM is `embedded`, but AZURE_OPENAI_ENDPOINT is set")


def test_the_demo_does_not_mind_that_azure_is_set_up() -> None:
    given: dict[str, Any] = {
        "embedded_address": "http://127.0.0.1:1",
        "embedded_key": SECRET,
        "auth": "dev",
    }
    assert load(WITH_KEY, upstream="embedded", **given).upstream is Upstream.EMBEDDED


def test_the_address_of_an_embedded_upstream_contradicts_azure() -> None:
    told = problems(AZURE | {"RELAY_EMBEDDED_ADDRESS": "http://x", "RELAY_EMBEDDED_KEY": SECRET})
    assert [problem.split(",")[0] for problem in told] == [
        "RELAY_EMBEDDED_ADDRESS is set",
        "RELAY_EMBEDDED_KEY is set",
    ]


# -- the door and the listener -------------------------------------------------------------------


def test_oidc_is_the_default_and_says_what_it_needs() -> None:
    told = problems(AZURE | {"RELAY_AUTH": ""})
    assert [problem.split(" is missing")[0] for problem in told] == [
        "RELAY_OIDC_ISSUER",
        "RELAY_OIDC_AUDIENCE",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "relay.example.com"])
def test_dev_sign_in_leaves_the_machine_only_where_the_operator_says_so(host: str) -> None:
    problem = only_problem(AZURE | {"RELAY_HOST": host})
    assert problem.startswith("RELAY_AUTH is `dev`")
    assert "RELAY_DEV_NETWORK" in problem
    assert load(AZURE | {"RELAY_HOST": host, "RELAY_DEV_NETWORK": "true"}).host == host


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=localhost", "-days", "1",
             "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
    return tmp_path


def test_tls_needs_a_certificate_and_its_own_key(certificates: Path) -> None:
    one = {"RELAY_TLS_CERT_FILE": str(certificates / "one.crt")}
    assert only_problem(AZURE | one) == (
        "RELAY_TLS_CERT_FILE is set without RELAY_TLS_KEY_FILE: set both, or neither."
    )
    key = {"RELAY_TLS_KEY_FILE": str(certificates / "one.key")}
    assert only_problem(AZURE | key).startswith("RELAY_TLS_KEY_FILE is set without RELAY_TLS_CERT")
    other = {"RELAY_TLS_KEY_FILE": str(certificates / "two.key")}
    assert "cannot be used together" in only_problem(AZURE | one | other)
    assert load(AZURE | one | key).tls_cert_file == certificates / "one.crt"


def test_a_key_with_a_password_is_refused_without_asking_for_it(certificates: Path) -> None:
    locked = certificates / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", certificates / "one.key",
         "-out", locked],
        check=True, capture_output=True,
    )  # fmt: skip
    environ = {
        "RELAY_TLS_CERT_FILE": str(certificates / "one.crt"),
        "RELAY_TLS_KEY_FILE": str(locked),
    }
    assert "without a password" in only_problem(AZURE | environ)


def test_settings_are_one_class() -> None:
    assert Settings is SettingsClass
