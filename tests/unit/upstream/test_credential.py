"""The plain keys, and which Entra identity is chosen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.upstream.credential import ApiKeyHeader, ApiKeyQuery, CredentialUnavailable, Presented
from app.upstream.identity import EntraIdentity, EntraKind, choose_kind
from tests.unit.upstream.spawner import Spawner

SERVICE_PRINCIPAL = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
CERTIFICATE = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_CERTIFICATE_PATH": "p"}
WORKLOAD = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "f"}
PLATFORM = {"IDENTITY_ENDPOINT": "http://localhost", "IDENTITY_HEADER": "h"}


async def test_a_key_stands_in_the_header_or_in_the_query_and_nowhere_else() -> None:
    in_header = await ApiKeyHeader("secret").present()
    assert (in_header.headers, in_header.query) == ((("api-key", "secret"),), None)
    in_query = await ApiKeyQuery("secret").present()
    assert (in_query.headers, in_query.query) == ((), ("api-key", "secret"))


@pytest.mark.parametrize("kind", [ApiKeyHeader, ApiKeyQuery])
async def test_a_key_is_never_renewed_and_needs_no_task(
    kind: type[ApiKeyHeader] | type[ApiKeyQuery],
) -> None:
    credential, spawner = kind("secret"), Spawner()
    credential.start(spawner)
    presented = await credential.present()
    assert await credential.renew(presented) is False
    assert credential.fault() is None
    await credential.close()
    assert not spawner.tasks


@pytest.mark.parametrize("kind", [ApiKeyHeader, ApiKeyQuery])
@pytest.mark.parametrize("key", ["", " ", "secret key", "secret\n", "secret\r\nX: 1", "sécret"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_quoted(
    kind: type[ApiKeyHeader] | type[ApiKeyQuery], key: str
) -> None:
    with pytest.raises(ValueError, match=r"^AZURE_OPENAI_API_KEY") as caught:
        kind(key)
    assert "secret" not in str(caught.value)


def test_representations_hide_the_values() -> None:
    hidden = [
        Presented(headers=(("Authorization", "Bearer secret"),)),
        Presented(query=("api-key", "secret")),
        ApiKeyHeader("secret"),
        EntraIdentity(
            EntraKind.SERVICE_PRINCIPAL,
            tenant_id="t",
            client_id="c",
            client_secret="secret",
            certificate_password="secret",
            proxy="http://user:secret@proxy",
        ),
        CredentialUnavailable("no token"),
    ]
    assert "Authorization" in repr(hidden[0])
    assert not [one for one in hidden if "secret" in repr(one) + str(one)]


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        (SERVICE_PRINCIPAL, EntraKind.SERVICE_PRINCIPAL),
        (CERTIFICATE, EntraKind.SERVICE_PRINCIPAL),
        (WORKLOAD, EntraKind.WORKLOAD),
        (PLATFORM, EntraKind.MANAGED),
        ({"MSI_ENDPOINT": "http://localhost"}, EntraKind.MANAGED),
        (SERVICE_PRINCIPAL | WORKLOAD | PLATFORM, EntraKind.SERVICE_PRINCIPAL),
        (WORKLOAD | PLATFORM, EntraKind.WORKLOAD),
        (PLATFORM | {"AZURE_CLIENT_ID": "c"}, EntraKind.MANAGED),
        (SERVICE_PRINCIPAL | {"AZURE_CLIENT_SECRET": " "}, EntraKind.MANAGED),
        ({}, EntraKind.MANAGED),
    ],
)
def test_the_kind_follows_from_the_environment(
    environment: dict[str, str], kind: EntraKind
) -> None:
    assert choose_kind(environment, lambda command: None) is kind


@pytest.mark.parametrize("installed", ["az", "azd"])
def test_a_machine_with_azures_command_line_is_a_developers(installed: str) -> None:
    def find(command: str) -> str | None:
        return "/usr/bin/it" if command == installed else None

    assert choose_kind({}, find) is EntraKind.DEVELOPER
    assert choose_kind(PLATFORM, find) is EntraKind.MANAGED


@pytest.mark.parametrize(
    ("identity", "missing"),
    [
        ({"kind": EntraKind.SERVICE_PRINCIPAL}, "AZURE_TENANT_ID"),
        ({"kind": EntraKind.SERVICE_PRINCIPAL, "tenant_id": "t"}, "AZURE_CLIENT_ID"),
        (
            {"kind": EntraKind.SERVICE_PRINCIPAL, "tenant_id": "t", "client_id": "c"},
            "AZURE_CLIENT_SECRET",
        ),
        (
            {"kind": EntraKind.WORKLOAD, "tenant_id": "t", "client_id": "c"},
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        ({"kind": EntraKind.MANAGED, "authority": "http://x"}, "AZURE_AUTHORITY_HOST"),
    ],
)
def test_an_identity_that_lacks_something_names_it(identity: dict[str, str], missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        EntraIdentity(**identity)  # type: ignore[arg-type]


def test_azure_identity_is_imported_only_when_entra_signs_in() -> None:
    modules = "app.upstream.dial, app.upstream.bearer, app.upstream.entra, app.upstream.identity"
    program = f"import sys, {modules}; print({{'azure', 'aiohttp', 'msal'}} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stdout.decode().strip() == "set()"
