"""How often somebody may open a session: so many a minute, all of them at once if need be.

A generic cell rate algorithm: one number for each key, the time at which its allowance will be
whole again. An attempt that is refused is not charged. So whoever waits as long as it was told
gets in, and whoever never waits gets in no more often than the limit says.
"""

from __future__ import annotations

from app.store.limits import MINUTE

TOLERANCE = 1e-6
"""Seconds by which sums of fractions may be off."""


class Openings:
    """`per_minute` openings for each key. At most `most` keys are remembered: beyond it, whoever
    came longest ago is forgotten, which is in its favour. Times are monotonic seconds."""

    def __init__(self, per_minute: int, most: int) -> None:
        self._apart = MINUTE / per_minute
        self._most = most
        self._whole: dict[str, float] = {}  # in the order of the last opening

    def __len__(self) -> int:
        return len(self._whole)

    def wait(self, key: str, now: float) -> float:
        """Seconds until `key` may open again; 0 if it may now."""
        wait = max(self._whole.get(key, now), now) + self._apart - MINUTE - now
        return wait if wait > TOLERANCE else 0.0

    def charge(self, key: str, now: float) -> None:
        """Counts one opening, which `wait` has allowed."""
        whole = max(self._whole.pop(key, now), now) + self._apart
        self._sweep(now)
        self._whole[key] = whole

    def _sweep(self, now: float) -> None:
        """Forgets from the front: whoever opened last a minute ago or more has all back."""
        while self._whole:
            first = next(iter(self._whole))
            if self._whole[first] > now and len(self._whole) < self._most:
                return
            del self._whole[first]
