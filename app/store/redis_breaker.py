"""Whether Redis is worth a call: after one that was not answered, the next ones fail at once."""

from __future__ import annotations

from collections.abc import Callable

from app.store.store import StoreDown


class RedisBreaker:
    """Shut for `first` seconds after a failure, then twice as long, up to `longest`.

    When its time is up one call goes through; the others fail until that one has ended. `clock`
    gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], first: float, longest: float) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._pause = 0.0
        self._until = 0.0
        self._trial = False
        self._why = ""

    @property
    def shut(self) -> bool:
        """Whether the last call that told us anything was not answered."""
        return self._pause > 0

    def wait(self) -> float:
        """Seconds until a call could go through; 0 if one could now."""
        return max(0.0, self._until - self._clock()) if self.shut else 0.0

    def enter(self) -> bool:
        """Lets a call begin, or raises `StoreDown`. True: it is the trial, and its caller owes
        `ended` whatever happens."""
        if not self.shut:
            return False
        if self._trial or self._clock() < self._until:
            raise StoreDown(self._why, max(1.0, self.wait()), untouched=True)
        self._trial = True
        return True

    def ended(self, trial: bool) -> None:
        """A call has ended, whatever it told us."""
        if trial:
            self._trial = False

    def answered(self) -> None:
        """Redis answered something."""
        self._pause = 0.0

    def failed(self, why: str) -> None:
        """A call was not answered. Those that were under way together count once."""
        now = self._clock()
        if self.shut and now < self._until:
            return
        self._pause = min(2 * self._pause, self._longest) if self.shut else self._first
        self._until = now + self._pause
        self._why = why
