"""The handshake: which address, which credential, which version, which deployment. Pure.

The path decides the dialect, as on Azure; each refuses what belongs to the other. Refusals are
HTTP answers in Azure's own form, before any frame:
`{"error": {"code": "401", "message": "..."}}`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

from app.protocol.names import CREDENTIAL_SUBPROTOCOL_PREFIX, Dialect
from app.simulator.dialects.preview import VERSIONS
from app.simulator.errors import Rejected
from app.simulator.options import Options

PREVIEW_PATH = "/openai/realtime"
GA_PATH = "/openai/v1/realtime"
DIALECTS = {
    PREVIEW_PATH: Dialect.PREVIEW,
    GA_PATH: Dialect.GA,
    "/v1/realtime": Dialect.GA,
}
"""What each path speaks. The last is how programs written for OpenAI itself dial."""

_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)
_UNAUTHORIZED = (
    "Unauthorized. Access token is missing, invalid, audience is incorrect "
    "(https://cognitiveservices.azure.com), or have expired."
)
_VERSIONED = (
    "Unauthorized. This endpoint speaks GA, which has no versions: leave out 'api-version'."
)
_NO_DEPLOYMENT = (
    "The API deployment for this resource does not exist. If you created the deployment within "
    "the last 5 minutes, please wait a moment and try again."
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The connection may be opened. `credential` is where it stood: header, query, bearer,
    subprotocol. `farewell` is what it is told instead of `session.created`, and then closed."""

    credential: str
    api_version: str | None
    deployment: str
    dialect: Dialect = Dialect.PREVIEW
    farewell: Rejected | None = None


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
    dialect = DIALECTS.get(address.path)
    if dialect is None:
        return Refused(HTTPStatus.NOT_FOUND, "404", "Resource not found")
    query = parse_qs(address.query, keep_blank_values=True)
    credential = _credential(headers, query, dialect)
    if credential is None:
        return Refused(HTTPStatus.UNAUTHORIZED, "401", _DENIED)
    if not _opens(credential, options):
        message = _UNAUTHORIZED if credential.bearer else _DENIED
        return Refused(HTTPStatus.UNAUTHORIZED, "401", message)
    if dialect is Dialect.GA:
        return _judge_ga(query, headers, options, credential.place)
    return _judge_preview(query, options, credential.place)


def _judge_preview(query: dict[str, list[str]], options: Options, place: str) -> Admitted | Refused:
    version, deployment = _only(query, "api-version"), _only(query, "deployment")
    if version not in VERSIONS:
        return _bad(f"API version not supported. Supported versions: {', '.join(VERSIONS)}.")
    if "intent" in query:
        return _bad("This endpoint serves conversations; 'intent' is not supported.")
    if deployment is None:
        return _bad("The query needs exactly one 'deployment'.")
    if deployment not in options.deployments:
        return Refused(HTTPStatus.NOT_FOUND, "DeploymentNotFound", _NO_DEPLOYMENT)
    return Admitted(place, version, deployment)


def _judge_ga(
    query: dict[str, list[str]], headers: Mapping[str, str], options: Options, place: str
) -> Admitted | Refused:
    """`api-version` is answered as the migration guide says: 401. Whoever asks for the beta's
    shapes is let in and told, as the service does since it has none."""
    if "api-version" in query:
        return Refused(HTTPStatus.UNAUTHORIZED, "401", _VERSIONED)
    for name in ("intent", "call_id"):
        if name in query:
            return _bad(f"This endpoint serves conversations; '{name}' is not supported.")
    deployment = _only(query, "model")
    if deployment is None:
        return _bad("The query needs exactly one 'model'.")
    if deployment not in options.deployments:
        return Refused(HTTPStatus.NOT_FOUND, "DeploymentNotFound", _NO_DEPLOYMENT)
    beta = headers.get("openai-beta") is not None or _BETA_SUBPROTOCOL in _offered(headers)
    return Admitted(place, None, deployment, Dialect.GA, _no_beta() if beta else None)


def _no_beta() -> Rejected:
    message = (
        "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    )
    return Rejected("beta_api_shape_disabled", message)


def _bad(message: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def url(address: str, dialect: Dialect, deployment: str) -> str:
    """Where a client of a dialect connects; `address` is scheme, host and port."""
    if dialect is Dialect.GA:
        return f"{address}{GA_PATH}?{urlencode({'model': deployment})}"
    query = {"api-version": VERSIONS[-1], "deployment": deployment}
    return f"{address}{PREVIEW_PATH}?{urlencode(query)}"


def model_of(deployment: str) -> str:
    """The model's full name, as `session.created` shows it."""
    if deployment.startswith("gpt-realtime"):
        return deployment
    if "mini" in deployment:
        return "gpt-4o-mini-realtime-preview-2024-12-17"
    return "gpt-4o-realtime-preview-2024-12-17"


def _credential(
    headers: Mapping[str, str], query: dict[str, list[str]], dialect: Dialect
) -> _Credential | None:
    """The first credential found. Browsers can set no headers: they put either kind into the
    query, and in GA a token into a subprotocol."""
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
    for name in _offered(headers) if dialect is Dialect.GA else ():
        if name.startswith(CREDENTIAL_SUBPROTOCOL_PREFIX):
            token = name.removeprefix(CREDENTIAL_SUBPROTOCOL_PREFIX)
            return _Credential("subprotocol", token, bearer=True)
    return None


def _offered(headers: Mapping[str, str]) -> list[str]:
    """The subprotocols that the client offers."""
    return [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]


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
