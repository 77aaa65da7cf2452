"""The handshake: which address, which credential, which version, which deployment. Pure.

Refusals are HTTP answers in Azure's own form, before any frame:
`{"error": {"code": "401", "message": "..."}}`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from app.simulator.conversation import VERSIONS
from app.simulator.options import Options

PATH = "/openai/realtime"

_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)
_UNAUTHORIZED = (
    "Unauthorized. Access token is missing, invalid, audience is incorrect "
    "(https://cognitiveservices.azure.com), or have expired."
)
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within "
    "the last 5 minutes, please wait a moment and try again."
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The connection may be opened. `credential` is where it stood: header, query, bearer."""

    credential: str
    api_version: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection is answered with an HTTP status and Azure's error body."""

    status: HTTPStatus
    code: str
    message: str

    def body(self) -> dict[str, dict[str, str]]:
        return {"error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True, slots=True)
class _Credential:
    place: str
    value: str
    bearer: bool


def judge(target: str, headers: Mapping[str, str], options: Options) -> Admitted | Refused:
    """The verdict on a request. `target` is path and query as they stood in the request line;
    `headers` is looked up without regard to case."""
    address = urlsplit(target)
    if address.path != PATH:
        return Refused(HTTPStatus.NOT_FOUND, "404", "Resource not found")
    query = parse_qs(address.query, keep_blank_values=True)
    credential = _credential(headers, query)
    if credential is None:
        return Refused(HTTPStatus.UNAUTHORIZED, "401", _DENIED)
    if not _opens(credential, options):
        message = _UNAUTHORIZED if credential.bearer else _DENIED
        return Refused(HTTPStatus.UNAUTHORIZED, "401", message)
    version, deployment = _only(query, "api-version"), _only(query, "deployment")
    if version not in VERSIONS:
        message = f"API version not supported. Supported versions: {', '.join(VERSIONS)}."
        return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message)
    if "intent" in query:
        message = "This endpoint serves conversations; 'intent' is not supported."
        return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message)
    if deployment is None:
        message = "The query needs exactly one 'deployment'."
        return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message)
    if deployment not in options.deployments:
        return Refused(HTTPStatus.NOT_FOUND, "DeploymentNotFound", _NO_DEPLOYMENT)
    return Admitted(credential.place, version, deployment)


def model_of(deployment: str) -> str:
    """The model's full name, as `session.created` shows it."""
    if "mini" in deployment:
        return "gpt-4o-mini-realtime-preview-2024-12-17"
    return "gpt-4o-realtime-preview-2024-12-17"


def _credential(headers: Mapping[str, str], query: dict[str, list[str]]) -> _Credential | None:
    """The first credential found. Browsers can set no headers: they put either kind into the
    query."""
    key = headers.get("api-key")
    if key is not None:
        return _Credential("header", key, bearer=False)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _Credential("bearer", token.strip(), bearer=True)
    key = _only(query, "api-key")
    if key is not None:
        return _Credential("query", key, bearer=False)
    scheme, _, token = (_only(query, "Authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return _Credential("query", token.strip(), bearer=True)
    return None


def _opens(credential: _Credential, options: Options) -> bool:
    accepted = [options.key]
    if credential.bearer:
        accepted = [*options.bearer_tokens, *([options.key] if options.key_as_bearer else [])]
    value = credential.value.encode("utf-8", "surrogateescape")
    return any(hmac.compare_digest(value, known.encode()) for known in accepted)


def _only(query: dict[str, list[str]], name: str) -> str | None:
    """The value of a parameter that stands there exactly once."""
    values = query.get(name, [])
    return values[0] if len(values) == 1 else None
