"""What one conversation is at this moment, as plain data that another process could load.

No socket, no callback, no monotonic time. The gate is its only writer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from app.protocol.dialects.translator import Told
from app.protocol.names import Dialect
from app.session.outstanding import Outstanding
from app.session.summary import Counters


class Phase(StrEnum):
    """How far a session has come."""

    OPENED = "opened"  # admitted, no client wire yet
    DIALLING = "dialling"  # client attached, upstream on its way
    GREETING = "greeting"  # upstream connected, its `session.created` awaited
    CONFIGURING = "configuring"  # our own `session.update` sent, its echo awaited
    READY = "ready"  # the client may speak
    ENDED = "ended"


class Item(msgspec.Struct):
    """One conversation item. `previous` is the item before it (None: the first); `audio` is true
    once the model has said something aloud in it, `placed` once its place in the conversation is
    known."""

    visible: bool
    kind: str = "message"
    role: str | None = None
    previous: str | None = None
    audio: bool = False
    client_wrote: bool = False
    placed: bool = False


class Response(msgspec.Struct):
    """One response. `in_conversation` is false for an out-of-band one."""

    visible: bool
    active: bool = True
    in_conversation: bool = True


class SessionState(msgspec.Struct):
    """The whole of it. `session` is upstream's latest echo of the session object, internal
    spelling; `client_instructions` and `own_tools` (names) are those that the client itself set
    (profile `open`). `client_dialect` is how the client speaks, `dialect_shown` whether it has
    shown that itself; `told` is what the translation between the dialects remembers."""

    session_id: str
    phase: Phase = Phase.OPENED
    phase_at_end: Phase | None = None
    session: dict[str, Any] = msgspec.field(default_factory=dict)
    client_instructions: str = ""
    own_tools: frozenset[str] = frozenset()
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    responses: dict[str, Response] = msgspec.field(default_factory=dict)
    calls: dict[str, bool] = msgspec.field(default_factory=dict)  # call id -> answered
    outstanding: Outstanding = msgspec.field(default_factory=Outstanding)
    text_characters: int = 0
    counters: Counters = msgspec.field(default_factory=Counters)
    client_dialect: Dialect = Dialect.PREVIEW
    dialect_shown: bool = False
    told: Told = msgspec.field(default_factory=Told)

    def active_response(self) -> bool:
        """Whether any response is in progress."""
        return any(response.active for response in self.responses.values())

    def out_of_band(self) -> int:
        """How many out-of-band responses of the client's are in progress."""
        beside = (r for r in self.responses.values() if r.visible and not r.in_conversation)
        return sum(response.active for response in beside)
