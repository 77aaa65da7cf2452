"""How fast a response may go out: a burst at once, then a multiple of real time."""

from __future__ import annotations


class Pace:
    """The clock of one response. `factor` is a multiple of real time, None means no waiting;
    `now` and results are in seconds, audio in ms."""

    def __init__(self, factor: float | None, burst_ms: float, now: float) -> None:
        self._factor = factor
        self._burst_ms = burst_ms
        self._began = now
        self._sent_ms = 0.0

    def wait(self, play_ms: float, now: float) -> float:
        """How long to wait after sending `play_ms` more, counted from the beginning, so that
        delays do not add up."""
        self._sent_ms += play_ms
        if self._factor is None:
            return 0.0
        due = self._began + max(0.0, self._sent_ms - self._burst_ms) / 1000 / self._factor
        return max(0.0, due - now)
