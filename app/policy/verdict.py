"""The policy's answer for one client event, always with the name of its rule. PURE.

Every answer says in `would` which rows in report mode the event touched: it was judged as if they
allowed what they forbid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Hint:
    """What the policy did to single *fields*, told to the developer in the `relay` field.

    `ignored` and the keys of `changed` are paths in the client's spelling, of fields that this
    client sent; `changed` holds values that it may see. `rules` has the rule for each of these
    paths, an anchor in docs/policy.md; `why` is the first of them. `would` names fields and parts
    in report mode, with "strip" or "refuse".

    `meant` says what each path is internally, where that is known: for the operator's log.
    """

    ignored: tuple[str, ...] = ()
    changed: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)
    would: Mapping[str, str] = field(default_factory=dict)
    meant: Mapping[str, str] = field(default_factory=dict, compare=False)

    def internal(self, path: str) -> str:
        """The internal path of a field that the client calls `path`."""
        return self.meant.get(path, path)

    def counted(self) -> tuple[str, ...]:
        """How the session's log counts it, each rule once: `strip:RULE`, `change:RULE`."""
        dropped = (f"strip:{self.rules.get(path, self.why)}" for path in self.ignored)
        changed = (f"change:{self.rules.get(path, self.why)}" for path in self.changed)
        return tuple(dict.fromkeys((*dropped, *changed)))


@dataclass(frozen=True, slots=True)
class Would:
    """What a row in report mode would have done: `row` is its name, `act` "strip" or "refuse"."""

    row: str
    act: str
    rule: str


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the rebuilt `event` (internal spelling, `type` included, without `event_id`) upstream.

    `audio_ms` and `text_characters` are what it charges to the session's limits.
    """

    rule: str
    event: dict[str, Any]
    hint: Hint | None = None
    audio_ms: float = 0.0
    text_characters: int = 0
    would: tuple[Would, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the client, in an `error` event, that an *act* is not allowed.

    `violation` counts towards the limit of deliberate violations; answers about ids that do not
    exist for this client, and malformed events, do not. `retry_after` is in seconds. `row` is the
    name of the row that closed it, where a row did.
    """

    rule: str
    code: str
    message: str
    param: str | None = None
    violation: bool = True
    retry_after: float | None = None
    would: tuple[Would, ...] = ()
    row: str = ""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing to do and nothing to say (an empty audio append)."""

    rule: str
    would: tuple[Would, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A `session.update` of which nothing may go on: answer with a `session.updated` of our own,
    made from the session as it is. Clients wait for that answer."""

    rule: str
    hint: Hint | None = None
    would: tuple[Would, ...] = ()


Verdict = Forward | Refuse | Ignore | Acknowledge
