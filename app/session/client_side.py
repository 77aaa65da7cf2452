"""Judges the client's events: decoded already, then the policy, then what it costs, then the frame.

A setting that the policy rewrites goes on and is told in the `relay` field; an act that it forbids
is answered with an `error` event; an id that this client may not see does not exist for it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import assert_never

from app.policy.client_events import judge
from app.policy.tables import RESPONSE_FIELDS, SESSION_FIELDS
from app.policy.verdict import Acknowledge, Forward, Hint, Ignore, Refuse
from app.protocol.client_frames import encode_client
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, Dialect, ServerKind
from app.protocol.paths import client_path
from app.session.clocks import Clocks
from app.session.commands import Command, Note, ToClient, ToUpstream
from app.session.meters import Meters
from app.session.notices import Notices
from app.session.sight import SessionSight, input_format
from app.session.state import Request, SessionState, Update
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

LONGEST_TURN_PAUSE = 5.0
"""Seconds for which audio waits at a stretch where voice activity has caused too many responses;
while it waits, the client is not heard at all."""

KNOWN_FIELDS = frozenset(
    client_path(row, dialect) for row in SESSION_FIELDS | RESPONSE_FIELDS for dialect in Dialect
)
"""Paths that may stand in a log, in the clients' spellings."""

IGNORED_FIX = (
    "Set it for everybody (RELAY_SESSION_...), or RELAY_POLICY=open if you trust this frontend."
)


def _too_fast(what: str, message: str, wait: float) -> Refuse:
    return Refuse(
        f"rate-{what}",
        "rate_limit_exceeded",
        f"{message} Try again in {math.ceil(wait)} s.",
        violation=False,
        retry_after=wait,
    )


class ClientJudge:
    """The client's direction of one session."""

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
        self.pause = 0.0  # seconds for which nothing more should be read
        self._state = state
        self._clocks = clocks
        self._notices = notices
        self._sight = SessionSight(state, terms.policy, terms.limits)
        self._violations: deque[float] = deque(maxlen=terms.limits.violations_per_minute)

    def malformed(self, event: Malformed) -> list[Command]:
        """An event that cannot be read: told, not counted as a violation."""
        self._state.counters.verdict("malformed")
        refusal = Refuse("malformed", event.code, event.message, event.param, violation=False)
        return [ToClient(self._notices.refusal(refusal, event.event_id))]

    def judge(self, event: ClientEvent, now: float) -> list[Command]:
        """One readable event."""
        if (held := self._metered(event, now)) is not None:
            self._state.counters.verdict(held.rule)
            return [ToClient(self._notices.refusal(held, event.event_id))]
        verdict = judge(event, self._terms.policy, self._sight)
        self._state.counters.verdict(verdict.rule)
        match verdict:
            case Forward():
                return self._forward(event, verdict, now)
            case Refuse():
                if verdict.violation:
                    self._violations.append(now)
                return [ToClient(self._notices.refusal(verdict, event.event_id))]
            case Acknowledge(hint=hint):
                frame = self._notices.session(ServerKind.SESSION_UPDATED, hint, event.event_id)
                return [ToClient(frame), *self._told(hint)]
            case Ignore():
                return []
            case _:
                assert_never(verdict)

    def _metered(self, event: ClientEvent, now: float) -> Refuse | None:
        """The refusal of an act over its limits; audio is never refused, it waits."""
        if event.kind == ClientKind.AUDIO_APPEND:
            wait = min(self._meters.response_wait(now), LONGEST_TURN_PAUSE)
            self.pause = max(self.pause, self._meters.audio_event(now), wait)
            return None
        if not self._meters.act(now):
            return _too_fast("events", "Send fewer events a second.", 1.0)
        if event.kind != ClientKind.RESPONSE_CREATE:
            return None
        if wait := self._meters.response_wait(now):
            return _too_fast("responses", "Too many responses in a minute.", wait)
        if self._out_of_band_full(event):
            return _too_fast(
                "responses", "Wait until an out-of-band response in progress is done.", 1.0
            )
        return None

    def _out_of_band_full(self, event: ClientEvent) -> bool:
        response = event.body.get("response")
        if not isinstance(response, dict) or response.get("conversation") != "none":
            return False
        waiting = sum(not request.in_conversation for request in self._state.requests)
        return waiting + self._state.out_of_band() >= self._terms.limits.out_of_band_responses

    def too_many_violations(self, now: float) -> bool:
        """Whether the last N deliberate violations all happened within a minute."""
        full = len(self._violations) == self._violations.maxlen
        return full and now - self._violations[0] < VIOLATION_WINDOW

    def _forward(self, event: ClientEvent, verdict: Forward, now: float) -> list[Command]:
        counters = self._state.counters
        counters.client_events_forwarded += 1
        counters.audio_ms_from_client += verdict.audio_ms
        if verdict.audio_ms:
            self.pause = max(self.pause, self._meters.audio(verdict.audio_ms, now))
        self._state.text_characters += verdict.text_characters
        if event.kind in ACTIVITY:
            self._clocks.active(now)
        self._remember(event, verdict)
        frame = encode_client(verdict.event, self._terms.upstream_dialect, event.event_id)
        return [ToUpstream(0, frame), *self._told(verdict.hint)]

    def _remember(self, event: ClientEvent, verdict: Forward) -> None:
        """Notes what upstream's answer will be matched with."""
        body = verdict.event
        match event.kind:
            case ClientKind.SESSION_UPDATE:
                session = body["session"]
                self._state.own_tools |= {tool["name"] for tool in session.get("tools") or ()}
                self._state.updates.append(
                    Update(
                        event.event_id,
                        verdict.hint,
                        instructions=session.get("instructions"),
                        input_format=input_format(session),
                    )
                )
            case ClientKind.RESPONSE_CREATE:
                out_of_band = body.get("response", {}).get("conversation") == "none"
                self._state.requests.append(
                    Request(event.event_id, verdict.hint, in_conversation=not out_of_band)
                )
            case ClientKind.ITEM_CREATE:
                self._state.creating.append(body["item"].get("id"))
                if body["item"]["type"] == "function_call_output":
                    self._state.calls[body["item"]["call_id"]] = True
            case _:
                pass

    def _told(self, hint: Hint | None) -> list[Command]:
        """For the operator's log. Names that a client made up are not written there."""
        if hint is None or not hint.ignored:
            return []
        profile = self._terms.policy.profile.value
        known = sorted({name if name in KNOWN_FIELDS else "other" for name in hint.ignored})
        said = f"{profile} ignored {', '.join(known)} of a client."
        return [Note("policy.ignored", {"what": said, "fix": IGNORED_FIX})]
