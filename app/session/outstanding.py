"""The client's events that upstream has not answered yet: what became of which.

client's event  --lent id-->  upstream        an `error` names the lent id: exact, however late
response.create --mark------>  upstream        `response.created` echoes its metadata: exact

Every forwarded event carries an id of the relay's, lent to it and never shown; what the client
called it is kept here. An id of the client's own would not do: it may use one twice. A request of
which something is to be told later (docs/adr/0012) bears its id as a mark as well, for upstream's
voice activity begins responses that nobody asked for, and `response.created` names no event.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from app.policy.verdict import Hint
from app.protocol.names import ClientKind

WAITING, PAST = 512, 256
"""Events kept at most; beyond, the oldest are forgotten: far more than upstream has in hand. A
client that overruns them harms itself alone: what is the relay's own is never forgotten."""

MARK = "relay_request"
"""The metadata key of a marked request. The policy lets no client write a key `relay*`, and shows
none to it."""

METADATA_PAIRS = 16  # the API's limit

_ANSWERED = frozenset(
    {
        ClientKind.SESSION_UPDATE,
        ClientKind.RESPONSE_CREATE,
        ClientKind.ITEM_CREATE,
        ClientKind.ITEM_RETRIEVE,
    }
)
"""Events whose answer is looked for; of all others, an `error` alone is."""


class Origin(StrEnum):
    """Whose request it is. What upstream begins by itself has none."""

    CLIENT = "client"
    RELAY = "relay"


class Sent(msgspec.Struct):
    """One forwarded event. `event_id` is that on the wire, `client_event_id` what the client called
    it.

    For a `session.update`: `instructions` and `input_format` (internal spelling) that it asks for.
    For a `response.create`: whether it is in the conversation. For an item: its id, None where the
    client left it to upstream. `call_ids`: the calls that it answers, as long as upstream may yet
    refuse them. `unsent`: nothing of it was left to send; the relay answers when its turn comes.
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
    origin: Origin = Origin.CLIENT
    unsent: bool = False


def mark(event: dict[str, Any], request: str) -> None:
    """Marks a rebuilt `response.create` with its lent id, if there is room for one more pair. A
    request of the relay's own must bear its mark: a response without one is the client's."""
    response = event.setdefault("response", {})
    metadata = response.get("metadata") or {}
    if len(metadata) < METADATA_PAIRS:
        response["metadata"] = {**metadata, MARK: request}


class Outstanding(msgspec.Struct):
    """`waiting`: events that upstream has not answered, in order; `past`: those that it has, or
    never answers, in case that it refuses them after all. Both by the id on the wire."""

    waiting: dict[str, Sent] = msgspec.field(default_factory=dict)
    past: dict[str, Sent] = msgspec.field(default_factory=dict)

    def add(self, sent: Sent) -> None:
        """One more."""
        if sent.kind not in _ANSWERED:
            self._keep(sent)
            return
        self.waiting[sent.event_id] = sent
        if len(self.waiting) > WAITING:
            self._first(_of_client)

    def update(self) -> Sent | None:
        """Takes the `session.update` that a `session.updated` answers: upstream keeps the order."""
        return self._first(lambda sent: sent.kind == ClientKind.SESSION_UPDATE and not sent.unsent)

    def due(self) -> list[Sent]:
        """Takes the unsent updates that no sent one stands before any more: answers keep the order
        of what they answer."""
        taken: list[Sent] = []
        for sent in list(self.waiting.values()):
            if sent.kind != ClientKind.SESSION_UPDATE:
                continue
            if not sent.unsent:
                break
            taken.append(self.waiting.pop(sent.event_id))
        return taken

    def retrieved(self, item_id: Any) -> Sent | None:
        """Takes the `conversation.item.retrieve` that upstream has answered with this item."""
        return self._first(
            lambda sent: sent.kind == ClientKind.ITEM_RETRIEVE and sent.item_id == item_id
        )

    def marked(self, metadata: Any) -> Sent | None:
        """Takes the `response.create` whose mark stands in a response's metadata."""
        name = metadata.get(MARK) if isinstance(metadata, dict) else None
        sent = self._named(name)
        if sent is None or sent.kind != ClientKind.RESPONSE_CREATE:
            return None
        sent.call_ids = ()
        return sent

    def next_response(self, in_conversation: bool | None) -> Sent | None:
        """Takes the client's oldest `response.create`, for a response that bears no mark; None: it
        does not say whether it is in the conversation, as in Microsoft's sample. This is for
        counting alone: upstream may as well have begun that response by itself."""
        return self._first(
            lambda sent: (
                sent.kind == ClientKind.RESPONSE_CREATE
                and _of_client(sent)
                and in_conversation in (None, sent.in_conversation)
            )
        )

    def item(self, item_id: str, call_id: Any) -> Sent | None:
        """Takes the `conversation.item.create` that made this item: by the id that it named, by the
        call that it answers, or else the oldest that named neither."""
        calls = () if call_id is None else (call_id,)
        created = [sent for sent in self.waiting.values() if sent.kind == ClientKind.ITEM_CREATE]
        named = (sent for sent in created if sent.item_id == item_id)
        unnamed = (sent for sent in created if sent.item_id is None and sent.call_ids == calls)
        found = next(named, None) or next(unnamed, None)
        sent = None if found is None else self._named(found.event_id)
        if sent is not None:
            sent.call_ids = ()
        return sent

    def refused(self, event_id: Any) -> Sent | None:
        """The event that an `error` names by its lent id, whether or not it was answered."""
        return self._named(event_id)

    # -- what takes nothing out ----------------------------------------------------------------

    def names_item(self, item_id: str) -> bool:
        """Whether an item with this id of the client's is on its way."""
        return any(
            sent.kind == ClientKind.ITEM_CREATE and sent.item_id == item_id
            for sent in self.waiting.values()
        )

    def count(self, kind: ClientKind) -> int:
        """How many of the client's events of this kind wait for their answer."""
        return sum(sent.kind == kind and _of_client(sent) for sent in self.waiting.values())

    def input_formats(self) -> list[str]:
        """The audio formats that updates on their way ask for."""
        asked = (sent.input_format for sent in self.waiting.values())
        return [form for form in asked if form is not None]

    def out_of_band(self) -> int:
        """How many out-of-band responses the client waits for."""
        return sum(not sent.in_conversation and _of_client(sent) for sent in self.waiting.values())

    def hidden(self, in_conversation: bool | None = None) -> bool:
        """Whether a response of the relay's own is asked for, there or (None) anywhere."""
        return any(
            not _of_client(sent) and in_conversation in (None, sent.in_conversation)
            for sent in self.waiting.values()
        )

    def _named(self, event_id: Any) -> Sent | None:
        if not isinstance(event_id, str):
            return None
        sent = self.waiting.pop(event_id, None)
        if sent is None:
            return self.past.get(event_id)
        self._keep(sent)
        return sent

    def _first(self, fits: Callable[[Sent], bool]) -> Sent | None:
        found = next((sent for sent in self.waiting.values() if fits(sent)), None)
        return None if found is None else self._named(found.event_id)

    def _keep(self, sent: Sent) -> None:
        self.past[sent.event_id] = sent
        if len(self.past) > PAST:
            del self.past[next(iter(self.past))]


def _of_client(sent: Sent) -> bool:
    return sent.origin is Origin.CLIENT
