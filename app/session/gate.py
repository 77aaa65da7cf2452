"""The judge of one conversation: inputs in, commands out, no clock, no socket, no logger.

    on_client_attached -> Dial          GREETING --session.created--> our own session.update
    on_upstream_ready                   CONFIGURING --session.updated--> READY
    on_client    1 count  2 decode  3 judge  4 charge  5 encode       -> ToUpstream | ToClient
    on_upstream  1 kind   2 observe 3 judge  4 pass, rebuild or drop  -> ToClient
    on_identity  the answer to VerifyIdentity                         -> ToClient
    on_draining  the process will end                                 -> ToClient
    on_timer     warnings and endings that are due
    *_lost, end  the last words, then End

Nothing of the client's goes upstream before upstream has accepted our own configuration: the relay
starts the client's wire only at `StartClient`, and `on_client` before that is a bug that ends the
session.
"""

from __future__ import annotations

from app.lane.cut import Passing
from app.policy.policy import Profile
from app.protocol.client_frames import decode_append
from app.protocol.close_reasons import CloseReason
from app.protocol.events import ClientEvent, Malformed
from app.session.client_side import ClientJudge
from app.session.clocks import Clocks, Warn
from app.session.commands import (
    Command,
    Dial,
    End,
    LegId,
    Note,
    PauseClient,
    ResumeClient,
    StartClient,
    ToClient,
)
from app.session.crossing import Crossing
from app.session.identity import IdentityJudge, Proven, Unproven
from app.session.ids import Ids
from app.session.last_words import last_words
from app.session.meters import Meters
from app.session.notices import Notices
from app.session.setup import Setup
from app.session.state import Phase, SessionState
from app.session.terms import Terms
from app.session.upstream_side import UpstreamJudge


