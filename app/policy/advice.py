"""What an operator reads about a field that the policy dropped: which, and what to do. PURE.

A name that a client made up is never repeated: it is told as `other`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.policy.findings import OTHER_SPELLING, UNSAID
from app.policy.policy import Act, Policy
from app.policy.rows import FIELDS, named, spoken
from app.policy.tables import Row
from app.policy.verdict import Hint, Would
from app.protocol.dialects.voices import GA_VOICES
from app.protocol.names import Dialect
from app.protocol.paths import client_path, internal_path, known_path

OTHER = "other"

SET_BY = {
    "instructions": "RELAY_SESSION_INSTRUCTIONS",
    "tools": "RELAY_SESSION_TOOLS_FILE",
    "max_output_tokens": "RELAY_SESSION_MAX_OUTPUT_TOKENS",
    "temperature": "RELAY_SESSION_TEMPERATURE",
    "audio.input.turn_detection": "RELAY_SESSION_TURN_DETECTION",
    "audio.input.transcription": "RELAY_SESSION_TRANSCRIPTION_MODEL",
    "audio.output.voice": "RELAY_SESSION_VOICE",
}
"""The setting with which the operator says the same for everybody, by the field's path."""

_TOOL = (
    "List the tool in RELAY_SESSION_TOOLS_FILE, and in `client_tools` where RELAY_POLICY_FILE has "
    "such a list."
)
LISTED_IN = {
    "audio.output.voice": "Add the voice to `voices` in RELAY_POLICY_FILE, if it is one of the "
    f"API's: {', '.join(GA_VOICES)}.",
    "output_modalities": "Add the modality to `output_modalities` in RELAY_POLICY_FILE.",
    "audio.input.transcription": "Set RELAY_SESSION_TRANSCRIPTION_MODEL; a client chooses among "
    "`languages` in RELAY_POLICY_FILE, and nothing else of it.",
    "tools": _TOOL,
    "tool_choice": _TOOL,
}
"""Where the values of a field that is allowed come from."""

OPERATORS_TOOL = (
    "The operator's own description of the tool is used, as RELAY_SESSION_TOOLS_FILE has it: "
    "change it there."
)
FORCED_ON = (
    "`create_response` or `interrupt_response` is forced to true in RELAY_POLICY_FILE, and without "
    "turn detection it could not hold."
)
NO_SUCH_FIELD = "No row of docs/policy.md allows it: leave it out in the frontend."
CLOSED = "No profile allows it: leave it out in the frontend."
NOT_OF_AN_ITEM = "An item is built from the fields that docs/policy.md names: leave the rest out."
UPSTREAM_HAS_NONE = (
    "The model's service speaks the other protocol version, which has no such setting: leave it "
    "out in the frontend."
)
OTHER_DIALECT = "It is a name of the other protocol version"

_WORDS_OF_A_TOOL = re.compile(r"\.tools\[\d+\]\.")
_OBJECTS = ("session", "response")


@dataclass(frozen=True, slots=True)
class Ignored:
    """One field for the log: its name as the client's dialect spells it, the rule that dropped it,
    and what the operator can do."""

    field: str
    rule: str
    fix: str


def advise(hint: Hint, policy: Policy, dialect: Dialect) -> tuple[Ignored, ...]:
    """The dropped fields of a hint, each row and fix once."""
    told: dict[tuple[str, str], Ignored] = {}
    for path in hint.ignored:
        rule = hint.rules.get(path, hint.why)
        said, fix = _advice(hint.internal(path), rule, policy, dialect)
        told.setdefault((said, fix), Ignored(said, rule, fix))
    return tuple(told.values())


def lift(would: Would, policy: Policy) -> str:
    """What lets a row through for good that is in report mode."""
    row = named(would.row)
    return "" if row is None else _opening(row, policy)


def row_of(internal: str) -> Row | None:
    """The row of a field that a path (internal spelling) belongs to, if there is one:
    `session.tools[0].name` belongs to `session.tools`."""
    steps = internal.replace("[", ".").split(".")
    found = (FIELDS.get(".".join(steps[:length])) for length in range(len(steps), 1, -1))
    return next((row for row in found if row is not None), None)


def _advice(internal: str, rule: str, policy: Policy, dialect: Dialect) -> tuple[str, str]:
    if rule == OTHER_SPELLING:
        return internal, _in_this_dialect(internal, dialect)
    if rule == UNSAID:
        return client_path(internal, dialect), UPSTREAM_HAS_NONE
    if internal.startswith(("item.", "response.input[")):
        return OTHER, NOT_OF_AN_ITEM
    row = row_of(internal)
    if row is not None:
        return client_path(row.name, dialect), _fix(row, internal, policy)
    return _misplaced(internal, dialect) or (OTHER, NO_SUCH_FIELD)


def _misplaced(key: str, dialect: Dialect) -> tuple[str, str] | None:
    """A setting at the top level of an event, where nothing reads it."""
    inside = [
        f"`{root}.{key}`" for root in _OBJECTS if internal_path(f"{root}.{key}", dialect) in FIELDS
    ]
    if "." in key or not inside:
        return None
    return key, f"It stands at the top level of the event: the frontend writes {_or(inside)}."


def _in_this_dialect(path: str, dialect: Dialect) -> str:
    other = Dialect.GA if dialect is Dialect.PREVIEW else Dialect.PREVIEW
    meant = internal_path(path, other)
    names = dict.fromkeys(
        known_path(name, dialect)
        for name in FIELDS
        if name == meant or name.startswith(f"{meant}.")
    )
    said = [f"`{name}`" for name in names if name is not None]
    if not said:
        return f"{OTHER_DIALECT}, and this one has none for it: leave it out in the frontend."
    return f"{OTHER_DIALECT}: this client's has {_or(said)}."


def _fix(row: Row, internal: str, policy: Policy) -> str:
    field = row.name.partition(".")[2]
    if policy.act(row) is not Act.ALLOW:
        return _opening(row, policy)
    if _WORDS_OF_A_TOOL.search(internal):
        return OPERATORS_TOOL
    if field == "audio.input.turn_detection" and internal == row.name:
        return FORCED_ON
    if internal.startswith(f"{row.name}.") and field not in LISTED_IN:
        return f"This part of `{spoken(row)}` is no client's: see docs/policy.md#{row.rule}."
    return LISTED_IN.get(field, f"Its value is not allowed: see docs/policy.md#{row.rule}.")


def _opening(row: Row, policy: Policy) -> str:
    """The row first: it opens one field, where another profile would open many."""
    if not row.opens():
        return CLOSED
    way = (
        f'Write "{spoken(row)}" = "allow" in [{policy.profile.value}.rows] of RELAY_POLICY_FILE '
        "to let clients say it"
    )
    setting = SET_BY.get(row.name.partition(".")[2])
    return f"{way}, or set {setting} for everybody." if setting else f"{way}."


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
