"""What the upstream's settings must not say: each rule yields sentences that name the fix."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from app.protocol.dialects.voices import PREVIEW_VOICES
from app.protocol.names import Dialect
from app.settings.choices import Upstream, UpstreamAuth
from app.settings.forms import readable
from app.settings.problem import Problem, problem
from app.settings.upstream_values import dialect_of
from app.upstream.endpoint import Endpoint
from app.upstream.identity import EntraKind

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings

EXAMPLE_VERSION = "2025-04-01-preview"
_AZURE = (
    "azure_openai_endpoint",
    "azure_openai_deployment",
    "azure_openai_api_version",
    "azure_openai_api_key",
)
_NEEDED = {
    "azure_openai_endpoint": "set it to the resource's address, for example "
    "https://my-resource.openai.azure.com",
    "azure_openai_deployment": "set it to the name of the deployment",
}


def azure_is_complete(settings: Settings, reading: Reading) -> Iterator[Problem]:
    if settings.upstream is not Upstream.AZURE:
        return
    for field, fix in _NEEDED.items():
        if not getattr(settings, field):
            variable = field.upper()
            near = _nearly(variable, reading)
            yield problem(f"{variable} is missing: {fix}{near}.", "upstream", field)


def _nearly(variable: str, reading: Reading) -> str:
    """People know `AZURE_OPENAI_DEPLOYMENT_NAME` and other spellings from elsewhere."""
    others = [
        name for name in reading.names_set() if "OPENAI" in name and name.lower() not in _AZURE
    ]
    near = get_close_matches(variable, others, n=1, cutoff=0.85)
    return f" ({near[0]} is set: did you mean {variable}?)" if near else ""


def azure_address_can_be_used(settings: Settings, _: Reading) -> Iterator[Problem]:
    if (
        settings.upstream is not Upstream.AZURE
        or settings.azure_openai_endpoint is None
        or settings.azure_openai_deployment is None
    ):
        return
    try:
        Endpoint.parse(
            settings.azure_openai_endpoint,
            settings.azure_openai_deployment,
            settings.azure_openai_api_version,
        )
    except ValueError as error:
        yield problem(str(error), "upstream", *_AZURE[:3])


def dialect_matches_the_version(settings: Settings, _: Reading) -> Iterator[Problem]:
    """The version is the preview's alone: GA refuses it, and preview cannot be asked without."""
    if settings.upstream is not Upstream.AZURE or settings.upstream_dialect is None:
        return
    about = ("upstream", "upstream_dialect", "azure_openai_api_version")
    ga = settings.upstream_dialect is Dialect.GA
    if ga and settings.azure_openai_api_version:
        yield problem(
            "RELAY_UPSTREAM_DIALECT is `ga`, and AZURE_OPENAI_API_VERSION, which GA does not know, "
            "is set: remove one of them.",
            *about,
        )
    if not ga and not settings.azure_openai_api_version:
        yield problem(
            "AZURE_OPENAI_API_VERSION is missing, and RELAY_UPSTREAM_DIALECT is `preview`: set it "
            f"to a version, for example {EXAMPLE_VERSION}, or remove the dialect.",
            *about,
        )


def dialect_has_what_sessions_begin_with(settings: Settings, _: Reading) -> Iterator[Problem]:
    dialect = dialect_of(settings)
    if dialect is Dialect.GA and settings.session_temperature is not None:
        yield problem(
            "RELAY_SESSION_TEMPERATURE is set, and upstream speaks GA, which has no temperature: "
            "remove it.",
            "session_temperature",
            "upstream_dialect",
            "azure_openai_api_version",
        )
    voice = settings.session_voice
    if dialect is Dialect.PREVIEW and voice is not None and voice not in PREVIEW_VOICES:
        yield problem(
            f"RELAY_SESSION_VOICE is `{voice}`, and upstream speaks preview, which does not have "
            f"that voice: choose one of {', '.join(PREVIEW_VOICES)}.",
            "session_voice",
            "upstream_dialect",
            "azure_openai_api_version",
        )


