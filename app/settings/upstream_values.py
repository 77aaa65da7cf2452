"""Where upstream is and which dialect it speaks, as the operator's settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.protocol.names import Dialect
from app.settings.choices import Upstream
from app.upstream.endpoint import Endpoint

if TYPE_CHECKING:
    from app.settings.settings import Settings

EMBEDDED_DEPLOYMENT = "gpt-4o-realtime-preview"
EMBEDDED_API_VERSION = "2025-04-01-preview"


def endpoint_of(settings: Settings) -> Endpoint:
    """The upstream that was chosen. Raises ValueError where `load` would have complained."""
    if settings.upstream is Upstream.EMBEDDED:
        ga = settings.upstream_dialect is Dialect.GA
        version = None if ga else EMBEDDED_API_VERSION
        return Endpoint.parse(settings.embedded_address or "", EMBEDDED_DEPLOYMENT, version)
    return Endpoint.parse(
        settings.azure_openai_endpoint or "",
        settings.azure_openai_deployment or "",
        settings.azure_openai_api_version,
    )


def dialect_of(settings: Settings) -> Dialect:
    """How that upstream speaks: as it was said, or else as its address means. Never raises."""
    if settings.upstream_dialect is not None:
        return settings.upstream_dialect
    dated = settings.upstream is Upstream.EMBEDDED or settings.azure_openai_api_version
    return Dialect.PREVIEW if dated else Dialect.GA
