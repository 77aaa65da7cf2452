"""Whether the user may still be believed: a proof that runs out is followed by another, in words.

client  relay.identity.update {token}  -->  VerifyIdentity  -->  the relay finds out whose it is
relay   Proven | Unproven  -->  relay.identity.updated, or an `error`; the conversation goes on

A proof that fails changes nothing: what was proven before holds until its own end. So does one of
somebody else's, because a conversation belongs to one user from its beginning to its end. What the
user is allowed (profile, placeholders) was fixed at the beginning, too.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field
from typing import assert_never

from app.policy.verdict import Refuse
from app.protocol.events import ClientEvent
from app.session.clocks import Clocks
from app.session.commands import Command, ToClient, VerifyIdentity
from app.session.notices import Notices
from app.session.state import SessionState
from app.session.terms import Terms

IDENTITY_UPDATE = "relay.identity.update"
MAX_TOKEN_CHARACTERS = 7 * 1024

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750, section 2.1: b64token."""

_WINDOW = 60.0
_IN_FLIGHT_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof that holds. `user` is the principal's key. It expires in `seconds`, which is the
    Unix time `expires_at`; both are None where it never does."""

    user: str = field(repr=False)
    seconds: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Unproven:
    """A proof that does not hold. `message` is fit for the client. `retry_after` is in seconds and
    set where nobody could tell: the same proof may then be shown again."""

    message: str
    retry_after: float | None = None


class IdentityJudge:
    """The proofs of one session's user."""

    def __init__(self, terms: Terms, state: SessionState, clocks: Clocks, notices: Notices) -> None:
        self._terms = terms
        self._state = state
        self._clocks = clocks
        self._notices = notices
        self._asked: deque[float] = deque(maxlen=terms.limits.identity_updates_per_minute)
        self._in_flight = False
        self._event_id: str | None = None

    def takes(self, event: ClientEvent) -> bool:
        """Whether the event is for here. Without private events it is as unknown as any other."""
        return self._terms.private_events and event.kind == IDENTITY_UPDATE

    def asked(self, event: ClientEvent, now: float) -> list[Command]:
        """The client shows a proof."""
        refusal = _fault(event) or self._too_soon(now)
        if refusal is not None:
            return self._refuse(refusal, event.event_id)
        self._asked.append(now)
        self._in_flight, self._event_id = True, event.event_id
        return [VerifyIdentity(event.body["token"])]

    def answered(self, answer: Proven | Unproven, now: float) -> list[Command]:
        """What is known of the proof that was shown last."""
        event_id, self._in_flight, self._event_id = self._event_id, False, None
        match answer:
            case Unproven(message, None):
                return self._refuse(_refusal("identity_invalid", message), event_id)
            case Unproven(message, wait):
                return self._refuse(_refusal("identity_unavailable", message, wait), event_id)
            case Proven(user) if user != self._terms.user:
                return self._refuse(OF_ANOTHER_USER, event_id)
            case Proven(_, seconds, expires_at):
                self._state.counters.verdict("identity-updated")
                self._clocks.proven(seconds, now)
                return [ToClient(self._notices.identity_updated(expires_at))]
            case _:
                assert_never(answer)

    def _too_soon(self, now: float) -> Refuse | None:
        if self._in_flight:
            return _too_often(_IN_FLIGHT_RETRY, "Wait for the answer to the one before.")
        full = len(self._asked) == self._asked.maxlen
        if full and (wait := self._asked[0] + _WINDOW - now) > 0:
            return _too_often(wait, f"Try again in {math.ceil(wait)} s.")
        return None

    def _refuse(self, refusal: Refuse, event_id: str | None) -> list[Command]:
        self._state.counters.verdict(refusal.rule)
        return [ToClient(self._notices.refusal(refusal, event_id))]


def _fault(event: ClientEvent) -> Refuse | None:
    """What is wrong with the event as it stands. No message repeats anything of it but names."""
    token = event.body.get("token")
    others = sorted(event.body.keys() - {"type", "token"})
    if others:
        name = others[0][:64]
        return _malformed("unknown_parameter", f"Unknown parameter: '{name}'.", name)
    if token is None:
        return _malformed("missing_required_parameter", "Missing required parameter: 'token'.")
    if not isinstance(token, str):
        return _malformed("invalid_type", "Invalid type for 'token': expected a string.")
    if len(token) > MAX_TOKEN_CHARACTERS:
        kib = MAX_TOKEN_CHARACTERS // 1024
        return _malformed("string_above_max_length", f"'token' is longer than {kib} KiB.")
    if not _TOKEN.fullmatch(token):
        return _malformed(
            "invalid_value",
            "'token' is empty or has characters that no token has. Send it without 'Bearer'.",
        )
    return None


def _malformed(code: str, message: str, param: str = "token") -> Refuse:
    return Refuse("malformed", code, message, param, violation=False)


def _refusal(code: str, message: str, retry_after: float | None = None) -> Refuse:
    rule = code.replace("_", "-")
    return Refuse(rule, code, message, "token", violation=False, retry_after=retry_after)


def _too_often(wait: float, then: str) -> Refuse:
    return Refuse(
        "rate-identity",
        "rate_limit_exceeded",
        f"Too many updates of the identity. {then}",
        violation=False,
        retry_after=wait,
    )


OF_ANOTHER_USER = _refusal(
    "identity_mismatch",
    "The token belongs to another user than this conversation. It goes on as before; to talk as "
    "the other user, connect again.",
)
