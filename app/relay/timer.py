"""The one timer of a session: armed for the gate's next deadline, re-armed when it fires or when
an earlier deadline appears, never for each frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DeadlineTimer:
    """Calls `fire(now)` when a deadline has come; `now` is the loop's time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[float], None]) -> None:
        self._loop = loop
        self._fire = fire
        self._handle: asyncio.Handle | None = None
        self._due = 0.0  # kept here: uvloop's handle of a near deadline cannot tell

    def arm(self, deadline: float | None) -> None:
        """Makes sure that `fire` is called at `deadline` at the latest; None asks for nothing."""
        if deadline is None:
            return
        if self._handle is not None and self._due <= deadline:
            return
        self.cancel()
        self._due = deadline
        self._handle = self._loop.call_at(deadline, self._tick)

    def cancel(self) -> None:
        """Nothing is due any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self._handle = None
        self._fire(self._loop.time())
