"""The policy in force as lines of a table: each row, what is done with it, who said so, values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.policy.policy import Act, Policy, Profile
from app.policy.rows import ROWS, spoken
from app.policy.tables import Row
from app.settings import Settings
from app.settings.policy_file import PolicyFile
from app.settings.policy_values import KEYS

_WORDS = {Act.ALLOW: "allow", Act.STRIP: "strip", Act.REFUSE: "refuse"}
_FURTHER: dict[str, tuple[str, ...]] = {
    "input_audio_buffer.append": ("append_bytes",),
    "user/input_audio": ("append_bytes",),
    "user/input_text": ("text_characters", "session_characters"),
    "session.tools": ("client_tools",),
    "response.tools": ("client_tools",),
    "session.max_output_tokens": ("max_output_tokens",),
    "response.max_output_tokens": ("max_output_tokens",),
    "session.audio.input.turn_detection": ("create_response", "interrupt_response"),
}
"""Values that a row uses beside those of `policy_values.KEYS`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row in one profile. `source` is the profile, a line of the file, or a variable."""

    row: str
    act: str
    source: str
    values: str


def lines(settings: Settings, profile: Profile) -> Iterator[Line]:
    """Every row, in the order of docs/policy.md."""
    policy, file = settings.policy(profile), settings.policy_file or PolicyFile()
    for row in ROWS.values():
        source = profile.value
        if row.name in policy.rows:
            source = f"file, line {file.line_of_row(profile, row.name)}"
        act, switch = _switched(row, policy)
        word = _WORDS[act]
        if row.name in policy.reports:
            word = f"{word} (reported)"
        shown = act is Act.ALLOW or row.name in policy.reports
        yield Line(spoken(row), word, switch or source, _values(row, policy) if shown else "")


def _switched(row: Row, policy: Policy) -> tuple[Act, str]:
    """The act, and the switch that decides instead of the row."""
    own = policy.act(row)
    if policy.profile is not Profile.GUIDED or row.name in policy.rows:
        return own, ""
    if row.name == "assistant/output_text" and policy.history:
        return Act.ALLOW, "history (before the first response)"
    if row.name == "user/input_audio" and policy.moderates:
        return Act.REFUSE, "moderates"
    if row.name == "user/input_audio" and policy.transcription_model is not None:
        return Act.REFUSE, "RELAY_SESSION_TRANSCRIPTION_MODEL"
    return own, ""


def _values(row: Row, policy: Policy) -> str:
    names = [name for name, key in KEYS.items() if row.name in key.rows]
    names += _FURTHER.get(row.name, ())
    said = [(name, _shown(getattr(policy, name))) for name in names]
    return "; ".join(f"{name}: {value}" for name, value in said if value)


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f"forced to {str(value).lower()}"
        case (float(), float()):
            return f"{value[0]:g} to {value[1]:g}"
        case tuple():
            return ", ".join(str(getattr(entry, "name", entry)) for entry in value) or "none"
        case _:
            return f"at most {value}"
