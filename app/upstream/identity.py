"""Which Microsoft Entra identity the relay has, as values. PURE.

Settings fill these values; `entra` makes azure-identity's credentials of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"


class EntraKind(StrEnum):
    """The values of `RELAY_ENTRA_CREDENTIAL`."""

    MANAGED = "managed"
    WORKLOAD = "workload"
    SERVICE_PRINCIPAL = "service-principal"
    DEVELOPER = "developer"


@dataclass(frozen=True, slots=True)
class EntraIdentity:
    """All that azure-identity is told. What a kind does not use may stay None.

    `authority` begins with https (`AZURE_AUTHORITY_HOST`; sovereign clouds have their own).
    `proxy` and `ca_file` serve the way to the authority; a managed identity's endpoint is local
    and is always asked directly.
    """

    kind: EntraKind
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    certificate_password: str | None = field(default=None, repr=False)
    send_certificate_chain: bool = False
    federated_token_file: str | None = None
    authority: str = PUBLIC_AUTHORITY
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def __post_init__(self) -> None:
        missing = self._missing()
        if missing:
            raise ValueError(
                f"RELAY_ENTRA_CREDENTIAL is {self.kind}, which needs {' and '.join(missing)}: set "
                "what is missing, or choose another kind."
            )
        if not self.authority.startswith("https://"):
            raise ValueError(
                f"AZURE_AUTHORITY_HOST must begin with https://, as in {PUBLIC_AUTHORITY}."
            )

    def _missing(self) -> list[str]:
        needed: dict[str, str | None] = {}
        if self.kind in {EntraKind.WORKLOAD, EntraKind.SERVICE_PRINCIPAL}:
            needed = {"AZURE_TENANT_ID": self.tenant_id, "AZURE_CLIENT_ID": self.client_id}
        if self.kind is EntraKind.WORKLOAD:
            needed["AZURE_FEDERATED_TOKEN_FILE"] = self.federated_token_file
        if self.kind is EntraKind.SERVICE_PRINCIPAL:
            proof = self.client_secret or self.certificate_path
            needed["AZURE_CLIENT_SECRET (or AZURE_CLIENT_CERTIFICATE_PATH)"] = proof
        return [name for name, value in needed.items() if not value]


def choose_kind(
    environment: Mapping[str, str], find_command: Callable[[str], str | None] | None = None
) -> EntraKind:
    """The first kind that `environment` supports, from the most deliberate to the least.

    A secret or certificate was put there by a person; a federated token file by a cluster; a local
    token endpoint by the platform. With none of them, a machine with Azure's command line
    (`find_command`, such as `shutil.which`) is a developer's, and any other may still have the
    token endpoint of a virtual machine, which leaves no trace in the environment.
    """

    def has(*names: str) -> bool:
        return all(environment.get(name, "").strip() for name in names)

    if has("AZURE_TENANT_ID", "AZURE_CLIENT_ID") and (
        has("AZURE_CLIENT_SECRET") or has("AZURE_CLIENT_CERTIFICATE_PATH")
    ):
        return EntraKind.SERVICE_PRINCIPAL
    if has("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        return EntraKind.WORKLOAD
    if any(map(has, ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"))):
        return EntraKind.MANAGED
    if find_command is not None and (find_command("az") or find_command("azd")):
        return EntraKind.DEVELOPER
    return EntraKind.MANAGED
