"""What an operator reads about a setting that the policy ignored: which, and what to do. PURE.

A name that a client made up is never repeated: it is told as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.policy.policy import Act, Policy, Profile
from app.policy.profiles import NARROWEST_FIRST
from app.policy.rows import FIELDS
from app.policy.tables import Row
from app.protocol.names import Dialect
from app.protocol.paths import client_path
from app.protocol.session_object import RESPONSE_CREATE, SESSION

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

LISTED_IN = {
    "audio.output.voice": "Add the voice to `voices` in RELAY_POLICY_FILE.",
    "output_modalities": "Add the modality to `output_modalities` in RELAY_POLICY_FILE.",
    "audio.input.transcription": "Set RELAY_SESSION_TRANSCRIPTION_MODEL; a client chooses among "
    "`languages` in RELAY_POLICY_FILE, and nothing else of it.",
    "tools": "Define the tool in RELAY_SESSION_TOOLS_FILE.",
    "tool_choice": "Define the tool in RELAY_SESSION_TOOLS_FILE.",
}
"""Where the values of a field that is allowed come from."""

NO_SUCH_FIELD = "No row of docs/policy.md allows it: leave it out in the frontend."
CLOSED = "No profile allows it: leave it out in the frontend."
ONLY_VALUE = "Its value, or a part of it, is not allowed: see docs/policy.md."
OTHER_DIALECT = "It is a name of the other protocol version: see docs/policy.md for this one's."


@dataclass(frozen=True, slots=True)
class Ignored:
    """One field for the log: its name as the client spelled it, and what the operator can do."""

    field: str
    fix: str


def advise(ignored: Iterable[str], policy: Policy, dialect: Dialect) -> tuple[Ignored, ...]:
    """The fields of a hint (in the client's spelling), each row once."""
    told: dict[str, Ignored] = {}
    for path in ignored:
        said, fix = _advice(path, policy, dialect)
        told.setdefault(said, Ignored(said, fix))
    return tuple(told.values())


def row_of(path: str) -> tuple[str, Row | None]:
    """The row that a client's path belongs to, and the row's name in the client's spelling:
    `session.tools[0].name` belongs to `session.tools`. An unknown path is `other`, without row."""
    steps = path.replace("[", ".").split(".")
    for length in range(len(steps), 1, -1):
        known = ".".join(steps[:length])
        if known in _SAID:
            return known, _SAID[known]
    return OTHER, None


def _advice(path: str, policy: Policy, dialect: Dialect) -> tuple[str, str]:
    root, _, key = path.partition(".")
    table = {"session": SESSION, "response": RESPONSE_CREATE}.get(root)
    if table is not None and key in table[dialect].foreign:
        return path, OTHER_DIALECT
    said, row = row_of(path)
    return said, NO_SUCH_FIELD if row is None else _fix(row, policy)


def _fix(row: Row, policy: Policy) -> str:
    field = row.name.partition(".")[2]
    if policy.act(row) is Act.ALLOW:
        return LISTED_IN.get(field, ONLY_VALUE)
    ways = [SET_BY[field]] if field in SET_BY else []
    if row.act(policy.profile) is Act.ALLOW:
        ways.append("the row to `allow` in RELAY_POLICY_FILE")
    elif wider := _opening(row, policy.profile):
        trust = " if you trust this frontend" if wider is Profile.OPEN else ""
        ways.append(f"RELAY_POLICY={wider.value}{trust}")
    return f"Set {', or '.join(ways)}." if ways else CLOSED


def _opening(row: Row, profile: Profile) -> Profile | None:
    """The next wider profile that allows the row."""
    wider = NARROWEST_FIRST[NARROWEST_FIRST.index(profile) + 1 :]
    return next((one for one in wider if row.act(one) is Act.ALLOW), None)


_SAID = {client_path(name, dialect): row for name, row in FIELDS.items() for dialect in Dialect}
