"""What a peer may cost us in control frames."""

from __future__ import annotations

from collections.abc import Callable

CONTROL_PER_SECOND = 20.0  # pings and pongs that we take in the long run
CONTROL_BURST = 40.0


class ControlBudget:
    """A bucket of control frames: `CONTROL_PER_SECOND` sustained, `CONTROL_BURST` at once."""

    __slots__ = ("_clock", "_left", "_seen")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = CONTROL_BURST
        self._seen = clock()

    def allow_for(self, seconds: float) -> None:
        """Adds what a peer may have sent while we did not read for `seconds`."""
        if seconds:
            self._left += seconds * CONTROL_PER_SECOND
            self._seen = self._clock()

    def take(self) -> bool:
        """Charges one frame; false if the peer sends too many."""
        now = self._clock()
        if self._left < CONTROL_BURST:
            refill = (now - self._seen) * CONTROL_PER_SECOND
            self._left = min(CONTROL_BURST, self._left + refill)
        self._seen = now
        self._left -= 1
        return self._left >= 0
