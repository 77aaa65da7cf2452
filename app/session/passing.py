"""Which of upstream's frames need no judgement at the moment: those of the item being said. PURE.

A lane (`app.lane`) may send these on as they stand. What is named here passes `judge_delta` too:
the response and the item that it names are both visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from app.lane.cut import Passing
from app.protocol.dialects.tables import wire_type
from app.protocol.events import ServerEvent
from app.protocol.names import Dialect, ServerKind
from app.session.sight import SessionSight
from app.session.state import SessionState

CHANGES = frozenset(
    {ServerKind.RESPONSE_CREATED, ServerKind.RESPONSE_DONE, ServerKind.OUTPUT_ITEM_ADDED}
)
"""Events after which something else may pass."""

_SPOKEN = (ServerKind.AUDIO_DELTA, ServerKind.AUDIO_TRANSCRIPT_DELTA, ServerKind.TEXT_DELTA)


def _beginnings(dialect: Dialect) -> tuple[bytes, ...]:
    return tuple(b'{"type":"%s",' % wire_type(kind, dialect).encode() for kind in _SPOKEN)


_BEGINNINGS = {dialect: _beginnings(dialect) for dialect in Dialect}


@dataclass(frozen=True, slots=True)
class Passage:
    """What may pass to a client of this dialect."""

    passing: Passing
    client: Dialect


def passage(
    event: ServerEvent, state: SessionState, sight: SessionSight, upstream: Dialect
) -> Passage | None:
    """After one of `CHANGES`, which the state has already observed; None: nothing passes.

    Only while one response is in progress: then nothing hidden can live beside it.
    """
    body = event.body
    item, response_id = body.get("item"), body.get("response_id")
    if event.kind is not ServerKind.OUTPUT_ITEM_ADDED or not isinstance(item, dict):
        return None
    item_id = item.get("id")
    if not _plain(item_id) or not _plain(response_id):
        return None
    alone = sum(response.active for response in state.responses.values()) == 1
    if not (alone and sight.response_visible(response_id) and sight.item_visible(item_id)):
        return None
    naming = f'"response_id":"{response_id}","item_id":"{item_id}"'.encode()
    client = state.client_dialect
    spelled = () if client is upstream else _BEGINNINGS[client]
    return Passage(Passing(_BEGINNINGS[upstream], naming, spelled), client)


def _plain(value: object) -> TypeGuard[str]:
    """Whether an id stands in JSON as it is, without escapes."""
    return isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum()
