"""Rebuilds a nested object of settings, field by field, from the rows of a table. PURE.

client's object --flatten--> path: value --row, shape--> Kept | dropped | refused --> new object
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.policy.findings import UNKNOWN_FIELD, Fault, Findings, below, wrong_type
from app.policy.tables import MCP_TOOL, PARENTS, Act, Row
from app.policy.tool_shapes import asks_for_mcp
from app.policy.verdict import Refuse
from app.policy.wording import refused

_NULL_MEANS_SOMETHING = frozenset(
    {
        "session.audio.input.turn_detection",
        "session.audio.input.transcription",
        "session.audio.input.noise_reduction",
    }
)


def rebuild(
    root: str, sent: Mapping[str, Any], rows: Mapping[str, Row], findings: Findings
) -> dict[str, Any] | Refuse:
    """The allowed part of `sent` (internal spelling) as a new object, or a refusal of the event.

    `root` is `session` or `response`. Fields whose row has no `shape` but is allowed are left to
    the caller. What was dropped or changed stands in `findings`.
    """
    for name in ("tools", "tool_choice"):
        if asks_for_mcp(sent.get(name)):
            path = findings.sent.path(f"{root}.{name}")
            return refused(MCP_TOOL, findings.policy, f"'{path}' with type 'mcp'", path)
    built: dict[str, Any] = {}
    findings.ignore_foreign()
    for path, value in _leaves(root, sent):
        if isinstance(value, Fault):
            return findings.refusal(value)
        row = rows.get(path)
        if value is None and path not in _NULL_MEANS_SOMETHING:
            continue  # null in any other field is what leaving it out is
        act = findings.act(row) if row is not None else Act.STRIP
        if row is None or act is Act.STRIP:
            findings.ignore(path, row.rule if row is not None else UNKNOWN_FIELD)
            continue
        if act is Act.REFUSE:
            said = findings.sent.path(path)
            return refused(row, findings.policy, f"'{said}'", said)
        if row.shape is None:
            continue
        shaped = row.shape(value, path, row.rule, findings)
        if isinstance(shaped, Fault):
            return findings.refusal(shaped)
        if shaped is not None:
            _put(built, path, shaped.value)
    return built


def _leaves(path: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each field that has a row, or that cannot have one below it. The objects that merely hold
    fields (`session.audio.input`) are walked; null in their place is nothing; anything else there
    is a `Fault`."""
    for key, entry in value.items():
        here = below(path, key)
        if here not in PARENTS:
            yield here, entry
        elif isinstance(entry, dict):
            yield from _leaves(here, entry)
        elif entry is not None:
            yield here, wrong_type(here, "an object")


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    _root, *steps, leaf = path.split(".")
    for step in steps:
        target = target.setdefault(step, {})
    target[leaf] = value
