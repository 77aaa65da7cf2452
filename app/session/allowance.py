"""Whether an act of the client's is within what its session may use, before anything else is asked.

Audio is not here: it is never refused, it waits.
"""

from __future__ import annotations

import math

from app.policy.verdict import Refuse
from app.protocol.events import ClientEvent
from app.protocol.names import ClientKind
from app.session.limits import Limits
from app.session.meters import Meters
from app.session.state import SessionState

MAX_ITEMS = 2_000
"""Items of one session: each is remembered in some 400 bytes, and upstream forgets long before."""

RETRIEVED_AT_ONCE = 4
"""Answers of unknown size that may be on their way; one holds up to minutes of audio."""


def _too_fast(what: str, message: str, wait: float) -> Refuse:
    return Refuse(
        f"rate-{what}",
        "rate_limit_exceeded",
        f"{message} Try again in {math.ceil(wait)} s.",
        violation=False,
        retry_after=wait,
    )


TOO_MANY_EVENTS = _too_fast("events", "Send fewer events a second.", 1.0)
TOO_MANY_ITEMS = Refuse(
    "item-text-limit",
    "policy_violation",
    f"A session holds at most {MAX_ITEMS:,} items: delete some of them, or start a new session.",
    "item",
    violation=False,
)


class Allowance:
    """The acts of one session."""

    def __init__(self, limits: Limits, state: SessionState, meters: Meters) -> None:
        self._limits = limits
        self._state = state
        self._meters = meters

    def refusal(self, event: ClientEvent, now: float) -> Refuse | None:
        """The refusal of an act that is over its limit at `now` (monotonic seconds)."""
        match event.kind:
            case ClientKind.SESSION_UPDATE | ClientKind.ITEM_RETRIEVE:
                return self._answers(event, now)
            case ClientKind.ITEM_CREATE:
                waiting = self._state.outstanding.count(ClientKind.ITEM_CREATE)
                full = len(self._state.items) + waiting >= MAX_ITEMS
                return TOO_MANY_ITEMS if full else None
            case ClientKind.RESPONSE_CREATE:
                return self._responses(event, now)
            case _:
                return None

    def _answers(self, event: ClientEvent, now: float) -> Refuse | None:
        """Few bytes may ask for many: while those before are still paid for, no more are."""
        if wait := self._meters.answer_wait(now):
            return _too_fast("events", "The answers to events of this type are large.", wait)
        waiting = self._state.outstanding.count(ClientKind.ITEM_RETRIEVE)
        if event.kind == ClientKind.ITEM_RETRIEVE and waiting >= RETRIEVED_AT_ONCE:
            return _too_fast("events", "Wait for the items that you have asked for.", 1.0)
        return None

    def _responses(self, event: ClientEvent, now: float) -> Refuse | None:
        waiting = self._state.outstanding.count(ClientKind.RESPONSE_CREATE)
        if wait := self._meters.response_wait(now, waiting):
            return _too_fast("responses", "Too many responses in a minute.", wait)
        response = event.body.get("response")
        if not isinstance(response, dict) or response.get("conversation") != "none":
            return None
        beside = self._state.outstanding.out_of_band() + self._state.out_of_band()
        if beside < self._limits.out_of_band_responses:
            return None
        message = "Wait until an out-of-band response in progress is done."
        return _too_fast("responses", message, 1.0)
