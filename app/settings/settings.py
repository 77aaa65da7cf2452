"""`Settings`: all groups as one frozen value, and the frozen values of other rooms made from it.

Made by `load`, which checks the whole. Made directly (tests), it checks each field alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import PrivateAttr, SecretStr

from app.policy.policy import Configuration, Policy, Profile
from app.policy.profiles import ProfileRule
from app.session.limits import Limits
from app.settings.about import About, Shown, literal
from app.settings.choices import Source, Upstream, UpstreamAuth
from app.settings.group import Group
from app.settings.oidc_forms import is_entra
from app.settings.oidc_group import Oidc
from app.settings.relay_groups import Bounds, Door, Listener, Operations, Rates
from app.settings.replica_groups import Admin, Shared
from app.settings.session_groups import Opening, Rules
from app.settings.session_values import configuration_of, policy_of, profile_rule
from app.settings.upstream_groups import Azure, Dials, Embedded, Identity
from app.settings.upstream_values import endpoint_of
from app.upstream.endpoint import Endpoint
from app.upstream.identity import PUBLIC_AUTHORITY, EntraIdentity, choose_kind
from app.wire.wire import CLIENT_WIRE, UPSTREAM_WIRE, WireLimits

HIDDEN = "********"
PLATFORM_TRACES = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
"""Variables by which a platform says that it has a managed identity. azure-identity reads them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `realtime-relay check`. `value` is masked: it may be shown to anybody."""

    name: str
    value: str
    source: Source
    meaning: str


GROUPS: tuple[type[Group], ...] = (
    Azure,
    Identity,
    Embedded,
    Dials,
    Listener,
    Door,
    Oidc,
    Rules,
    Opening,
    Bounds,
    Rates,
    Operations,
    Admin,
    Shared,
)
"""In the order in which a reader meets them."""


class Settings(
    Azure,
    Identity,
    Embedded,
    Dials,
    Listener,
    Door,
    Oidc,
    Rules,
    Opening,
    Bounds,
    Rates,
    Operations,
    Admin,
    Shared,
):
    """Everything that the operator decided. Immutable."""

    _sources: Mapping[str, Source] = PrivateAttr(default_factory=dict)
    _platform: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def profile_rule(self) -> ProfileRule:
        """Which profile a user gets."""
        return profile_rule(self)

    def policy(self, profile: Profile | None = None) -> Policy:
        """The rules of a profile; by default those of a user of whom nothing is known."""
        return policy_of(self, profile or self.profile_rule().named()[0])

    def configuration(self, profile: Profile | None = None) -> Configuration:
        """What every session of that profile is told before its client is heard. Placeholders in
        the instructions are filled for each user (`Configuration.for_user`)."""
        return configuration_of(self, self.policy(profile))

    def claims_wanted(self) -> frozenset[str]:
        """The claims of a user that a principal must bring along, and no others."""
        return frozenset({*self.instruction_claims, self.profile_claim or ""} - {""})

    def limits(self) -> Limits:
        """What sessions may use. Warnings that a short limit leaves no time for are left out."""
        usual = Limits()
        return replace(
            usual,
            session_seconds=float(self.session_max_seconds),
            session_warnings=tuple(
                left for left in usual.session_warnings if left < self.session_max_seconds
            ),
            idle_seconds=float(self.idle_seconds),
            idle_warning=min(usual.idle_warning, self.idle_seconds / 2),
            message_bytes=self.max_message_bytes,
            sessions=self.max_sessions,
            sessions_per_user=self.max_sessions_per_user,
            audio_speed=self.audio_speed,
            events_per_second=self.events_per_second,
            events_burst=2 * self.events_per_second,
            acts_per_second=self.acts_per_second,
            acts_burst=5 * self.acts_per_second,
            responses_per_minute=self.responses_per_minute,
            openings_per_minute=self.openings_per_minute,
            identity_leeway=float(self.oidc_leeway_seconds),
        )

    def client_wire_limits(self) -> WireLimits:
        """The client's side: its messages are as large as the operator allows."""
        return replace(CLIENT_WIRE, max_message=self.max_message_bytes, fast_lane=self.fast_lane)

    def upstream_wire_limits(self) -> WireLimits:
        """The upstream side: its write buffer holds the largest client message and 1 MiB."""
        room = max(UPSTREAM_WIRE.max_write_buffer, self.max_message_bytes + 1024 * 1024)
        return replace(UPSTREAM_WIRE, max_write_buffer=room, fast_lane=self.fast_lane)

    def endpoint(self) -> Endpoint:
        """Where upstream is. Raises ValueError where `load` would have complained."""
        return endpoint_of(self)

    def auth_in_force(self) -> UpstreamAuth:
        """How to sign in to the upstream that was chosen: the embedded one knows keys only."""
        if self.upstream is Upstream.EMBEDDED and self.upstream_auth is UpstreamAuth.ENTRA:
            return UpstreamAuth.API_KEY_HEADER
        return self.upstream_auth

    def key_in_force(self) -> SecretStr | None:
        """The key for the upstream that was chosen; None where Entra signs in."""
        if self.upstream is Upstream.EMBEDDED:
            return self.embedded_key
        return self.azure_openai_api_key

    def entra_identity(
        self, find_command: Callable[[str], str | None] | None = None
    ) -> EntraIdentity:
        """The Entra identity. `find_command` (`shutil.which`) helps to choose where the operator
        did not. Raises ValueError where `load` would have complained."""
        secret = _revealed(self.azure_client_secret)
        certificate = self.azure_client_certificate_path
        token_file = self.azure_federated_token_file
        values = {
            "AZURE_TENANT_ID": self.azure_tenant_id,
            "AZURE_CLIENT_ID": self.azure_client_id,
            "AZURE_CLIENT_SECRET": secret,
            "AZURE_CLIENT_CERTIFICATE_PATH": certificate and str(certificate),
            "AZURE_FEDERATED_TOKEN_FILE": token_file and str(token_file),
            **self._platform,
        }
        known = {name: value for name, value in values.items() if value}
        return EntraIdentity(
            kind=self.entra_credential or choose_kind(known, find_command),
            tenant_id=self.azure_tenant_id,
            client_id=self.azure_client_id,
            client_secret=secret,
            certificate_path=known.get("AZURE_CLIENT_CERTIFICATE_PATH"),
            certificate_password=_revealed(self.azure_client_certificate_password),
            send_certificate_chain=self.azure_client_send_certificate_chain,
            federated_token_file=known.get("AZURE_FEDERATED_TOKEN_FILE"),
            authority=self.azure_authority_host or PUBLIC_AUTHORITY,
            proxy=self.upstream_proxy,
            ca_file=str(self.upstream_ca_file) if self.upstream_ca_file else None,
        )

    def users_are_entra(self) -> bool:
        """Whether users are known as Entra knows them: by tenant and object id."""
        return bool(self.oidc_tenants) or is_entra(self.oidc_issuer or "")

    def hash_key(self) -> bytes:
        """The key for `telemetry.logs.user_hash`. A secret."""
        return self.user_hash_key.get_secret_value().encode()

    def describe(self) -> list[Row]:
        """All settings as a person may see them, in the order of the docs."""
        return [
            Row(about.variable, _masked(about, getattr(self, name), source), source, about.meaning)
            for name, about in abouts().items()
            for source in (self._source(name),)
        ]

    def _source(self, name: str) -> Source:
        given = Source.COMMAND if name in self.model_fields_set else Source.DEFAULT
        return self._sources.get(name, given)


@cache
def abouts() -> Mapping[str, About]:
    """What is written about each setting, by field, in the order of the docs."""
    return {
        name: About.of(name, Settings.model_fields[name])
        for group in GROUPS
        for name in group.model_fields
    }


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _masked(about: About, value: Any, source: Source) -> str:
    if value is None or value == () or (source is Source.DEFAULT and about.default_text):
        return f"({about.default_text or 'none'})"
    match about.shown:
        case Shown.NEVER:
            return HIDDEN
        case Shown.LENGTH:
            unit = "tools" if isinstance(value, tuple) else "characters"
            return f"({len(value)} {unit})"
        case Shown.ADDRESS:
            return _address_alone(str(value))
        case Shown.PLAIN:
            return literal(value)


def _address_alone(address: str) -> str:
    """An address without user, password, query and fragment."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if not host or "@" in parts.path:
        return HIDDEN
    return urlunsplit((parts.scheme, f"***@{host}" if user or at else host, parts.path, "", ""))
