"""Judges upstream's events: pass the original bytes, rebuild from known keys, or drop.

Parts of a response are judged by their head alone (which response, which item); everything else is
decoded, observed by the lifecycle and shown to the policy.
"""

from __future__ import annotations

from typing import Any, assert_never

from app.policy.hints import relay_field
from app.policy.server_events import DELTAS, Drop, Pass, Rebuild, judge_delta, judge_server
from app.policy.verdict import Hint
from app.protocol.close_reasons import CloseReason
from app.protocol.errors import answers_relay
from app.protocol.events import ServerEvent
from app.protocol.names import ServerKind
from app.protocol.server_frames import decode_server, encode_server, server_head, type_for_logs
from app.session.clocks import Clocks
from app.session.commands import Command, End, Note, ToClient
from app.session.lifecycle import forget, observe
from app.session.meters import Meters
from app.session.notices import Notices
from app.session.sight import SessionSight
from app.session.state import SessionState, Update
from app.session.terms import Terms

OBSERVED = frozenset({ServerKind.CONTENT_PART_ADDED})
"""Parts of a response that the lifecycle must see: they say which items can be heard."""


class UpstreamJudge:
    """Upstream's direction of one session, once it is ready."""

    def __init__(
        self,
        terms: Terms,
        state: SessionState,
        clocks: Clocks,
        meters: Meters,
        notices: Notices,
    ) -> None:
        self._terms = terms
        self._meters = meters
        self._state = state
        self._clocks = clocks
        self._notices = notices
        self._sight = SessionSight(state, terms.policy, terms.limits)
        self._same_dialect = terms.client_dialect is terms.upstream_dialect

    def judge(self, frame: bytes, now: float) -> list[Command]:
        """One frame."""
        head = server_head(frame, self._terms.upstream_dialect)
        if head is None:
            return self._unknown(frame)
        if head.kind in DELTAS and head.kind not in OBSERVED and self._same_dialect:
            passes = judge_delta(head, self._sight)
            return self._carry_out(Pass() if passes else Drop("hidden"), frame)
        event = decode_server(frame, self._terms.upstream_dialect)
        if event is None:
            return self._unknown(frame)
        match event.kind:
            case ServerKind.SESSION_CREATED:
                return []
            case ServerKind.SESSION_UPDATED:
                return self._session_updated(event)
            case ServerKind.ERROR:
                return self._error(event)
            case _:
                return self._event(event, frame, now)

    def _event(self, event: ServerEvent, frame: bytes, now: float) -> list[Command]:
        observe(self._state, event, self._sight)
        self._clock(event, now)
        verdict = judge_server(event, self._terms.policy, self._sight)
        forget(self._state, event)
        if isinstance(verdict, Rebuild):
            self._hint_response(event, verdict.body)
        return self._carry_out(verdict, frame)

    def _carry_out(self, verdict: Pass | Rebuild | Drop, frame: bytes) -> list[Command]:
        match verdict:
            case Drop(rule):
                self._state.counters.verdict(rule)
                return []
            case Pass():
                passed = frame
            case Rebuild(body):
                passed = self._encode(body)
            case _:
                assert_never(verdict)
        self._state.counters.upstream_events_passed += 1
        return [ToClient(passed)]

    def _clock(self, event: ServerEvent, now: float) -> None:
        """What upstream reports and counts as conversation."""
        match event.kind:
            case ServerKind.SPEECH_STARTED | ServerKind.AUDIO_COMMITTED | ServerKind.ITEM_CREATED:
                self._clocks.active(now)
            case ServerKind.RESPONSE_CREATED:
                self._meters.response_began(now)
                self._clocks.busy(True, now)
            case ServerKind.RESPONSE_DONE:
                self._clocks.busy(self._state.active_response(), now)
            case _:
                pass

    def _hint_response(self, event: ServerEvent, body: dict[str, Any]) -> None:
        """`response.created` tells what became of the client's `response.create`."""
        if event.kind is not ServerKind.RESPONSE_CREATED:
            return
        response = self._state.responses.get(body["response"].get("id"))
        in_conversation = response is None or response.in_conversation
        for index, request in enumerate(self._state.requests):
            if request.in_conversation == in_conversation:
                del self._state.requests[index]
                if self._terms.policy.hints and request.hint is not None:
                    body["relay"] = relay_field(self._terms.policy, request.hint, request.event_id)
                return

    def _session_updated(self, event: ServerEvent) -> list[Command]:
        update = self._state.updates.pop(0) if self._state.updates else Update(None)
        session = event.body.get("session")
        if isinstance(session, dict):
            self._state.session = session
        if update.instructions is not None:
            self._state.client_instructions = update.instructions
        self._state.counters.upstream_events_passed += 1
        frame = self._notices.session(ServerKind.SESSION_UPDATED, update.hint, update.event_id)
        return [ToClient(frame)]

    def _error(self, event: ServerEvent) -> list[Command]:
        error = event.body.get("error")
        error = error if isinstance(error, dict) else {}
        if error.get("code") == "session_expired":
            return [End(CloseReason.SESSION_TIME_LIMIT)]
        if answers_relay(error):
            return [Note("own_event.refused", {"code": str(error.get("code"))[:64]})]
        self._state.counters.errors_to_client += 1
        hint = self._unanswered(error)
        verdict = judge_server(event, self._terms.policy, self._sight)
        assert isinstance(verdict, Rebuild)
        if self._terms.policy.hints and hint is not None:
            verdict.body["relay"] = relay_field(self._terms.policy, hint, error.get("event_id"))
        return [ToClient(self._encode(verdict.body))]

    def _unanswered(self, error: dict[str, Any]) -> Hint | None:
        """Which of the client's events this error answers; it will get no other answer."""
        event_id = error.get("event_id")
        param = str(error.get("param") or "")
        waiting: list[list[Any]] = [self._state.updates, self._state.requests]
        for queue, prefix in zip(waiting, ("session", "response"), strict=True):
            for index, sent in enumerate(queue):
                mine = sent.event_id == event_id if event_id else param.startswith(prefix)
                if mine:
                    del queue[index]
                    hint: Hint | None = sent.hint
                    return hint
        if error.get("code") == "conversation_already_has_active_response":
            self._state.requests[:] = [r for r in self._state.requests if not r.in_conversation]
        return None

    def _unknown(self, frame: bytes) -> list[Command]:
        self._state.counters.upstream_events_unknown += 1
        return [Note("upstream.unknown_event", {"type": type_for_logs(frame)})]

    def _encode(self, body: dict[str, Any]) -> bytes:
        return encode_server(body, self._terms.client_dialect)
