"""Settings of the upstream side: each name, default, meaning, unit and example, once."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from app.protocol.names import Dialect
from app.settings.about import Shown, setting
from app.settings.choices import Upstream, UpstreamAuth
from app.settings.forms import Key, Proxy, ReadableFile, Scope
from app.settings.group import Group
from app.upstream.identity import EntraKind


class Azure(Group):
    """Which Azure OpenAI resource and deployment answers, and how the relay signs in there."""

    title = "Azure OpenAI"

    azure_openai_endpoint: str | None = setting(
        None,
        "The resource's address. https only, unless the host is loopback.",
        example="https://my-resource.openai.azure.com",
        form="an `https://` address",
        shown=Shown.ADDRESS,
    )
    azure_openai_deployment: str | None = setting(
        None,
        "The deployment's name.",
        example="gpt-4o-realtime-preview",
        form="a name",
    )
    azure_openai_api_version: str | None = setting(
        None,
        "The preview protocol with this version. Without it, the resource is asked for GA.",
        example="2025-04-01-preview",
        form="a date, as in `2024-12-17` or `2025-04-01-preview`",
    )
    upstream_auth: UpstreamAuth = setting(
        UpstreamAuth.ENTRA,
        "How the relay signs in: a Microsoft Entra token, or the resource's key in a header or in "
        "the query.",
    )
    azure_openai_api_key: Key | None = setting(
        None, "The resource's key. Only with an api-key mode.", form="text without spaces"
    )
    entra_credential: EntraKind | None = setting(
        None,
        "Where the Entra token comes from. `developer` is the login of `az` or `azd`.",
        default_text="the first that the environment supports",
        example="developer",
    )
    upstream_scope: Scope = setting(
        "https://cognitiveservices.azure.com/.default",
        "The scope that the Entra token is asked for.",
        example="https://ai.azure.com/.default",
        form="`https://.../.default`",
    )
    upstream_proxy: Proxy | None = setting(
        None,
        "HTTP proxy on the way to Azure and to Entra. The environment's proxies are ignored.",
        example="http://proxy.example.com:3128",
        form="`http://host:port`, also with `user:password@`",
        shown=Shown.ADDRESS,
    )
    upstream_ca_file: ReadableFile | None = setting(
        None,
        "Certificates (PEM) to trust instead of the system's, on the way to Azure and to Entra.",
        example="/etc/ssl/company-ca.pem",
        form="path of a file",
    )


class Identity(Group):
    """The names that Azure's own libraries use for an Entra identity; the relay passes them on."""

    title = "Entra identity"

    azure_tenant_id: str | None = setting(
        None,
        "Tenant of the service principal or the workload identity.",
        example="00000000-0000-0000-0000-000000000000",
        form="an id or a domain",
    )
    azure_client_id: str | None = setting(
        None,
        "Application of the service principal or the workload identity, or a user-assigned "
        "managed identity.",
        example="00000000-0000-0000-0000-000000000000",
        form="an id",
    )
    azure_client_secret: SecretStr | None = setting(
        None, "Secret of the service principal.", form="text"
    )
    azure_client_certificate_path: Path | None = setting(
        None,
        "Certificate with private key of the service principal, instead of a secret.",
        example="/run/secrets/relay.pem",
        form="path of a file",
    )
    azure_client_certificate_password: SecretStr | None = setting(
        None, "Password of that certificate.", form="text"
    )
    azure_client_send_certificate_chain: bool = setting(
        False, "Sends the certificate's chain too, as subject-name and issuer sign-in needs."
    )
    azure_federated_token_file: Path | None = setting(
        None,
        "Token file of the workload identity; the cluster sets it.",
        example="/var/run/secrets/azure/tokens/azure-identity-token",
        form="path of a file",
    )
    azure_authority_host: str | None = setting(
        None,
        "Sign-in host of a sovereign cloud.",
        default_text="https://login.microsoftonline.com",
        example="https://login.microsoftonline.us",
        form="an address with its scheme",
        shown=Shown.ADDRESS,
    )


class Dials(Group):
    """How fast this process opens connections to upstream, when many clients come at once."""

    title = "Dials"

    max_dials_at_once: int = setting(
        10, "Handshakes with upstream that may be under way.", ge=1, le=1000
    )
    dials_per_second: int = setting(
        50, "Handshakes with upstream that may begin each second.", ge=1, le=10_000
    )


class Embedded(Group):
    """Who answers and how it speaks; the embedded upstream, which needs no account."""

    title = "Upstream"

    upstream: Upstream = setting(
        Upstream.AZURE, "Who answers. `realtime-relay demo` chooses `embedded` by itself."
    )
    embedded_address: str | None = setting(
        None,
        "Address of an embedded upstream that already runs (`realtime-relay simulate`).",
        example="http://127.0.0.1:8090",
        form="an address with its scheme",
        shown=Shown.ADDRESS,
    )
    embedded_key: Key | None = setting(
        None, "Key of that embedded upstream.", form="text without spaces"
    )
    upstream_dialect: Dialect | None = setting(
        None,
        "The protocol version that upstream speaks. Clients may speak either, whatever stands "
        "here.",
        default_text="`preview` with AZURE_OPENAI_API_VERSION or an embedded upstream, else `ga`",
        example="preview",
    )
