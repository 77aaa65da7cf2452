"""The frozen values that settings become, and what a person may see of them."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from app.policy.policy import Configuration, Policy, Profile
from app.protocol.names import Dialect
from app.session.limits import Limits
from app.settings import Settings, SettingsError, load
from app.settings.choices import Source, UpstreamAuth
from app.settings.settings import abouts
from app.upstream.endpoint import Endpoint
from app.upstream.identity import EntraKind
from app.wire.wire import CLIENT_WIRE, UPSTREAM_WIRE
from tests.unit.test_settings import AZURE, EMBEDDED, SECRET, WITH_KEY

# -- values of other rooms ---------------------------------------------------------------------


def test_defaults_become_the_defaults_of_the_rooms() -> None:
    settings = load(AZURE)
    assert settings.policy() == Policy()
    assert settings.configuration() == Configuration()
    assert settings.limits() == Limits()
    assert settings.client_wire_limits() == CLIENT_WIRE
    assert settings.upstream_wire_limits() == UPSTREAM_WIRE


def test_the_policy_follows_the_settings() -> None:
    policy = load(
        AZURE
        | {
            "RELAY_POLICY": "open",
            "RELAY_POLICY_HINTS": "off",
            "RELAY_SHOW_USAGE": "off",
            "RELAY_SHOW_RATE_LIMITS": "on",
        }
    ).policy()
    assert policy == Policy(
        profile=Profile.OPEN, hints=False, show_usage=False, show_rate_limits=True
    )


def test_the_configuration_follows_the_settings() -> None:
    configuration = load(
        AZURE
        | {
            "RELAY_SESSION_INSTRUCTIONS": "Be kind.",
            "RELAY_SESSION_VOICE": "verse",
            "RELAY_SESSION_TRANSCRIPTION_MODEL": "whisper-1",
        }
    ).configuration()
    assert configuration.session() == {
        "type": "realtime",
        "instructions": "Be kind.",
        "audio": {"input": {"transcription": {"model": "whisper-1"}}, "output": {"voice": "verse"}},
    }


def test_the_limits_follow_the_settings() -> None:
    settings = load(
        AZURE
        | {
            "RELAY_SESSION_MAX_SECONDS": "600",
            "RELAY_IDLE_SECONDS": "200",
            "RELAY_MAX_SESSIONS": "7",
            "RELAY_MAX_SESSIONS_PER_USER": "3",
            "RELAY_MAX_MESSAGE_BYTES": "22020096",
        }
    )
    limits = settings.limits()
    assert (limits.session_seconds, limits.idle_seconds) == (600.0, 200.0)
    assert (limits.sessions, limits.sessions_per_user) == (7, 3)
    assert limits.message_bytes == settings.client_wire_limits().max_message == 22_020_096
    assert settings.upstream_wire_limits().max_write_buffer >= 22_020_096 + 1024 * 1024
    assert settings.upstream_wire_limits().max_message == UPSTREAM_WIRE.max_message


@pytest.mark.parametrize(
    ("seconds", "warnings"), [(1800, (120.0, 30.0)), (60, (30.0,)), (30, ()), (5, ())]
)
def test_a_short_session_has_no_warning_before_its_beginning(
    seconds: int, warnings: tuple[float, ...]
) -> None:
    limits = load(AZURE | {"RELAY_SESSION_MAX_SECONDS": str(seconds)}).limits()
    assert limits.session_warnings == warnings


@pytest.mark.parametrize(("seconds", "warning"), [(300, 60.0), (60, 30.0), (1, 0.5)])
def test_a_short_idle_limit_warns_half_way(seconds: int, warning: float) -> None:
    assert load(AZURE | {"RELAY_IDLE_SECONDS": str(seconds)}).limits().idle_warning == warning


def test_the_endpoint_is_azures_or_the_embedded_ones() -> None:
    assert load(AZURE).endpoint() == Endpoint.parse(
        AZURE["AZURE_OPENAI_ENDPOINT"],
        AZURE["AZURE_OPENAI_DEPLOYMENT"],
        AZURE["AZURE_OPENAI_API_VERSION"],
    )
    embedded = load(EMBEDDED).endpoint()
    assert (embedded.scheme, embedded.host, embedded.port) == ("ws", "127.0.0.1", 8090)
    assert embedded.dialect is Dialect.PREVIEW


def test_the_way_to_sign_in_is_that_of_the_upstream_in_use() -> None:
    assert load(AZURE).auth_in_force() is UpstreamAuth.ENTRA
    assert load(AZURE).key_in_force() is None
    with_key = load(WITH_KEY)
    assert with_key.auth_in_force() is UpstreamAuth.API_KEY_HEADER
    assert with_key.key_in_force() == with_key.azure_openai_api_key
    embedded = load(EMBEDDED)
    assert embedded.auth_in_force() is UpstreamAuth.API_KEY_HEADER
    assert embedded.key_in_force() == embedded.embedded_key
    in_query = load(EMBEDDED | {"RELAY_UPSTREAM_AUTH": "api-key-query"})
    assert in_query.auth_in_force() is UpstreamAuth.API_KEY_QUERY


def test_the_entra_identity_holds_what_was_set(tmp_path: Path) -> None:
    identity = load(
        AZURE
        | {
            "AZURE_TENANT_ID": "tenant",
            "AZURE_CLIENT_ID": "client",
            "AZURE_CLIENT_SECRET": SECRET,
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us",
            "RELAY_UPSTREAM_PROXY": "http://proxy:3128",
        }
    ).entra_identity()
    assert identity.kind is EntraKind.SERVICE_PRINCIPAL
    assert (identity.tenant_id, identity.client_id) == ("tenant", "client")
    assert identity.client_secret == SECRET
    assert identity.authority == "https://login.microsoftonline.us"
    assert identity.proxy == "http://proxy:3128"


def test_the_kind_of_credential_is_the_first_that_the_environment_supports() -> None:
    def kind(**environ: str) -> EntraKind:
        return load(AZURE | environ).entra_identity(lambda name: f"/bin/{name}").kind

    ids = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}
    assert kind() is EntraKind.DEVELOPER
    assert kind(IDENTITY_ENDPOINT="http://127.0.0.1:1") is EntraKind.MANAGED
    assert kind(AZURE_FEDERATED_TOKEN_FILE="/token", **ids) is EntraKind.WORKLOAD
    assert kind(AZURE_CLIENT_SECRET="x", **ids) is EntraKind.SERVICE_PRINCIPAL
    assert kind(IDENTITY_ENDPOINT="x", RELAY_ENTRA_CREDENTIAL="developer") is EntraKind.DEVELOPER


def test_a_platform_that_only_the_dotenv_file_knows_is_none(tmp_path: Path) -> None:
    """azure-identity reads those variables from the real environment."""
    env_file = tmp_path / ".env"
    env_file.write_text("IDENTITY_ENDPOINT=http://127.0.0.1:1\n")
    identity = load(AZURE, env_file=env_file).entra_identity(lambda name: name)
    assert identity.kind is EntraKind.DEVELOPER


def test_the_key_of_user_hashes_is_random_unless_it_is_set() -> None:
    assert load(AZURE).hash_key() != load(AZURE).hash_key()
    settings = load(AZURE)
    assert settings.hash_key() == settings.hash_key()
    assert len(settings.hash_key()) >= 32
    assert load(AZURE | {"RELAY_USER_HASH_KEY": SECRET * 2}).hash_key() == (SECRET * 2).encode()


# -- what may be seen ----------------------------------------------------------------------------


def _with_secrets_in_every_place() -> Settings:
    environ = WITH_KEY | {
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": SECRET,
        "RELAY_USER_HASH_KEY": SECRET * 2,
        "RELAY_UPSTREAM_PROXY": f"http://user:{SECRET}@proxy:3128",
        "RELAY_SESSION_INSTRUCTIONS": f"The password is {SECRET}.",
    }
    return load(environ)


def test_no_secret_is_shown_by_any_way_of_printing_settings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = _with_secrets_in_every_place()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("any").debug("%s %r %s", settings, settings, settings.describe())
    shown = [repr(settings), str(settings), f"{settings}", repr(settings.describe()), caplog.text]
    shown += [repr(settings.configuration()).replace(SECRET, "", 1)]  # the model must be told
    assert not [text for text in shown if SECRET in text]


def test_a_row_shows_what_is_no_secret_and_masks_what_is() -> None:
    rows = {row.name: row for row in _with_secrets_in_every_place().describe()}
    assert rows["AZURE_OPENAI_API_KEY"].value == "********"
    assert rows["AZURE_CLIENT_SECRET"].value == "********"
    assert rows["RELAY_UPSTREAM_PROXY"].value == "http://***@proxy:3128"
    assert rows["RELAY_SESSION_INSTRUCTIONS"].value == "(29 characters)"
    assert rows["RELAY_SESSION_VOICE"].value == "(the model's own)"
    assert rows["RELAY_EMBEDDED_KEY"].value == "(none)"
    assert rows["RELAY_SESSION_TOOLS_FILE"].value == "(none)"
    assert rows["RELAY_POLICY"].value == "guided"
    assert rows["RELAY_POLICY_HINTS"].value == "true"
    assert rows["RELAY_PORT"].value == "8080"
    assert rows["RELAY_AUTH"].source is Source.ENVIRONMENT
    assert rows["RELAY_AUTH"].meaning


def test_an_address_is_shown_without_user_password_and_query() -> None:
    address = f"https://user:{SECRET}@x.example/gateway?api-key={SECRET}#{SECRET}"
    settings = Settings(azure_openai_endpoint=address, azure_authority_host=f"u:{SECRET}@x")
    rows = {row.name: row.value for row in settings.describe()}
    assert rows["AZURE_OPENAI_ENDPOINT"] == "https://***@x.example/gateway"
    assert rows["AZURE_AUTHORITY_HOST"] == "********"


def test_there_is_a_row_for_every_setting_in_the_order_of_the_docs() -> None:
    rows = load(AZURE).describe()
    assert [row.name for row in rows] == [about.variable for about in abouts().values()]
    assert set(abouts()) == set(Settings.model_fields)


def test_an_error_shows_no_secret_even_in_its_traceback() -> None:
    environ = WITH_KEY | {"AZURE_OPENAI_API_KEY": f"{SECRET} {SECRET}", "RELAY_PORT": "x"}
    with pytest.raises(SettingsError) as caught:
        load(environ)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
