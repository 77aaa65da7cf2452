"""The frames that the relay itself makes for the client: session views, errors, private events.

Private events go only to a client that offered the subprotocol `relay-events.v1`: unknown event
types break some SDKs, unknown fields break none (docs/protocol.md).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from app.policy.hints import relay_field
from app.policy.verdict import Hint, Refuse
from app.policy.view import session_view
from app.protocol.errors import error_event
from app.protocol.names import ServerKind
from app.protocol.server_frames import encode_server
from app.session.clocks import Warn
from app.session.ids import Ids
from app.session.state import SessionState
from app.session.terms import Terms


class Notices:
    """Writes frames in the client's spelling; every one carries an `event_id` of ours."""

    def __init__(self, terms: Terms, ids: Ids, state: SessionState) -> None:
        self._terms = terms
        self._ids = ids
        self._state = state

    def session(
        self, kind: ServerKind, hint: Hint | None = None, client_event_id: str | None = None
    ) -> bytes:
        """`session.created` or `session.updated` as a view of upstream's latest echo."""
        body: dict[str, Any] = {
            "type": kind.value,
            "event_id": self._ids.next(),
            "session": session_view(
                self._state.session,
                self._terms.policy,
                session_id=self._terms.session_id,
                expires_at=self._terms.expires_at,
                model=self._terms.model,
                instructions=self._state.client_instructions,
            ),
        }
        if self._terms.policy.hints:
            body["relay"] = relay_field(self._terms.policy, hint, client_event_id)
        return encode_server(body, self._state.client_dialect)

    def refusal(self, refusal: Refuse, client_event_id: str | None) -> bytes:
        """The `error` event for an act that is not allowed, or an id that does not exist here."""
        self._state.counters.errors_to_client += 1
        extra: dict[str, Any] = {}
        if refusal.retry_after is not None:
            extra["retry_after_ms"] = round(refusal.retry_after * 1000)
        if self._terms.policy.hints and refusal.violation:
            hint = Hint(why=refusal.rule)
            extra["relay"] = relay_field(self._terms.policy, hint, client_event_id)
        return error_event(
            code=refusal.code,
            message=refusal.message,
            param=refusal.param,
            client_event_id=client_event_id,
            event_id=self._ids.next(),
            extra=extra or None,
        )

    def opening(self) -> bytes | None:
        """`relay.session`, right after `session.created`."""
        return self._private(
            {
                "type": "relay.session",
                "session_id": self._terms.session_id,
                "expires_at": self._terms.expires_at,
                "idle_seconds": self._terms.limits.idle_seconds,
                "profile": self._terms.policy.profile.value,
                "upstream": self._terms.upstream_name,
            }
        )

    def warning(self, warn: Warn) -> bytes | None:
        """`relay.warning`: what will end the session, and in how many milliseconds."""
        return self._private(
            {
                "type": "relay.warning",
                "limit": warn.limit,
                "remaining_ms": max(0, round(warn.remaining * 1000)),
            }
        )

    def draining(self, seconds: float) -> bytes | None:
        """`relay.draining`: no new sessions are taken, and this one is closed in so many seconds at
        the earliest (infinite: the relay will not close it, as far as is known)."""
        told = None if math.isinf(seconds) else max(0, round(seconds * 1000))
        return self._private({"type": "relay.draining", "close_in_ms": told})

    def identity_updated(self, expires_at: float | None) -> bytes:
        """`relay.identity.updated`: until when the new proof holds, in Unix seconds. Answers an
        event that only a client with private events can send."""
        told = None if expires_at is None else int(expires_at)
        return self._written({"type": "relay.identity.updated", "expires_at": told})

    def _private(self, body: dict[str, Any]) -> bytes | None:
        if not self._terms.private_events:
            return None
        return self._written(body)

    def _written(self, body: dict[str, Any]) -> bytes:
        return msgspec.json.encode({**body, "event_id": self._ids.next()})
