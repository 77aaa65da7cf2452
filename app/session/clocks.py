"""The deadlines of one session on the monotonic clock: set-up, the conversation's end, silence.

Apart from the state, because monotonic times mean nothing in another process.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.protocol.close_reasons import CloseReason
from app.session.limits import Limits


@dataclass(frozen=True, slots=True)
class Warn:
    """Time to tell the client: `limit` ("session" or "idle") ends it in `remaining` seconds."""

    limit: str
    remaining: float


class Clocks:
    """What is due when. `now` is monotonic seconds everywhere."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self.started = now
        self.ready_at: float | None = None
        self._session_end = now + limits.session_seconds
        self._session_warnings = sorted(
            (w for w in limits.session_warnings if w < limits.session_seconds), reverse=True
        )
        self._active_at = now
        self._busy = False
        self._idle_warned = False

    def start(self, now: float) -> None:
        """The client's wire is attached: every deadline counts from here."""
        self._session_end += now - self.started
        self.started = now

    def ready(self, now: float) -> None:
        """The session is ready: the set-up deadline is met, silence counts from here."""
        self.ready_at = now
        self.active(now)

    def active(self, now: float) -> None:
        """Somebody did something that counts as conversation."""
        self._active_at = now
        self._idle_warned = False

    def busy(self, busy: bool, now: float) -> None:
        """While a response is in progress the idle clock stands still."""
        self._busy = busy
        self.active(now)

    def next_deadline(self) -> float:
        """The earliest time at which `due` has something to say."""
        times = [self._session_end]
        if self.ready_at is None:
            times.append(self.started + self._limits.setup_seconds)
            return min(times)
        if self._session_warnings:
            times.append(self._session_end - self._session_warnings[0])
        if not self._busy:
            times.append(self._active_at + self._idle_due())
        return min(times)

    def due(self, now: float) -> CloseReason | Warn | None:
        """One thing that is due; call again until it is None or a close reason."""
        if now >= self._session_end:
            return CloseReason.SESSION_TIME_LIMIT
        if self.ready_at is None:
            late = now >= self.started + self._limits.setup_seconds
            return CloseReason.UPSTREAM_UNAVAILABLE if late else None
        if self._session_warnings and now >= self._session_end - self._session_warnings[0]:
            self._session_warnings.pop(0)
            return Warn("session", self._session_end - now)
        if not self._busy and now >= self._active_at + self._idle_due():
            if self._idle_warned or not self._warns_idle():
                return CloseReason.IDLE_TIMEOUT
            self._idle_warned = True
            return Warn("idle", self._active_at + self._limits.idle_seconds - now)
        return None

    def _warns_idle(self) -> bool:
        return self._limits.idle_warning < self._limits.idle_seconds

    def _idle_due(self) -> float:
        """Seconds of silence after which the next idle step comes: the warning, then the end."""
        if self._idle_warned or not self._warns_idle():
            return self._limits.idle_seconds
        return self._limits.idle_seconds - self._limits.idle_warning