def credential_matches_its_mode(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.upstream is not Upstream.AZURE:
        return
    about = ("upstream", "upstream_auth", "azure_openai_api_key")
    entra = settings.upstream_auth is UpstreamAuth.ENTRA
    if entra and settings.azure_openai_api_key is not None:
        yield problem(
            "AZURE_OPENAI_API_KEY is set, but RELAY_UPSTREAM_AUTH is `entra`, which uses no key: "
            "remove the key, or set RELAY_UPSTREAM_AUTH to `api-key-header`.",
            *about,
        )
    if not entra and settings.azure_openai_api_key is None:
        yield problem(
            f"AZURE_OPENAI_API_KEY is missing, and RELAY_UPSTREAM_AUTH is "
            f"`{settings.upstream_auth}`: set the key (or AZURE_OPENAI_API_KEY_FILE), or leave "
            "RELAY_UPSTREAM_AUTH out to sign in with Entra.",
            *about,
        )
    if not entra and settings.entra_credential is not None:
        yield problem(
            f"RELAY_ENTRA_CREDENTIAL is set, but RELAY_UPSTREAM_AUTH is "
            f"`{settings.upstream_auth}`: remove one of them.",
            "upstream",
            "upstream_auth",
            "entra_credential",
        )


def entra_identity_is_complete(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.upstream is not Upstream.AZURE or settings.upstream_auth is not UpstreamAuth.ENTRA:
        return
    about = ("upstream", "upstream_auth", "entra_credential", *_IDENTITY)
    try:
        identity = settings.entra_identity()
    except ValueError as error:
        yield problem(str(error), *about)
        return
    if identity.kind is not EntraKind.SERVICE_PRINCIPAL:
        return
    if identity.client_secret and identity.certificate_path:
        yield problem(
            "AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH are both set: keep one of them.",
            *about,
        )
    elif identity.certificate_path:
        try:
            readable(Path(identity.certificate_path))
        except ValueError as error:
            yield problem(f"AZURE_CLIENT_CERTIFICATE_PATH {error}: correct the path.", *about)


_IDENTITY = (
    "azure_tenant_id",
    "azure_client_id",
    "azure_client_secret",
    "azure_client_certificate_path",
    "azure_federated_token_file",
    "azure_authority_host",
)


def one_upstream(settings: Settings, reading: Reading) -> Iterator[Problem]:
    if settings.upstream is Upstream.AZURE:
        for field in ("embedded_address", "embedded_key"):
            if reading.is_set(field):
                yield problem(
                    f"RELAY_{field.upper()} is set, but RELAY_UPSTREAM is `azure`: remove it, or "
                    "set RELAY_UPSTREAM to `embedded`.",
                    "upstream",
                    field,
                )
    elif reading.is_set("upstream"):  # `demo` chooses by itself, whatever .env says of Azure
        strays = [field.upper() for field in _AZURE if reading.is_set(field)]
        if strays:
            yield problem(
                f"RELAY_UPSTREAM is `embedded`, but {', '.join(strays)} "
                f"{'is' if len(strays) == 1 else 'are'} set: remove one or the other.",
                "upstream",
            )


def embedded_is_complete(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.upstream is not Upstream.EMBEDDED:
        return
    if settings.embedded_address is None:
        yield problem(
            "RELAY_EMBEDDED_ADDRESS is missing: set it to the address that `realtime-relay "
            "simulate` prints, or use `realtime-relay demo`, which starts one by itself.",
            "upstream",
            "embedded_address",
        )
    else:
        try:
            settings.endpoint()
        except ValueError as error:
            sentence = str(error).replace("AZURE_OPENAI_ENDPOINT", "RELAY_EMBEDDED_ADDRESS")
            yield problem(sentence, "upstream", "embedded_address")
    if settings.embedded_key is None:
        yield problem(
            "RELAY_EMBEDDED_KEY is missing: set it to the key that `realtime-relay simulate` "
            "prints, or use `realtime-relay demo`.",
            "upstream",
            "embedded_key",
        )


UPSTREAM_RULES = (
    azure_is_complete,
    azure_address_can_be_used,
    dialect_matches_the_version,
    dialect_has_what_sessions_begin_with,
    credential_matches_its_mode,
    entra_identity_is_complete,
    one_upstream,
    embedded_is_complete,
)
