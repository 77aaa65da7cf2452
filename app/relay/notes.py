"""What the gate wants an operator to see. What would come with every event is told once.

A setting that the policy ignores, or an event type that nobody knows, is the same news for every
client of a frontend: the first one is worth a line, the thousandth is noise.
"""

from __future__ import annotations

import structlog

from app.session.commands import Note

log = structlog.get_logger("relay")

ONCE = frozenset(
    {"policy.ignored", "policy.would_refuse", "policy.would_strip", "upstream.unknown_event"}
)
REMEMBERED = 1000
"""Notes kept apart at most; afterwards new ones of these kinds are not told."""


class NoteLog:
    """The notes of one process."""

    def __init__(self) -> None:
        self._told: set[tuple[str, tuple[tuple[str, object], ...]]] = set()

    def write(self, session_id: str, note: Note) -> None:
        """One line at WARNING, or none if it has been said before."""
        if note.kind in ONCE:
            key = (note.kind, tuple(sorted(note.fields.items())))
            if key in self._told or len(self._told) >= REMEMBERED:
                return
            self._told.add(key)
        log.warning(note.kind, session_id=session_id, **note.fields)
