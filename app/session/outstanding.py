"""The client's events that upstream has not answered yet: what became of which.

Upstream answers a `session.update` or a `response.create` in order, an item by its id, and an event
that it refuses by the event's id. A client may leave ids out, so each forwarded event carries one
all the same: the client's own, or one of the relay's that is lent to it and never shown.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.policy.verdict import Hint
from app.protocol.names import ClientKind

REMEMBERED = 512
"""Events kept at most; beyond, the oldest are forgotten. Far more than upstream leaves unanswered:
an event that gets no answer at all (a commit, a clear) is kept until then."""


class Sent(msgspec.Struct):
    """One forwarded event. `event_id` is that on the wire, `client_event_id` what the client called
    it.

    For a `session.update`: `instructions` and `input_format` (internal spelling) that it asks for.
    For a `response.create`: whether it is in the conversation. For an item: its id, None where the
    client left it to upstream. `call_ids`: the calls that it answers.
    """

    kind: ClientKind | str
    event_id: str
    client_event_id: str | None = None
    hint: Hint | None = None
    instructions: str | None = None
    input_format: str | None = None
    in_conversation: bool = True
    item_id: str | None = None
    call_ids: tuple[str, ...] = ()


class Outstanding(msgspec.Struct):
    """The forwarded events in order. Every method but `add` takes out what it finds."""

    events: list[Sent] = msgspec.field(default_factory=list)

    def add(self, sent: Sent) -> None:
        """One more."""
        self.events.append(sent)
        if len(self.events) > REMEMBERED:
            del self.events[0]

    def update(self) -> Sent | None:
        """The `session.update` that a `session.updated` answers."""
        return self._first(lambda sent: sent.kind == ClientKind.SESSION_UPDATE)

    def response(self, in_conversation: bool | None) -> Sent | None:
        """The `response.create` that a `response.created` answers; None: it does not say whether
        it is in the conversation, as in Microsoft's sample."""
        return self._first(
            lambda sent: (
                sent.kind == ClientKind.RESPONSE_CREATE
                and in_conversation in (None, sent.in_conversation)
            )
        )

    def item(self, item_id: str) -> Sent | None:
        """The `conversation.item.create` that made this item: by the id that it named, or else
        the oldest that named none."""
        named = self._first(lambda sent: sent.item_id == item_id)
        return named or self._first(
            lambda sent: sent.kind == ClientKind.ITEM_CREATE and sent.item_id is None
        )

    def refused(self, event_id: Any) -> Sent | None:
        """The event that an `error` answers."""
        return self._first(lambda sent: sent.event_id == event_id)

    def waits(self, event_id: str) -> bool:
        """Whether an event with this id is on its way; takes nothing out."""
        return any(sent.event_id == event_id for sent in self.events)

    def input_formats(self) -> list[str]:
        """The audio formats that updates on their way ask for; takes nothing out."""
        return [sent.input_format for sent in self.events if sent.input_format is not None]

    def requests(self) -> int:
        """How many responses are asked for; takes nothing out."""
        return sum(sent.kind == ClientKind.RESPONSE_CREATE for sent in self.events)

    def out_of_band(self) -> int:
        """How many out-of-band responses are asked for; takes nothing out."""
        return sum(not sent.in_conversation for sent in self.events)

    def _first(self, fits: Any) -> Sent | None:
        for index, sent in enumerate(self.events):
            if fits(sent):
                return self.events.pop(index)
        return None
