"""Time as an input of what keeps an issuer's keys fresh; `main` hands over the machine's clocks."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Time as the keeper of the keys sees it."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def wall(self) -> float:
        """Seconds since the epoch, for the times that stand in tokens."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Returns when `event` is set or `seconds` have passed."""
