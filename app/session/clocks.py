"""The deadlines of one session on the monotonic clock: set-up, the conversation's end, the end of
the user's proof, silence.

Apart from the state, because monotonic times mean nothing in another process.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.protocol.close_reasons import CloseReason
from app.session.limits import Limits


@dataclass(frozen=True, slots=True)
class Warn:
    """Time to tell the client: `limit` ("session" or "idle") ends it in `remaining` seconds. For
    "identity" that is when the user's proof expires; the session ends the leeway later."""

    limit: str
    remaining: float


class Clocks:
    """What is due when. `now` is monotonic seconds everywhere. `identity_seconds` from now the
    user's proof expires (None: never)."""

    def __init__(self, limits: Limits, now: float, identity_seconds: float | None = None) -> None:
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
        self.proven(identity_seconds, now)

    def start(self, now: float) -> None:
        """The client's wire is attached: every deadline counts from here. A proof does not wait."""
        self._session_end += now - self.started
        self.started = now
        self._choose_end()

    def proven(self, seconds: float | None, now: float) -> None:
        """The user has shown a proof that expires in `seconds` (None: never). Of one that is short
        the client is warned at half of it: whoever answers a warning at once with another as short
        is not warned again at once."""
        self._proof_end = None if seconds is None else now + seconds
        self._proof_lead = min(self._limits.identity_warning, max(seconds or 0.0, 0.0) / 2)
        self._choose_end()

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
        times = [self._end]
        if self.ready_at is None:
            times.append(self.started + self._limits.setup_seconds)
            return min(times)
        if self._session_warnings:
            times.append(self._session_end - self._session_warnings[0])
        if self._proof_warning is not None:
            times.append(self._proof_warning)
        if not self._busy:
            times.append(self._active_at + self._idle_due())
        return min(times)

    def due(self, now: float) -> CloseReason | Warn | None:
        """One thing that is due; call again until it is None or a close reason."""
        if now >= self._end:
            return self._end_reason
        if self.ready_at is None:
            late = now >= self.started + self._limits.setup_seconds
            return CloseReason.UPSTREAM_UNAVAILABLE if late else None
        if self._session_warnings and now >= self._session_end - self._session_warnings[0]:
            self._session_warnings.pop(0)
            return Warn("session", self._session_end - now)
        if self._proof_warning is not None and now >= self._proof_warning:
            return self._warn_of_proof(now)
        if not self._busy and now >= self._active_at + self._idle_due():
            if self._idle_warned or not self._warns_idle():
                return CloseReason.IDLE_TIMEOUT
            self._idle_warned = True
            return Warn("idle", self._active_at + self._limits.idle_seconds - now)
        return None

    def _choose_end(self) -> None:
        """Whichever comes first ends the session. A proof that outlives it needs no warning."""
        self._end, self._end_reason = self._session_end, CloseReason.SESSION_TIME_LIMIT
        self._proof_warning: float | None = None
        if self._proof_end is None:
            return
        end = self._proof_end + self._limits.identity_leeway
        if end < self._session_end:
            self._end, self._end_reason = end, CloseReason.IDENTITY_EXPIRED
            self._proof_warning = self._proof_end - self._proof_lead

    def _warn_of_proof(self, now: float) -> Warn:
        assert self._proof_end is not None
        self._proof_warning = None
        return Warn("identity", self._proof_end - now)

    def _warns_idle(self) -> bool:
        return self._limits.idle_warning < self._limits.idle_seconds

    def _idle_due(self) -> float:
        """Seconds of silence after which the next idle step comes: the warning, then the end."""
        if self._idle_warned or not self._warns_idle():
            return self._limits.idle_seconds
        return self._limits.idle_seconds - self._limits.idle_warning
