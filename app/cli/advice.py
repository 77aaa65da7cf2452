"""What to do about it: the likely cause of a failed sign-in or dial, in words that name the fix."""

from __future__ import annotations

import re

from app.session.models import ModelAlias
from app.settings import Settings, Upstream, UpstreamAuth
from app.upstream.identity import EntraKind


def sign_in_advice(settings: Settings) -> str:
    """What helps when no token can be had."""
    if settings.auth_in_force() is not UpstreamAuth.ENTRA:
        return "Check AZURE_OPENAI_API_KEY."
    kind = settings.entra_identity().kind
    chosen = "RELAY_ENTRA_CREDENTIAL is" if settings.entra_credential else "The environment chose"
    match kind:
        case EntraKind.DEVELOPER:
            return f"{chosen} {kind}: install the Azure CLI, run 'az login', and check again."
        case EntraKind.MANAGED:
            return (
                f"{chosen} {kind}, which exists on Azure's own machines only. On your own machine "
                "set RELAY_ENTRA_CREDENTIAL=developer and run 'az login'."
            )
        case EntraKind.WORKLOAD:
            return f"{chosen} {kind}: check the federated credential of AZURE_CLIENT_ID."
        case EntraKind.SERVICE_PRINCIPAL:
            return f"{chosen} {kind}: check AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret."


def dial_advice(settings: Settings, detail: str, alias: ModelAlias | None = None) -> str:
    """What helps when upstream did not let us in; `detail` is that of a `DialFailed`, `alias` what
    named the deployment, if it was not the usual one."""
    where = "RELAY_EMBEDDED_ADDRESS" if settings.upstream is Upstream.EMBEDDED else "the endpoint"
    status = re.search(r"\bstatus (\d{3})\b", detail)
    if status is None:
        return f"Check the spelling of {where} and the way there (proxy, firewall, certificates)."
    entra = settings.auth_in_force() is UpstreamAuth.ENTRA
    match status[1]:
        case "401" | "403" if entra:
            return (
                "The account needs the role 'Cognitive Services OpenAI User' on the resource, and "
                "the resource must be reachable from here."
            )
        case "401" | "403" if settings.upstream is Upstream.EMBEDDED:
            return "The key is not the embedded upstream's: check RELAY_EMBEDDED_KEY."
        case "401" | "403":
            return "The key is not the resource's: check AZURE_OPENAI_API_KEY."
        case "404":
            if alias is not None:
                return f"No deployment {alias.deployment!r} there: check RELAY_MODEL_ALIASES."
            deployment = settings.endpoint().deployment
            return f"No deployment {deployment!r} there: check AZURE_OPENAI_DEPLOYMENT."
        case "400":
            return "Check AZURE_OPENAI_API_VERSION: it may not be known there."
        case "429":
            return "The resource's quota is used up for now: wait, or raise it."
        case _:
            return "The service has trouble of its own: try again later."
