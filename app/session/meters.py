"""What a client may use per second: events, audio, responses. PURE.

Audio is charged in milliseconds of the format in force, wherever it stands; by bytes, g711 would
have six times the allowance. Audio over its limit waits (reading pauses until the bucket has
refilled), because some clients send a whole file at once and mean no harm; anything else over its
limit is refused in words, and ten seconds of that end the session.
"""

from __future__ import annotations

from collections import deque

from app.session.limits import Limits

RESPONSE_WINDOW = 60.0


class Bucket:
    """A token bucket that may run into debt. `rate` is tokens per second, `burst` its capacity."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def charge(self, amount: float, now: float) -> float:
        """Takes `amount`; returns the seconds until the debt is paid (0: there is none)."""
        self._refill(now)
        self._level -= amount
        return max(0.0, -self._level / self._rate)

    def has(self, amount: float, now: float) -> bool:
        """Whether `amount` could be taken without debt."""
        self._refill(now)
        return self._level >= amount

    def _refill(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Meters:
    """The meters of one session. Times are monotonic seconds."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._events = Bucket(limits.events_per_second, limits.events_burst, now)
        self._acts = Bucket(limits.acts_per_second, limits.acts_burst, now)
        self._audio = Bucket(limits.audio_speed * 1000, limits.audio_burst_seconds * 1000, now)
        self._responses: deque[float] = deque(maxlen=limits.responses_per_minute)
        self._refused_since: float | None = None

    def audio_event(self, now: float) -> float:
        """One append came; returns for how many seconds reading should pause."""
        return self._events.charge(1, now)

    def act(self, now: float) -> bool:
        """One event that is not audio came; whether it is within the limit."""
        within = self._events.has(1, now) and self._acts.has(1, now)
        if within:
            self._events.charge(1, now)
            self._acts.charge(1, now)
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        return within

    def flooded(self, now: float) -> bool:
        """Whether everything but audio has been over the limit for too long."""
        since = self._refused_since
        return since is not None and now - since >= self._limits.flood_seconds

    def audio(self, milliseconds: float, now: float) -> float:
        """So much audio goes upstream; returns for how many seconds reading should pause."""
        return self._audio.charge(milliseconds, now)

    def response_began(self, now: float) -> None:
        """Upstream has begun a response, whoever asked for it."""
        self._responses.append(now)

    def response_wait(self, now: float) -> float:
        """Seconds until a client may ask for another response (0: now)."""
        if len(self._responses) < self._limits.responses_per_minute:
            return 0.0
        return max(0.0, self._responses[0] + RESPONSE_WINDOW - now)
