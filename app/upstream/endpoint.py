"""The address of the upstream and what a handshake asks it for. PURE.

Sources: Microsoft's how-to "Use the GPT-4o Realtime API" (preview form) and the migration guide
from preview to GA (GA form).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from app.protocol.names import Dialect

_SCHEMES: dict[str, Literal["wss", "ws"]] = {
    "https": "wss",
    "wss": "wss",
    "http": "ws",
    "ws": "ws",
}
_DEFAULT_PORTS = {"wss": 443, "ws": 80}
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PASTED_PATHS = (
    "/openai/v1/realtime",
    "/openai/realtime",
    "/openai/v1",
    "/openai",
)
_EXAMPLE = "https://RESOURCE.openai.azure.com"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One deployment of one resource. Holds no credential, so its repr may be logged.

    `host` has no brackets, also where it is an IPv6 address. `prefix` is "" or a path such as
    "/gateway" that stands before `/openai`; it never ends with a slash. `api_version` is None for
    the GA form.
    """

    scheme: Literal["wss", "ws"]
    host: str
    port: int
    prefix: str
    deployment: str
    api_version: str | None
    dialect: Dialect

    @classmethod
    def parse(cls, endpoint: str, deployment: str, api_version: str | None) -> Endpoint:
        """Reads the three settings of the upstream's address.

        Accepts `https://RESOURCE.openai.azure.com`, the same with `wss`, and what people paste
        behind it (`/openai`, `/openai/v1`, `/openai/realtime`). Plain `http` and `ws` are for
        loopback hosts. Raises ValueError with one sentence that names the variable and the fix.
        """
        parts = _split(endpoint.strip())
        scheme = _scheme(parts)
        host, port = _host_and_port(parts, scheme)
        version = _checked_version(api_version)
        return cls(
            scheme=scheme,
            host=host,
            port=port,
            prefix=_prefix(parts.path),
            deployment=_checked_deployment(deployment),
            api_version=version,
            dialect=Dialect.GA if version is None else Dialect.PREVIEW,
        )

    @property
    def host_header(self) -> str:
        """The value of `Host`: the port stands in it where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def display(self) -> str:
        """The URL for logs and for `check`. Never holds a credential."""
        return f"{self.scheme}://{self.host_header}{self.request_target()}"

    def request_target(self, query_credential: tuple[str, str] | None = None) -> str:
        """Path and query of the handshake's request line.

        With `query_credential` (name, value) the result is a secret: it must not reach a log.
        """
        if self.api_version is None:
            path, query = "/openai/v1/realtime", [("model", self.deployment)]
        else:
            path = "/openai/realtime"
            query = [("api-version", self.api_version), ("deployment", self.deployment)]
        if query_credential is not None:
            query.append(query_credential)
        return f"{quote(self.prefix)}{path}?{urlencode(query, quote_via=quote, safe='')}"


def _split(text: str) -> SplitResult:
    if not text:
        raise ValueError(f"AZURE_OPENAI_ENDPOINT is empty: set it to {_EXAMPLE}.")
    if "://" not in text:
        raise ValueError(
            "AZURE_OPENAI_ENDPOINT has no scheme: "
            f"write https:// in front of the host, as in {_EXAMPLE}."
        )
    if not text.isascii() or any(sign <= " " or sign == "\x7f" for sign in text):
        raise ValueError(
            "AZURE_OPENAI_ENDPOINT holds a space or a character outside ASCII: "
            f"copy it again from the resource, as in {_EXAMPLE}."
        )
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT is not a URL that can be read: write it as in {_EXAMPLE}."
        ) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "AZURE_OPENAI_ENDPOINT holds a user name or a password: remove what stands before @ "
            "and give a key as AZURE_OPENAI_API_KEY."
        )
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(
            "AZURE_OPENAI_ENDPOINT holds a query or a fragment: keep only the part before ? or # "
            "and give the version as AZURE_OPENAI_API_VERSION, the deployment as "
            "AZURE_OPENAI_DEPLOYMENT, a key as AZURE_OPENAI_API_KEY."
        )
    return parts


def _scheme(parts: SplitResult) -> Literal["wss", "ws"]:
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT begins with {parts.scheme}://: "
            f"write https:// instead, as in {_EXAMPLE}."
        )
    if scheme == "ws" and not _is_loopback(parts.hostname or ""):
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT begins with {parts.scheme}://, which is allowed for loopback "
            "hosts only: write https:// instead."
        )
    return scheme


def _host_and_port(parts: SplitResult, scheme: str) -> tuple[str, int]:
    host = parts.hostname or ""
    if not (_is_address(host) or _is_name(host)):
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT has no usable host name: write it as in {_EXAMPLE}."
        )
    port = _DEFAULT_PORTS[scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("AZURE_OPENAI_ENDPOINT names port 0: remove :0 or name the real port.")
    return host, port


def _prefix(path: str) -> str:
    """What stands in the path before `/openai`, without what people paste behind the host."""
    path = path.rstrip("/")
    for pasted in _PASTED_PATHS:
        if path.lower().endswith(pasted):
            path = path[: -len(pasted)]
            break
    if "/openai/" in f"{path.lower()}/":
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT goes on behind /openai ({path}): keep only the part before "
            "/openai and give the deployment as AZURE_OPENAI_DEPLOYMENT."
        )
    if "/api/projects" in path.lower():
        raise ValueError(
            "AZURE_OPENAI_ENDPOINT is the address of a project: use the address of its resource, "
            f"as in {_EXAMPLE}."
        )
    if "%" in path or "//" in path or "/." in path or "\\" in path or ";" in path:
        raise ValueError(
            f"AZURE_OPENAI_ENDPOINT has a path that cannot be used ({path}): write plain segments "
            "without %, ;, \\, // or a leading dot."
        )
    return path


def _checked_deployment(deployment: str) -> str:
    name = deployment.strip()
    if not name:
        raise ValueError(
            "AZURE_OPENAI_DEPLOYMENT is empty: set it to the name that you gave the model when you "
            "deployed it."
        )
    if not name.isprintable() or len(name) > 256:
        raise ValueError(
            "AZURE_OPENAI_DEPLOYMENT is not a deployment's name: copy it again from the resource."
        )
    return name


def _checked_version(api_version: str | None) -> str | None:
    version = (api_version or "").strip()
    if not version:
        return None
    if not _API_VERSION.fullmatch(version):
        raise ValueError(
            f"AZURE_OPENAI_API_VERSION is {version[:40]!r}, which is no version: write a date as "
            "in 2024-12-17 or 2025-04-01-preview, or leave it out for GA."
        )
    return version


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in labels)
