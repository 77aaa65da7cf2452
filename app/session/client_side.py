"""Judges the client's events: decoded already, then the policy, then what it costs, then the frame.

A setting that the policy rewrites goes on and is told in the `relay` field; an act that it forbids
is answered with an `error` event; an id that this client may not see does not exist for it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, assert_never

from app.policy.advice import advise, lift
from app.policy.audio import BYTES_PER_MS, SAMPLE_BYTES
from app.policy.client_events import judge
from app.policy.policy import Act
from app.policy.tables import EVENTS
from app.policy.verdict import Acknowledge, Forward, Hint, Ignore, Refuse, Verdict, Would
from app.protocol.client_frames import encode_client, plain_append
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, ServerKind
from app.session.allowance import TOO_MANY_EVENTS, Allowance
from app.session.clocks import Clocks
from app.session.commands import Command, Note, ToClient, ToUpstream
from app.session.crossing import Crossing
from app.session.hiding import unasked
from app.session.ids import Ids
from app.session.meters import Meters
from app.session.notices import Notices
from app.session.outstanding import Sent, mark
from app.session.sight import SessionSight, input_format
from app.session.state import SessionState
from app.session.terms import Terms

ACTIVITY = frozenset(
    {
        ClientKind.AUDIO_COMMIT,
        ClientKind.ITEM_CREATE,
        ClientKind.RESPONSE_CREATE,
        ClientKind.RESPONSE_CANCEL,
    }
)
"""Events of a client that show somebody is there; audio alone does not (it may be silence)."""

VIOLATION_WINDOW = 60.0
MOST_OWN_TOOLS = 1_024  # names that one session has ever offered
APPEND = EVENTS[ClientKind.AUDIO_APPEND]


def _answered(items: list[dict[str, Any]]) -> tuple[str, ...]:
    """The calls whose outputs stand among these items."""
    return tuple(item["call_id"] for item in items if item["type"] == "function_call_output")


class ClientJudge:
    """The client's direction of one session."""

    def __init__(
        self,
        terms: Terms,
        state: SessionState,
        clocks: Clocks,
        meters: Meters,
        notices: Notices,
        ids: Ids,
        crossing: Crossing,
    ) -> None:
        self._terms = terms
        self._ids = ids
        self._meters = meters
        self.pause = 0.0  # seconds for which nothing more should be read
        self._state = state
        self._clocks = clocks
        self._notices = notices
        self._crossing = crossing
        self._sight = SessionSight(state, terms.policy)
        self._allowance = Allowance(terms.limits, state, meters)
        plainly = terms.policy.act(APPEND) is Act.ALLOW
        self._plain_bytes = terms.policy.append_bytes if plainly else 0
        self._violations: deque[float] = deque(maxlen=terms.limits.violations_per_minute)

    def held(self, size: int, now: float) -> list[Command] | None:
        """What a frame of so many bytes that is not plain audio gets instead of being read, where
        it is over the limit; None: read it. Reading comes after: it is what costs."""
        if self._meters.act(now, size):
            return None
        self._state.counters.verdict(TOO_MANY_EVENTS.rule)
        if not self._meters.may_tell(now):
            return []
        return [ToClient(self._notices.refusal(TOO_MANY_EVENTS, None))]

    def malformed(self, event: Malformed) -> list[Command]:
        """An event that cannot be read: told, not counted as a violation."""
        self._state.counters.verdict("malformed")
        refusal = Refuse("malformed", event.code, event.message, event.param, violation=False)
        return [ToClient(self._notices.refusal(refusal, event.event_id))]

    def plain(self, frame: bytes, now: float) -> list[Command] | None:
        """Audio in the plainest shape: what `judge` would do, without taking the frame apart.
        None: `judge` must see it."""
        size = plain_append(frame)
        if not size or size > self._plain_bytes:
            return None
        input_format = self._sight.input_format()
        if size % SAMPLE_BYTES[input_format]:
            return None
        milliseconds = size / BYTES_PER_MS[input_format]
        meters, counters = self._meters, self._state.counters
        wait = meters.turn_wait(now) if self._sight.answers_by_itself() else 0.0
        self.pause = max(self.pause, meters.audio_event(now), wait, meters.audio(milliseconds, now))
        counters.verdict(APPEND.rule)
        counters.client_events_forwarded += 1
        counters.audio_ms_from_client += milliseconds
        return [ToUpstream(0, frame)]

    def judge(self, event: ClientEvent, now: float) -> list[Command]:
        """One readable event."""
        if event.kind == ClientKind.AUDIO_APPEND:
            wait = self._meters.turn_wait(now) if self._sight.answers_by_itself() else 0.0
            self.pause = max(self.pause, self._meters.audio_event(now), wait)
        elif (held := self._allowance.refusal(event, now)) is not None:
            self._state.counters.verdict(held.rule)
            return [ToClient(self._notices.refusal(held, event.event_id))]
        verdict: Verdict = judge(event, self._terms.policy, self._sight)
        if isinstance(verdict, Forward):
            verdict = unasked(verdict, self._state) or verdict
        verdict = self._crossing.sayable(event, verdict)
        self._state.counters.verdict(verdict.rule)
        if isinstance(verdict, Forward | Acknowledge) and verdict.hint is not None:
            for counted in verdict.hint.counted():
                self._state.counters.verdict(counted)
        return [*self._answered(event, verdict, now), *self._reported(verdict.would)]

    def _answered(self, event: ClientEvent, verdict: Verdict, now: float) -> list[Command]:
        match verdict:
            case Forward():
                return self._forward(event, verdict, now)
            case Refuse():
                if verdict.violation:
                    self._violations.append(now)
                return [ToClient(self._notices.refusal(verdict, event.event_id))]
            case Acknowledge(hint=hint):
                if self._state.outstanding.count(ClientKind.SESSION_UPDATE):
                    return self._answered_later(event, hint)
                frame = self._notices.session(ServerKind.SESSION_UPDATED, hint, event.event_id)
                self._meters.answered(len(frame), now)
                return [ToClient(frame), *self._told(hint)]
            case Ignore():
                return []
            case _:
                assert_never(verdict)

    def too_many_violations(self, now: float) -> bool:
        """Whether the last N deliberate violations all happened within a minute."""
        full = len(self._violations) == self._violations.maxlen
        return full and now - self._violations[0] < VIOLATION_WINDOW

    def _answered_later(self, event: ClientEvent, hint: Hint | None) -> list[Command]:
        """Behind the updates that upstream has in hand, whose answers come first."""
        sent = Sent(event.kind, self._ids.next(), event.event_id, hint, unsent=True)
        self._state.outstanding.add(sent)
        return self._told(hint)

    def _forward(self, event: ClientEvent, verdict: Forward, now: float) -> list[Command]:
        counters = self._state.counters
        counters.client_events_forwarded += 1
        counters.audio_ms_from_client += verdict.audio_ms
        if verdict.audio_ms:
            self.pause = max(self.pause, self._meters.audio(verdict.audio_ms, now))
        self._state.text_characters += verdict.text_characters
        if event.kind in ACTIVITY:
            self._clocks.active(now)
        event_id = None
        if event.kind != ClientKind.AUDIO_APPEND or event.event_id is not None:
            event_id = self._remember(event, verdict)
        frame = encode_client(verdict.event, self._terms.upstream_dialect, event_id)
        return [ToUpstream(0, frame), *self._told(verdict.hint)]

    def _remember(self, event: ClientEvent, verdict: Forward) -> str:
        """Notes what upstream's answer will be matched with; returns the id that is lent to it."""
        sent = Sent(event.kind, self._ids.next(), event.event_id, verdict.hint)
        body = verdict.event
        match event.kind:
            case ClientKind.SESSION_UPDATE:
                session = body["session"]
                self._learn_tools(session)
                sent.instructions = session.get("instructions")
                sent.input_format = input_format(session)
            case ClientKind.RESPONSE_CREATE:
                response = body.get("response", {})
                self._learn_tools(response)
                sent.in_conversation = response.get("conversation") != "none"
                sent.call_ids = _answered(response.get("input", []))
                if sent.hint is not None:
                    mark(body, sent.event_id)
            case ClientKind.ITEM_CREATE:
                if body["item"].get("role") == "system" or sent.hint is not None:
                    # Known by its id alone: no other item may pass for the client's.
                    body["item"].setdefault("id", self._ids.item())
                sent.item_id = body["item"].get("id")
                sent.call_ids = _answered([body["item"]])
            case ClientKind.ITEM_RETRIEVE:
                sent.item_id = body["item_id"]
            case _:
                pass
        self._state.calls |= dict.fromkeys(sent.call_ids, True)
        self._state.outstanding.add(sent)
        return sent.event_id

    def _learn_tools(self, settings: dict[str, Any]) -> None:
        """Tools of the client's own, whose calls are for it. The operator's hidden ones go along in
        every list and stay hidden. Names of which there is no end are not kept."""
        hidden = {tool.name for tool in self._terms.policy.server_tools}
        named = {tool["name"] for tool in settings.get("tools") or ()}
        if len(self._state.own_tools) < MOST_OWN_TOOLS:
            self._state.own_tools |= named - hidden

    def _told(self, hint: Hint | None) -> list[Command]:
        """For the operator's log. Names that a client made up are not written there."""
        if hint is None or not hint.ignored:
            return []
        policy, dialect = self._terms.policy, self._state.client_dialect
        profile = policy.profile.value
        return [
            Note(
                "policy.ignored",
                {
                    "what": f"{profile} ignored {one.field} of a client.",
                    "rule": one.rule,
                    "fix": one.fix,
                },
            )
            for one in advise(hint, policy, dialect)
        ]

    def _reported(self, would: tuple[Would, ...]) -> list[Command]:
        """Rows in report mode: counted and told as what they would have done."""
        policy = self._terms.policy
        told = {"profile": policy.profile.value}
        for one in would:
            self._state.counters.verdict(f"would-{one.act}:{one.rule}")
        return [
            Note(
                f"policy.would_{one.act}",
                {"row": one.row, "rule": one.rule, **told, "fix": lift(one, policy)},
            )
            for one in would
        ]
