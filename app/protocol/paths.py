"""Names of fields: the internal path and the one that a client would recognise. PURE.

Paths are dotted, list entries stand in brackets: `session.tools[0].name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.protocol.names import Dialect
from app.protocol.session_object import RESPONSE_CREATE, SESSION, ObjectTable


def _table(root: str, dialect: Dialect) -> ObjectTable | None:
    tables = {"session": SESSION, "response": RESPONSE_CREATE}.get(root)
    return tables[dialect] if tables is not None else None


def client_path(internal_path: str, dialect: Dialect) -> str:
    """The dialect's spelling of our path: `session.audio.output.voice` -> `session.voice`."""
    root, *steps = internal_path.split(".")
    table = _table(root, dialect)
    for renaming in table.renamings if table is not None else ():
        length = len(renaming.nested)
        if tuple(steps[:length]) == renaming.nested:
            return ".".join([root, renaming.flat, *steps[length:]])
    return internal_path


def known_path(internal_path: str, dialect: Dialect) -> str | None:
    """The dialect's spelling of our path; None: it has no name for this field."""
    root, *steps = internal_path.split(".")
    table = _table(root, dialect)
    said = client_path(internal_path, dialect)
    if dialect is Dialect.PREVIEW and steps[-1:] == ["idle_timeout_ms"]:
        return None
    if table is None or not steps or said != internal_path:
        return said
    name = steps[0].partition("[")[0]
    nameless = name in table.unsent | table.foreign and name not in table.aliases
    return None if nameless else said


def internal_path(path: str, dialect: Dialect) -> str:
    """The internal path of a field in the dialect's spelling (the inverse of `client_path`)."""
    root, *steps = path.split(".")
    table = _table(root, dialect)
    for renaming in table.renamings if table is not None else ():
        if steps[:1] == [renaming.flat]:
            return ".".join([root, *renaming.nested, *steps[1:]])
    return path


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one client event spelled its fields.

    `renamed`: internal path to the alias that this event used. `foreign`: paths of keys that mean
    nothing in this dialect and were set aside at decoding; nothing of them is in the body.
    """

    dialect: Dialect
    renamed: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()

    def path(self, internal: str) -> str:
        """The path in the spelling of the client that sent this event."""
        for ours, theirs in self.renamed.items():
            rest = internal[len(ours) :]
            if internal.startswith(ours) and rest[:1] in {"", ".", "["}:
                return theirs + rest
        return client_path(internal, self.dialect)
