"""The log's lines about who was not let in: so many a second, the rest as a count.

Anybody can be refused as often as they like, so a line for each would let anybody fill the log.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

from app.session.meters import Bucket

log = structlog.get_logger("web.refusals")

A_SECOND = 10
AT_ONCE = 50
SUMMARY_SECONDS = 1.0


class RefusalLines:
    """The lines of one process. Holds a timer while lines are being held back, no task."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bucket = Bucket(A_SECOND, AT_ONCE, clock())
        self._held: Counter[str] = Counter()

    def write(self, event: str, *, rule: str, **more: Any) -> None:
        """One line, or one more in the next `door.refusals_unlogged`. `rule` is one of the door's
        own words, of which there are few. Call it on the loop."""
        now = self._clock()
        if self._bucket.has(1, now):
            self._bucket.charge(1, now)
            log.info(event, rule=rule, **more)
            return
        if not self._held:
            asyncio.get_running_loop().call_later(SUMMARY_SECONDS, self._sum_up)
        self._held[rule] += 1

    def _sum_up(self) -> None:
        held, self._held = self._held, Counter()
        log.info("door.refusals_unlogged", count=held.total(), rules=dict(held))
