"""Switches of the operator's that decide on a row of profile guided in the row's place. PURE.

`history` opens what the assistant said before the first response; moderation and transcription
close audio in items, which would escape them. Where the policy file speaks of the row itself, its
word holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.policy.policy import Act, Policy, Profile
from app.policy.tables import Row

HISTORY_ROW = "assistant/output_text"
AUDIO_ROW = "user/input_audio"


@dataclass(frozen=True, slots=True)
class Switched:
    """What the switch makes of the row, what the switch is called, and why it does so."""

    act: Act
    by: str
    why: str


_MODERATES = Switched(
    Act.REFUSE, "moderates", "this service moderates what is said, and audio in items would escape"
)
_TRANSCRIBES = Switched(
    Act.REFUSE,
    "RELAY_SESSION_TRANSCRIPTION_MODEL",
    "this service transcribes what is said (RELAY_SESSION_TRANSCRIPTION_MODEL), and audio in items "
    "would escape that",
)
_BEFORE = Switched(Act.ALLOW, "history", "what was said before may be told at the beginning")
_TOO_LATE = Switched(
    Act.REFUSE, "history", "what was said before is told before the first response, or never"
)


def switched(row: Row, policy: Policy, *, response_happened: bool = False) -> Switched | None:
    """What a switch makes of the row; None: the row itself decides."""
    if policy.profile is not Profile.GUIDED or row.name in policy.rows:
        return None
    if row.name == HISTORY_ROW and policy.history:
        return _TOO_LATE if response_happened else _BEFORE
    if row.name == AUDIO_ROW and policy.moderates:
        return _MODERATES
    if row.name == AUDIO_ROW and policy.transcription_model is not None:
        return _TRANSCRIBES
    return None
