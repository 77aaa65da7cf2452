"""Whether an endpoint is worth a dial. PURE: time and chance are inputs.

    closed --- 5 dials in a row fail, or one is told to come back later ---> open
    open ----- its time is up --------------------------------------------> half-open
    half-open: one dial goes through; it succeeds -> closed, it fails -> open, twice as long

An endpoint that fails is left alone, and clients are told so at once instead of after a dial's
whole deadline. What a dial asks for does not depend on its client; how often one user may cause
dials is bounded by the registry, so that no user alone can make an endpoint refuse everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.protocol.close_reasons import CloseReason


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Durations in seconds.

    After `failures` in a row it opens for `first_open`, doubled each time up to `longest_open`,
    which also bounds how long an endpoint's own wish (`Retry-After`) is obeyed. A client that
    comes while the one dial is on its way is told to come back after `trial_retry`.
    """

    failures: int = 5
    first_open: float = 5.0
    longest_open: float = 60.0
    trial_retry: float = 1.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One dial's permission. Its holder reports exactly one outcome.

    What was begun in an earlier era says nothing about this one. `trial` marks the one dial of a
    half-open breaker: it gets one try.
    """

    era: int
    trial: bool


@dataclass(frozen=True, slots=True)
class Shut:
    """No dial now: why the last one failed, and the seconds after which to come back."""

    reason: CloseReason
    retry_after: float


class Breaker:
    """The state of one endpoint. `jitter` gives numbers from 0 to 1; `now` is monotonic seconds."""

    def __init__(self, limits: BreakerLimits, jitter: Callable[[], float]) -> None:
        self._limits = limits
        self._jitter = jitter
        self._failures = 0
        self._openings = 0
        self._until: float | None = None
        self._trial = False
        self._reason = CloseReason.UPSTREAM_UNAVAILABLE
        self._era = 0

    def shut(self, now: float) -> Shut | None:
        """Why a dial that begins now would not be let through; None if it would."""
        if self._until is None:
            return None
        if now < self._until:
            return Shut(self._reason, self._until - now)
        return Shut(self._reason, self._limits.trial_retry) if self._trial else None

    def enter(self, now: float) -> Pass | Shut:
        """Lets a dial begin, or not. The caller owes each Pass one of `succeeded`, `failed` and
        `abandoned`."""
        if (shut := self.shut(now)) is not None:
            return shut
        self._trial = self._until is not None
        return Pass(self._era, self._trial)

    def recalled(self, passed: Pass, now: float) -> Shut | None:
        """Whether the breaker has opened since: then a dial should not try again."""
        return self.shut(now) if passed.era != self._era else None

    def succeeded(self, passed: Pass) -> bool:
        """The endpoint let the dial in. True if that closed the breaker."""
        if passed.era != self._era:
            return False
        self._failures = 0
        if not passed.trial:
            return False
        self._openings = 0
        self._until = None
        self._next_era()
        return True

    def failed(
        self, passed: Pass, now: float, reason: CloseReason, retry_after: float | None
    ) -> float | None:
        """The dial failed by the endpoint's doing. The seconds for which the breaker has opened;
        None if it has not."""
        if passed.era != self._era:
            return None
        self._failures += 1
        window = min(retry_after or 0.0, self._limits.longest_open)
        if passed.trial or self._failures >= self._limits.failures:
            window = max(window, self._window())
            self._openings += 1
        if not window:
            return None
        window *= 1 + self._jitter() / 5  # so that replicas do not come back together
        self._until = now + window
        self._reason = reason
        self._next_era()
        return window

    def abandoned(self, passed: Pass) -> None:
        """The dial ended for a reason of ours or the client's: it says nothing of the endpoint."""
        if passed.era == self._era and passed.trial:
            self._trial = False

    def _window(self) -> float:
        doubled = self._limits.first_open * 2.0 ** min(self._openings, 16)
        return min(doubled, self._limits.longest_open)

    def _next_era(self) -> None:
        self._era += 1
        self._trial = False
        self._failures = 0