class Gate:
    """One session's judge. Times are monotonic seconds; inputs come one after the other. `meters`
    are the user's, shared by all of that user's sessions; without them the session has its own."""

    def __init__(self, terms: Terms, now: float, meters: Meters | None = None) -> None:
        self._terms = terms
        self.limits = terms.limits
        self.state = SessionState(terms.session_id, client_dialect=terms.client_dialect)
        self.clocks = Clocks(terms.limits, now, terms.identity_seconds)
        self._ids = Ids(terms.seed)
        self._crossing = Crossing(terms.upstream_dialect, self.state, self._ids.next)
        self._notices = Notices(terms, self._ids, self.state)
        self._setup = Setup(terms, self._ids, self.state, self._notices)
        self._meters = meters or Meters(terms.limits, now)
        self._client = ClientJudge(
            terms, self.state, self.clocks, self._meters, self._notices, self._ids, self._crossing
        )
        self._upstream = UpstreamJudge(
            terms, self.state, self.clocks, self._meters, self._notices, self._crossing
        )
        self._identity = IdentityJudge(terms, self.state, self.clocks, self._notices)
        self._resume_at: float | None = None
        self._drained_at: float | None = None

    # -- what others may know ------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self.state.session_id

    @property
    def profile(self) -> Profile:
        """The profile of this session, fixed for its life."""
        return self._terms.policy.profile

    @property
    def deployment(self) -> str:
        """What is dialled for this session; for the operator alone."""
        return self._terms.deployment

    @property
    def phase(self) -> Phase:
        return self.state.phase

    def next_deadline(self) -> float | None:
        """When `on_timer` wants to be called next; None once ended."""
        if self.state.phase in (Phase.OPENED, Phase.ENDED):
            return None
        deadline = self.clocks.next_deadline()
        return deadline if self._resume_at is None else min(deadline, self._resume_at)

    @property
    def passing(self) -> Passing | None:
        """Which of upstream's frames need no judgement right now; None: all need it."""
        return self._upstream.passing if self.state.phase is Phase.READY else None

    def passed(self, count: int, size: int) -> None:
        """So many frames that `passing` covers went to the client, `size` bytes in all."""
        counters = self.state.counters
        counters.upstream_events += count
        counters.upstream_bytes += size
        counters.upstream_events_passed += count

    def last_words(self, reason: CloseReason, retry_after: float | None = None) -> bytes | None:
        """The `error` event before the close frame, also when the gate itself has failed."""
        return last_words(
            reason,
            seconds=self.limits.session_seconds,
            event_id=self._ids.next(),
            retry_after=retry_after,
        )

    # -- inputs --------------------------------------------------------------------------------

    def on_client_attached(self, now: float) -> list[Command]:
        """The client's wire is there: the clocks start, and upstream is dialled."""
        self.clocks.start(now)
        self.state.phase = Phase.DIALLING
        return [Dial(0)]

    def on_upstream_ready(self, leg: LegId) -> list[Command]:
        """The dial has succeeded; upstream speaks first."""
        assert leg == 0
        self.state.phase = Phase.GREETING
        return []

    def on_client(self, frame: bytes, now: float) -> list[Command]:
        """One frame of the client's."""
        if self.state.phase is not Phase.READY:
            raise AssertionError(f"a client frame in phase {self.state.phase}")
        self.state.counters.client_events += 1
        self.state.counters.client_bytes += len(frame)
        plain = self._client.plain(frame, now)
        if plain is not None:
            return plain + (self._flooded(now) or self._pause(now))
        event = decode_append(frame, self.state.client_dialect)
        if not isinstance(event, ClientEvent):
            if (held := self._client.held(len(frame), now)) is not None:
                return held + self._flooded(now)
            event = event or self._crossing.read(frame)
        if isinstance(event, Malformed):
            commands = self._client.malformed(event)
        elif self._identity.takes(event):
            commands = self._identity.asked(event, now)
        else:
            commands = self._client.judge(event, now)
        if self._client.too_many_violations(now):
            return commands + self.end(CloseReason.POLICY_VIOLATION)
        return commands + (self._flooded(now) or self._pause(now))

    def _flooded(self, now: float) -> list[Command]:
        return self.end(CloseReason.RATE_LIMITED) if self._meters.flooded(now) else []

    def _pause(self, now: float) -> list[Command]:
        """Stops reading from a client that is ahead of its allowance, until it has caught up."""
        wait, self._client.pause = self._client.pause, 0.0
        if not wait:
            return []
        paused = self._resume_at is not None
        self._resume_at = max(self._resume_at or 0.0, now + wait)
        if paused:
            return []
        self.state.counters.verdict("reading-paused")
        return [PauseClient()]

    def on_upstream(self, leg: LegId, frame: bytes, now: float) -> list[Command]:
        """One frame of upstream's."""
        assert leg == 0
        self.state.counters.upstream_events += 1
        self.state.counters.upstream_bytes += len(frame)
        if self.state.phase is Phase.READY:
            answer = self._upstream.judge(frame, now)
        else:
            answer = self._setup.on_upstream(frame)
        commands: list[Command] = []
        for command in answer:
            if isinstance(command, StartClient):
                self.state.phase = Phase.READY
                self.clocks.ready(now)
                commands += self._told_of_drain(now)
            if isinstance(command, End):
                return commands + self.end(command.reason)
            commands.append(command)
        return commands

    def on_identity(self, answer: Proven | Unproven, now: float) -> list[Command]:
        """Whose proof it was that `VerifyIdentity` asked about."""
        return self._identity.answered(answer, now)

    def on_draining(self, seconds: float, now: float) -> list[Command]:
        """The process takes no new sessions, and will close this one in `seconds` (infinite: nobody
        has said when). A session that is not ready yet tells its client as soon as it is."""
        self._drained_at = now + seconds
        return self._told_of_drain(now) if self.state.phase is Phase.READY else []

    def _told_of_drain(self, now: float) -> list[Command]:
        if self._drained_at is None:
            return []
        notice = self._notices.draining(self._drained_at - now)
        return [] if notice is None else [ToClient(notice)]

    def on_client_lost(self, reason: CloseReason) -> list[Command]:
        """The client has left, or broke the rules of the wire."""
        return self.end(reason)

    def on_upstream_lost(
        self, leg: LegId, reason: CloseReason, retry_after: float | None = None
    ) -> list[Command]:
        """The dial failed or the leg is gone; `retry_after` in seconds."""
        assert leg == 0
        return self.end(reason, retry_after)

    def on_timer(self, now: float) -> list[Command]:
        """Says what is due."""
        commands: list[Command] = []
        if self._resume_at is not None and now >= self._resume_at:
            self._resume_at = None
            commands.append(ResumeClient())
        while (due := self.clocks.due(now)) is not None:
            if isinstance(due, Warn):
                if (warning := self._notices.warning(due)) is not None:
                    commands.append(ToClient(warning))
                continue
            if due is CloseReason.UPSTREAM_UNAVAILABLE:
                commands.append(Note("setup.too_slow", {"phase": self.state.phase}))
            return commands + self.end(due)
        return commands

    def end(self, reason: CloseReason, retry_after: float | None = None) -> list[Command]:
        """Ends the session: an `error` event where somebody may still listen, then `End`."""
        self.state.phase_at_end = self.state.phase
        self.state.phase = Phase.ENDED
        words = self.last_words(reason, retry_after)
        if words is None:
            return [End(reason)]
        self.state.counters.errors_to_client += 1
        return [ToClient(words), End(reason)]
