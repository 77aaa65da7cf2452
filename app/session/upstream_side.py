"""Judges upstream's events: pass the original bytes, rebuild from known keys, or drop.

Deltas are judged by their head alone (which response, which item); everything else is
decoded, observed by the lifecycle and shown to the policy.
"""

from __future__ import annotations

from typing import Any, assert_never

from app.lane.cut import Passing
from app.policy.hints import relay_field
from app.policy.server_events import DELTAS, Drop, Pass, Rebuild, judge_delta, judge_server
from app.protocol.close_reasons import CloseReason
from app.protocol.errors import answers_relay
from app.protocol.events import ServerEvent
from app.protocol.names import ServerKind
from app.protocol.server_frames import decode_server, server_head, type_for_logs
from app.session.clocks import Clocks
from app.session.commands import Command, End, Note, ToClient
from app.session.crossing import Crossing
from app.session.lifecycle import forget, observe
from app.session.meters import Meters
from app.session.notices import Notices
from app.session.outstanding import Origin, Sent
from app.session.passing import CHANGES, Passage, passage
from app.session.sight import SessionSight
from app.session.state import SessionState
from app.session.terms import Terms


class UpstreamJudge:
    """Upstream's direction of one session, once it is ready."""

    def __init__(
        self,
        terms: Terms,
        state: SessionState,
        clocks: Clocks,
        meters: Meters,
        notices: Notices,
        crossing: Crossing,
    ) -> None:
        self._terms = terms
        self._meters = meters
        self._state = state
        self._clocks = clocks
        self._notices = notices
        self._sight = SessionSight(state, terms.policy)
        self._crossing = crossing
        self._passage: Passage | None = None

    @property
    def passing(self) -> Passing | None:
        """What needs no judgement right now; None: all does."""
        found = self._passage
        if found is None or found.client is not self._state.client_dialect:
            return None
        return found.passing

    def judge(self, frame: bytes, now: float) -> list[Command]:
        """One frame."""
        head = server_head(frame, self._terms.upstream_dialect)
        if head is None:
            return self._unknown(frame)
        if head.kind in DELTAS and self._crossing.same:
            if judge_delta(head, self._sight):
                return self._to_client([frame])
            return self._dropped(Drop("hidden"))
        event = decode_server(frame, self._terms.upstream_dialect)
        if event is None:
            return self._unknown(frame)
        match event.kind:
            case ServerKind.SESSION_CREATED:
                return []
            case ServerKind.SESSION_UPDATED:
                return self._session_updated(event, now)
            case ServerKind.ERROR:
                return self._error(event, now)
            case _:
                return self._event(event, now)

    def _event(self, event: ServerEvent, now: float) -> list[Command]:
        asked = observe(self._state, event, self._sight)
        if event.kind in CHANGES:
            dialect = self._terms.upstream_dialect
            self._passage = passage(event, self._state, self._sight, dialect)
        self._clock(event, now)
        if self._meters.overrun(now):
            return [End(CloseReason.RATE_LIMITED)]
        verdict = judge_server(event, self._terms.policy, self._sight)
        forget(self._state, event)
        if isinstance(verdict, Rebuild) and asked is not None:
            self._tell(asked, verdict.body)
        match verdict:
            case Drop():
                return self._dropped(verdict)
            case Pass():
                frames = self._crossing.to_client(event.body)
            case Rebuild(body):
                frames = self._crossing.to_client(body)
            case _:
                assert_never(verdict)
        if event.kind is ServerKind.ITEM_RETRIEVED:
            self._meters.answered(sum(map(len, frames)), now)
        return self._to_client(frames) if frames else self._dropped(Drop("dialect"))

    def _dropped(self, drop: Drop) -> list[Command]:
        self._state.counters.verdict(drop.rule)
        return []

    def _to_client(self, frames: list[bytes]) -> list[Command]:
        self._state.counters.upstream_events_passed += 1
        return [ToClient(frame) for frame in frames]

    def _clock(self, event: ServerEvent, now: float) -> None:
        """What upstream reports and counts as conversation."""
        match event.kind:
            case ServerKind.SPEECH_STARTED | ServerKind.AUDIO_COMMITTED:
                self._clocks.active(now)
            case ServerKind.ITEM_CREATED | ServerKind.ITEM_ADDED:
                self._clocks.active(now)
            case ServerKind.RESPONSE_CREATED:
                self._meters.response_began(now)
                self._clocks.busy(True, now)
            case ServerKind.RESPONSE_DONE:
                self._clocks.busy(self._state.active_response(), now)
            case _:
                pass

    def _tell(self, sent: Sent, body: dict[str, Any]) -> None:
        """Says, on the event that answers it, what the policy did to a client's event."""
        if self._terms.policy.hints and sent.hint is not None:
            body["relay"] = relay_field(self._terms.policy, sent.hint, sent.client_event_id)

    def _session_updated(self, event: ServerEvent, now: float) -> list[Command]:
        update = self._state.outstanding.update()
        session = event.body.get("session")
        if isinstance(session, dict):
            self._state.session = session
        hint, event_id = None, None
        if update is not None:
            hint, event_id = update.hint, update.client_event_id
            if update.instructions is not None:
                self._state.client_instructions = update.instructions
        self._state.counters.upstream_events_passed += 1
        frame = self._notices.session(ServerKind.SESSION_UPDATED, hint, event_id)
        self._meters.answered(len(frame), now)
        return [ToClient(frame), *self._due(now)]

    def _due(self, now: float) -> list[Command]:
        """Answers to updates of which nothing was sent, behind the one just answered."""
        frames = [
            self._notices.session(ServerKind.SESSION_UPDATED, sent.hint, sent.client_event_id)
            for sent in self._state.outstanding.due()
        ]
        self._meters.answered(sum(map(len, frames)), now)
        return [ToClient(frame) for frame in frames]

    def _error(self, event: ServerEvent, now: float) -> list[Command]:
        error = event.body.get("error")
        error = error if isinstance(error, dict) else {}
        if error.get("code") == "session_expired":
            return [End(CloseReason.SESSION_TIME_LIMIT)]
        refused = self._state.outstanding.refused(error.get("event_id"))
        if refused is not None and refused.origin is Origin.CLIENT:
            error["event_id"] = refused.client_event_id
            self._state.calls |= dict.fromkeys(refused.call_ids, False)
            refused.call_ids = ()  # once: another answer to the call may be on its way by now
        elif not answers_relay(error):
            if error.get("event_id") is None:
                self._state.outstanding.next_response(None)  # upstream's fault: nobody knows whose
            error["event_id"] = None  # no id that we did not lend was ever sent
        if answers_relay(error):
            return [Note("own_event.refused", {"code": str(error.get("code"))[:64]})]
        self._state.counters.errors_to_client += 1
        verdict = judge_server(event, self._terms.policy, self._sight)
        assert isinstance(verdict, Rebuild)
        if refused is not None:
            self._tell(refused, verdict.body)
        told: list[Command] = [ToClient(frame) for frame in self._crossing.to_client(verdict.body)]
        return told + self._due(now)

    def _unknown(self, frame: bytes) -> list[Command]:
        self._state.counters.upstream_events_unknown += 1
        return [Note("upstream.unknown_event", {"type": type_for_logs(frame)})]
