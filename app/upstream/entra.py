"""Tokens from Microsoft Entra, through azure-identity's asynchronous classes.

A credential object lives for one fetch. azure-identity keeps a token until five minutes before its
end and offers no way round that for every kind; an object with an empty cache asks the issuer each
time, reads a rotated token file or certificate anew, and leaves no connection open in between.
Retries are switched off: `bearer` retries, with its own deadline and back-off, so that a slow
metadata endpoint (over a minute by azure-identity's defaults) holds nobody.

Values are passed explicitly. What azure-identity 1.27 still reads from the environment itself:

* kind managed: `IDENTITY_ENDPOINT`, `IDENTITY_HEADER`, `IDENTITY_SERVER_THUMBPRINT`,
  `IMDS_ENDPOINT`, `MSI_ENDPOINT`, `MSI_SECRET`, `AZURE_POD_IDENTITY_AUTHORITY_HOST`; and where
  none of the first six is set but `AZURE_AUTHORITY_HOST`, `AZURE_TENANT_ID` and
  `AZURE_FEDERATED_TOKEN_FILE` all are, it signs in with the workload identity instead
* kind developer: `az` and `azd` are found on `PATH` and are given the whole environment
* all kinds: `AZURE_HTTP_USER_AGENT`, `AZURE_SDK_LOGGING_MULTIRECORD`

Proxies of the environment are ignored.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from app.upstream.identity import EntraIdentity, EntraKind
from app.upstream.tokens import Token, TokenRefused

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncSupportsTokenInfo

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0
_COMMAND_SECONDS = 9
_DETAIL_LENGTH = 400

Build = Callable[[], "AsyncSupportsTokenInfo"]


class _Claims(msgspec.Struct):
    exp: float


class AzureTokenSource:
    """A TokenSource over azure-identity. `build` makes an unused credential.

    `trust_claims` takes the end of a token's life from the token itself, where it can be read:
    azure-identity 1.27 takes the UTC time that `azd` prints for local time, which makes every
    token too old east of Greenwich and too young west of it.
    """

    def __init__(self, build: Build, *, trust_claims: bool = False) -> None:
        self._build = build
        self._trust_claims = trust_claims

    async def fetch(self, scope: str) -> Token:
        from azure.core.exceptions import AzureError

        try:
            # In a thread, because reading a certificate's key takes 70 ms.
            unused = await asyncio.to_thread(self._build)
            async with unused as credential:
                info = await credential.get_token_info(scope)
        except AzureError as error:
            raise TokenRefused(_described(error)) from None
        except OSError as error:
            raise TokenRefused(f"{error.strerror}: {error.filename}") from None
        refresh_on = None if info.refresh_on is None else float(info.refresh_on)
        expires_on = _claimed_expiry(info.token) if self._trust_claims else None
        return Token(info.token, expires_on or float(info.expires_on), refresh_on)


def azure_token_source(identity: EntraIdentity) -> AzureTokenSource:
    """The source for `identity`. Call it before the loop serves: it imports azure-identity, which
    takes a third of a second. Raises ValueError for values that azure-identity refuses, such as a
    certificate that cannot be read."""
    # At WARNING, azure-identity logs the body of an answer that it does not understand, and that
    # body may hold a token. What went wrong is in our own log.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    build = _BUILDERS[identity.kind](identity)
    try:
        build()
    except OSError as error:
        raise ValueError(
            f"AZURE_CLIENT_CERTIFICATE_PATH cannot be read ({error.strerror}): check the path and "
            "who may read it."
        ) from None
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"RELAY_ENTRA_CREDENTIAL is {identity.kind}, but azure-identity refuses its values "
            f"({_described(error)}): check AZURE_TENANT_ID, AZURE_CLIENT_ID and, where there is a "
            "certificate, AZURE_CLIENT_CERTIFICATE_PATH and AZURE_CLIENT_CERTIFICATE_PASSWORD."
        ) from None
    return AzureTokenSource(build, trust_claims=identity.kind is EntraKind.DEVELOPER)


def _managed(identity: EntraIdentity) -> Build:
    from azure.identity.aio import ManagedIdentityCredential

    options = _transport(identity, local=True)
    return lambda: ManagedIdentityCredential(client_id=identity.client_id, **options)


def _workload(identity: EntraIdentity) -> Build:
    from azure.identity.aio import WorkloadIdentityCredential

    options = _transport(identity)
    return lambda: WorkloadIdentityCredential(
        tenant_id=identity.tenant_id,
        client_id=identity.client_id,
        token_file_path=identity.federated_token_file,
        authority=identity.authority,
        **options,
    )


def _service_principal(identity: EntraIdentity) -> Build:
    from azure.identity.aio import CertificateCredential, ClientSecretCredential

    tenant_id, client_id = identity.tenant_id or "", identity.client_id or ""
    options = _transport(identity) | {"authority": identity.authority}
    if identity.client_secret:
        secret = identity.client_secret
        return lambda: ClientSecretCredential(tenant_id, client_id, secret, **options)
    return lambda: CertificateCredential(
        tenant_id,
        client_id,
        identity.certificate_path,
        password=identity.certificate_password,
        send_certificate_chain=identity.send_certificate_chain,
        **options,
    )


def _developer(identity: EntraIdentity) -> Build:
    from azure.identity.aio import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
    )

    tenant_id = identity.tenant_id or ""
    return lambda: ChainedTokenCredential(
        AzureCliCredential(tenant_id=tenant_id, process_timeout=_COMMAND_SECONDS),
        AzureDeveloperCliCredential(tenant_id=tenant_id, process_timeout=_COMMAND_SECONDS),
    )


_BUILDERS: dict[EntraKind, Callable[[EntraIdentity], Build]] = {
    EntraKind.MANAGED: _managed,
    EntraKind.WORKLOAD: _workload,
    EntraKind.SERVICE_PRINCIPAL: _service_principal,
    EntraKind.DEVELOPER: _developer,
}


def _transport(identity: EntraIdentity, *, local: bool = False) -> dict[str, Any]:
    """Options of azure-core's pipeline: bounded, without retries, without the environment."""
    options: dict[str, Any] = {
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "retry_total": 0,
        "retry_connect": 0,
        "retry_read": 0,
        "retry_status": 0,
        "use_env_settings": False,
    }
    if not local and identity.proxy:
        options["proxies"] = {"https": identity.proxy}
    if not local and identity.ca_file:
        options["connection_verify"] = identity.ca_file
    return options


def _described(error: Exception) -> str:
    """The message of azure's exception without the response's body that its text would carry."""
    message = getattr(error, "message", None)
    if message is None:
        message = str(error) if isinstance(error, ValueError | TypeError) else type(error).__name__
    return " ".join(str(message).split())[:_DETAIL_LENGTH]


def _claimed_expiry(token: str) -> float | None:
    """`exp` of a JSON Web Token (RFC 7519, section 4.1.4), unverified; None for any other token."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        padded = payload + "=" * (-len(payload) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims).exp
    except (ValueError, msgspec.MsgspecError):
        return None
