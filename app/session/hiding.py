"""Events that upstream is not asked about, because its answer would tell of what is hidden."""

from __future__ import annotations

from app.policy.verdict import Forward, Refuse
from app.protocol.errors import FIXED_TEXTS
from app.protocol.names import ClientKind
from app.session.state import SessionState

NOTHING_TO_CANCEL = Refuse(
    "response-cancel",
    "response_cancel_not_active",
    FIXED_TEXTS["response_cancel_not_active"],
    violation=False,
)
EXISTS_ALREADY = Refuse(
    "unknown-id",
    "item_create_duplicate_item_id",
    FIXED_TEXTS["item_create_duplicate_item_id"],
    "item.id",
    violation=False,
)


def unasked(verdict: Forward, state: SessionState) -> Refuse | None:
    """What the client is answered at once instead; None: upstream may be asked."""
    match verdict.event:
        case {"type": ClientKind.RESPONSE_CANCEL, **more} if "response_id" not in more:
            return NOTHING_TO_CANCEL if _would_meet_hidden(state) else None
        case {"type": ClientKind.ITEM_CREATE, "item": {"id": str(item_id)}}:
            return EXISTS_ALREADY if item_id in state.items else None
        case _:
            return None


def _would_meet_hidden(state: SessionState) -> bool:
    """Whether a cancel that names no response would meet one that the client cannot see."""
    return state.outstanding.hidden(in_conversation=True) or any(
        response.active and response.in_conversation and not response.visible
        for response in state.responses.values()
    )
