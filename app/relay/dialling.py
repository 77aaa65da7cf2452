"""Opens the leg of one session, beside the flow: what comes of it is an input of the gate."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from app.relay.dials import Dials
from app.relay.tasks import Tasks
from app.session.commands import LegId
from app.upstream.dial import DialFailed
from app.wire.wire import Wire

log = structlog.get_logger("relay.dialling")


class Dialler(Protocol):
    """Who wants the leg."""

    def connected(self, leg: LegId, wire: Wire) -> None:
        """Here it is."""

    def unconnected(self, leg: LegId, failure: DialFailed) -> None:
        """There is none."""

    def failed(self, error: Exception) -> None:
        """A bug."""


class Dialling:
    """`seconds` is how long it took, `request_id` upstream's name for it, once connected. The owner
    calls `cancel()` when nobody wants the leg any more, and waits for `task`."""

    def __init__(self, wanted_by: Dialler, dials: Dials, tasks: Tasks) -> None:
        self._wanted_by = wanted_by
        self._dials = dials
        self._tasks = tasks
        self.task: asyncio.Task[None] | None = None
        self.seconds: float | None = None
        self.request_id: str | None = None

    def start(self, session_id: str, leg: LegId, within: float, deployment: str) -> None:
        """Dials; `within` is in seconds."""
        work = self._dial(session_id, leg, within, deployment)
        self.task = self._tasks.spawn(f"dial {session_id}", work)

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        if self.task is not None:
            self.task.cancel()

    async def _dial(self, session_id: str, leg: LegId, within: float, deployment: str) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            wire = await self._dials.dial(timeout=within, deployment=deployment)
        except DialFailed as failure:
            reason, detail = failure.reason, failure.detail
            log.warning("dial.failed", session_id=session_id, reason=reason, detail=detail)
            self._wanted_by.unconnected(leg, failure)
            return
        except Exception as error:
            self._wanted_by.failed(error)
            return
        self.seconds, self.request_id = loop.time() - began, wire.request_id
        try:
            self._wanted_by.connected(leg, wire)
        except Exception as error:
            self._wanted_by.failed(error)
