"""A clock that moves when a test says so. Its monotonic and its wall time move alike, unless a
test makes the wall time jump."""

from __future__ import annotations

import asyncio
import time


class StoppedClock:
    def __init__(self) -> None:
        self._now = 1000.0
        self.wall_offset = time.time() - self._now
        self._rests: list[tuple[float, asyncio.Event, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self.wall_offset

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        if event.is_set():
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        rest = (self._now + seconds, event, over)
        self._rests.append(rest)
        woken = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((over, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            self._rests.remove(rest)

    @property
    def rest(self) -> float | None:
        """Seconds until the keeper wakes by itself; None while it does not rest."""
        return min((until - self._now for until, _, _ in self._rests), default=None)

    async def pass_seconds(self, seconds: float) -> None:
        """Moves time from one wake-up to the next, so that nothing in between is skipped."""
        end = self._now + seconds
        while True:
            await settle()
            due = [rest for rest in self._rests if rest[0] <= end and not rest[2].done()]
            if not due:
                break
            first = min(due, key=lambda rest: rest[0])
            self._now = max(self._now, first[0])
            first[2].set_result(None)
        self._now = end
        await settle()


async def settle() -> None:
    """Lets everything run that does not wait for time."""
    for _ in range(12):
        await asyncio.sleep(0)
