"""What the relay needs of a dialler: the upstream room has the real one."""

from __future__ import annotations

from typing import Protocol

from app.upstream.failed import DialFailed
from app.wire.upstream import UpstreamWire


class Dials(Protocol):
    """What the relay needs of `upstream.deployments.Deployments`. An empty `deployment` means the
    usual one."""

    async def dial(self, *, timeout: float, deployment: str = "") -> UpstreamWire:  # noqa: ASYNC109
        """One new upstream connection, or `DialFailed`."""

    def fault(self, *, timeout: float, deployment: str = "") -> DialFailed | None:
        """What `dial` would raise at once."""
