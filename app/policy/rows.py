"""All rows by name, in every spelling, and what an operator's file may make of each. PURE.

No file opens a row that no profile opens: mcp in every form, stored prompts, tracing,
`client_secret`, `model`, `function_call` items, `item_reference` as content, and the rest that the
tables refuse or strip everywhere. Remote image URLs have no row: `images` knows no such form.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.policy.policy import Act
from app.policy.tables import (
    CONTENT_PARTS,
    EVENTS,
    ITEM_TYPES,
    REFERENCE,
    RESPONSE_FIELDS,
    SESSION_FIELDS,
    Row,
)
from app.protocol.item_object import item_out
from app.protocol.names import Dialect
from app.protocol.paths import client_path

FIELDS: dict[str, Row] = SESSION_FIELDS | RESPONSE_FIELDS
ROWS: dict[str, Row] = EVENTS | FIELDS | CONTENT_PARTS | ITEM_TYPES | {REFERENCE.name: REFERENCE}
"""By the internal name, in the order of docs/policy.md."""

FORCED = frozenset({"session.type"})
"""Rows that are what they are: the value is forced, whatever a client says."""

ACTS_OF_A_MEANING = frozenset({"response.conversation", "response.input"})
"""Fields whose removal would change what the client asked for: never stripped."""


def spoken(row: Row) -> str:
    """The row's name as preview clients spell it: `session.voice`, `assistant/text`."""
    if row.name in FIELDS:
        return client_path(row.name, Dialect.PREVIEW)
    if row.name in CONTENT_PARTS:
        role, _, kind = row.name.partition("/")
        part = item_out({"content": [{"type": kind}]}, Dialect.PREVIEW)["content"][0]
        return f"{role}/{part['type']}"
    return row.name


def choices(row: Row) -> tuple[Act, ...]:
    """What a file may say of the row; empty: nothing."""
    if row.name in FORCED:
        return ()
    strips = row.name in FIELDS and row.name not in ACTS_OF_A_MEANING
    acts = (Act.STRIP, Act.REFUSE) if strips else (Act.REFUSE,)
    return (Act.ALLOW, *acts) if row.opens() else acts


def named(name: str) -> Row | None:
    """The row of this name, in the internal spelling or in the preview's."""
    return _BY_EVERY_NAME.get(name)


def names() -> Iterator[str]:
    """Every name that `named` knows."""
    return iter(_BY_EVERY_NAME)


_BY_EVERY_NAME = {spoken(row): row for row in ROWS.values()} | dict(ROWS)
