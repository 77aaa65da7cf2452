"""What a client may use per second: events, audio, responses. PURE.

Audio is charged in milliseconds of the format in force, wherever it stands; by bytes, g711 would
have six times the allowance. Audio over its limit waits (reading pauses until the bucket has
refilled), because some clients send a whole file at once and mean no harm; anything else over its
limit is refused in words, and a client that stays at its limit for ten seconds is ended.
"""

from __future__ import annotations

from collections import deque

from app.session.limits import Limits

RESPONSE_WINDOW = 60.0
OVERRUN = 2
TELLS_PER_SECOND = 10.0
BYTES_PER_ACT = 16 * 1024

LONGEST_ANSWER_PAUSE = 15.0
"""Seconds for which one answer, however large, keeps its client from asking for another."""

LONGEST_TURN_PAUSE = 5.0
"""Seconds for which audio waits where voice activity has caused too many responses; while it
waits, the client is not heard at all."""


class Bucket:
    """A token bucket that may run into debt. `rate` is tokens per second, `burst` its capacity."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def charge(self, amount: float, now: float) -> float:
        """Takes `amount`; returns the seconds until the debt is paid (0: there is none)."""
        # `_refill` once more, because this runs for each event of audio.
        level = self._level + (now - self._at) * self._rate
        self._level = level = (level if level < self._burst else self._burst) - amount
        self._at = now
        return 0.0 if level >= 0.0 else -level / self._rate

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
        self._answers = Bucket(limits.acts_per_second, limits.acts_burst, now)
        self._audio = Bucket(limits.audio_speed * 1000, limits.audio_burst_seconds * 1000, now)
        self._responses: deque[float] = deque(maxlen=OVERRUN * limits.responses_per_minute)
        self._tells = Bucket(TELLS_PER_SECOND, TELLS_PER_SECOND, now)
        self._crowded_since: float | None = None
        self._held_turn = False

    def audio_event(self, now: float) -> float:
        """One append came; returns for how many seconds reading should pause."""
        return self._events.charge(1, now)

    def act(self, now: float, size: int = 0) -> bool:
        """One event that is not audio came, of `size` bytes; whether it is within the limit. A
        large one counts as several, because reading it costs as much."""
        cost = 1 + size // BYTES_PER_ACT
        calm = self._acts.has(self._limits.acts_burst / 2, now)
        within = self._acts.has(1, now)  # audio that is ahead holds back audio, not what one does
        if within:
            self._events.charge(cost, now)
            self._acts.charge(cost, now)
        if calm:
            self._crowded_since = None
        elif self._crowded_since is None:
            self._crowded_since = now
        return within

    def answered(self, size: int, now: float) -> None:
        """An answer of `size` bytes went to the client, which had asked for it in a few: it costs
        what as many bytes of the client's would."""
        most = LONGEST_ANSWER_PAUSE * self._limits.acts_per_second
        self._answers.charge(min(size / BYTES_PER_ACT, most), now)

    def answer_wait(self, now: float) -> float:
        """Seconds until a client may ask for another answer that can be large (0: now)."""
        return self._answers.charge(0, now)

    def may_tell(self, now: float) -> bool:
        """Whether one more refusal may be put into words: a flood is not answered with a flood."""
        told = self._tells.has(1, now)
        if told:
            self._tells.charge(1, now)
        return told

    def flooded(self, now: float) -> bool:
        """Whether a client has been at its limit for too long without a breath."""
        if self._crowded_since is None:
            return False
        if self._acts.has(self._limits.acts_burst / 2, now):
            self._crowded_since = None
        since = self._crowded_since
        return since is not None and now - since >= self._limits.flood_seconds

    def audio(self, milliseconds: float, now: float) -> float:
        """So much audio goes upstream; returns for how many seconds reading should pause."""
        return self._audio.charge(milliseconds, now)

    def response_began(self, now: float) -> None:
        """Upstream has begun a response, whoever asked for it."""
        self._responses.append(now)
        self._held_turn = False

    def response_wait(self, now: float, asked: int = 0) -> float:
        """Seconds until a client may ask for another response (0: now), while `asked` are on their
        way."""
        limit = self._limits.responses_per_minute
        if len(self._responses) + asked < limit:
            return 0.0
        recent = [began for began in self._responses if began > now - RESPONSE_WINDOW]
        over = len(recent) + asked - limit
        if over < 0:
            return 0.0
        return recent[min(over, len(recent) - 1)] + RESPONSE_WINDOW - now if recent else 1.0

    def overrun(self, now: float) -> bool:
        """Whether voice activity has caused twice a minute's responses: waiting did not help."""
        full = len(self._responses) == self._responses.maxlen
        return full and self._responses[0] > now - RESPONSE_WINDOW

    def turn_wait(self, now: float) -> float:
        """Seconds for which audio that may cause a response should wait: once for each response,
        so that the client is heard in between."""
        if self._held_turn:
            return 0.0
        wait = min(self.response_wait(now), LONGEST_TURN_PAUSE)
        self._held_turn = wait > 0
        return wait
