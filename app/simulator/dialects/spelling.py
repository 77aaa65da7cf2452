"""What a dialect must be able to say and read: everything in which preview and GA differ.

The conversation's own words are those of GA for events, and those of preview for the session's
values; a dialect that spells them otherwise says so here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from app.protocol.names import ClientKind, Dialect
from app.simulator.checks import Fields
from app.simulator.errors import Rejected
from app.simulator.inputs import Inputs
from app.simulator.item_checks import Contents
from app.simulator.items import Item, Part
from app.simulator.response import Response
from app.simulator.session import Session

Shown = dict[str, Any]
"""An object as the wire shows it."""

Override = Callable[[Fields, str], dict[str, Any]]
"""Reads one member of `response.create` that is given: fields of `ResponseOptions`."""

CLIENT_EVENTS: dict[ClientKind, tuple[str, ...]] = {
    ClientKind.SESSION_UPDATE: ("session",),
    ClientKind.TRANSCRIPTION_SESSION_UPDATE: ("session",),
    ClientKind.AUDIO_APPEND: ("audio",),
    ClientKind.AUDIO_COMMIT: (),
    ClientKind.AUDIO_CLEAR: (),
    ClientKind.ITEM_CREATE: ("previous_item_id", "item"),
    ClientKind.ITEM_RETRIEVE: ("item_id",),
    ClientKind.ITEM_TRUNCATE: ("item_id", "content_index", "audio_end_ms"),
    ClientKind.ITEM_DELETE: ("item_id",),
    ClientKind.RESPONSE_CREATE: ("response",),
    ClientKind.RESPONSE_CANCEL: ("response_id",),
}
"""Client events and their members beside `type` and `event_id`, which both dialects share."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Code and sentence for a message that is no event at all."""

    code: str
    message: str

    def error(self) -> Rejected:
        return Rejected(self.code, self.message)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is answered to a binary message, to what is no JSON, and to what is no object."""

    binary: Refusal
    not_json: Refusal
    no_object: Refusal


class Spelling(ABC):
    """One dialect. Has no state: one value serves every conversation."""

    dialect: Dialect
    fields: type[Fields]
    """How the members of objects are read."""
    unreadable: Unreadable
    event_names: ClassVar[Mapping[str, str]]
    """Events that are not called as in GA."""
    entered: tuple[str, ...]
    """The events that tell of an item that enters the conversation complete."""
    opened: tuple[str, ...]
    """The events that tell of an answer's item that has only begun."""
    concluded: tuple[str, ...]
    """The events that tell that such an item is complete."""
    contents: Contents
    """The content parts of items."""
    overrides: Mapping[str, Override]
    """What `response.create` may say instead of the session, by name on the wire."""
    input_names: tuple[str, ...]
    """The names of the list of items that a response reads instead of the conversation."""
    extras: frozenset[str] = frozenset()
    """Members of `response.create` that only `extra_options` reads."""

    @abstractmethod
    def client_kinds(self, version: str, /) -> list[ClientKind]:
        """The client events that are taken, in the order in which a refusal lists them."""

    @abstractmethod
    def new_session(self, session_id: str, model: str, expires_at: int) -> Session:
        """The session before anyone has changed it."""

    @abstractmethod
    def session(self, session: Session) -> Shown:
        """The object of `session.created` and `session.updated`, always whole."""

    @abstractmethod
    def changed(self, session: Session, value: Any, *, voice_locked: bool) -> Session:
        """The session after `session.update`: only members that are present change, one bad one
        refuses the whole update. Raises `Rejected`."""

    @abstractmethod
    def changed_transcription(self, session: Session, value: Any, /) -> tuple[Session, Shown]:
        """The session after `transcription_session.update`, and the object that says so. Raises
        `Rejected`."""

    @abstractmethod
    def item(self, item: Item, *, whole_audio: str | None = None) -> Shown:
        """An item; `whole_audio` is the input's format if its audio is wanted."""

    @abstractmethod
    def response(self, response: Response) -> Shown:
        """The object of `response.created` and `response.done`; `usage` comes with the end."""

    @abstractmethod
    def extra_options(self, fields: Fields, inputs: Inputs, /) -> dict[str, Any]:
        """What `response.create` can ask for in this dialect alone. Raises `Rejected`."""

    @abstractmethod
    def transcript_deltas(self, model: str, text: str) -> list[str]:
        """The pieces in which a transcript is streamed before it is complete."""

    @abstractmethod
    def transcript_usage(self, model: str, text: str, audio_ms: float, /) -> Shown:
        """What is said beside a complete transcript."""

    def part(self, part: Part) -> Shown:
        """A content part as `response.content_part.*` show it, alike in both dialects."""
        return part.describe(part.type)
