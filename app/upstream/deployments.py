"""The deployments that sessions may be dialled to, each with a dialler, a breaker and a line of its
own. What they share is how much a process dials at once: a slow one holds half of that at most, so
that the others' users do not wait for it."""

from __future__ import annotations

from collections.abc import Mapping

from app.upstream.dial import Dialler
from app.upstream.failed import DialFailed
from app.wire.upstream import UpstreamWire


class Deployments:
    """A `relay.dials.Dials`. An empty name means the usual deployment; what others are asked for
    must stand in `others`, which is the caller's duty."""

    def __init__(self, usual: Dialler, others: Mapping[str, Dialler]) -> None:
        self._diallers = {**others, "": usual}

    async def dial(self, *, timeout: float, deployment: str = "") -> UpstreamWire:  # noqa: ASYNC109
        """See `Dialler.dial`."""
        return await self._diallers[deployment].dial(timeout=timeout)

    def fault(self, *, timeout: float, deployment: str = "") -> DialFailed | None:
        """See `Dialler.fault`."""
        return self._diallers[deployment].fault(timeout=timeout)
