"""What is found while a client's event is rebuilt: kept, dropped, changed, or wrong. PURE.

`Findings` collects what the developer will be told (`verdict.Hint`). It names only what this
client sent, in the client's own spelling; lengths and counts are bounded, because names of unknown
keys are the client's choice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.policy.policy import Act, Policy, Ruled
from app.policy.verdict import Hint, Refuse, Would
from app.protocol.paths import Spelling

MAX_NAMED = 32
MAX_NAME = 128

UNKNOWN_FIELD = "unknown-field"
"""The rule for a field without a row, and for a key that has no place where it stands."""
OTHER_SPELLING = "other-spelling"
"""The rule for a name of the other protocol version."""
UNSAID = "dialect"
"""The rule for what upstream's protocol version has no name for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The value to send on, in the internal spelling."""

    value: Any


@dataclass(frozen=True, slots=True)
class Fault:
    """A value of the wrong type or form. `path` is internal; `problem` never holds content."""

    path: str
    code: str
    problem: str


Shaped = Kept | Fault | None
"""What becomes of one field: sent on, refused with its whole event, or dropped (already noted)."""


@dataclass(slots=True)
class Findings:
    """One event's notes. Made per event, read once."""

    policy: Policy
    sent: Spelling
    ignored: list[str] = field(default_factory=list)
    changed: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    meant: dict[str, str] = field(default_factory=dict)
    would: dict[str, Would] = field(default_factory=dict)

    def act(self, row: Ruled, act: Act | None = None) -> Act:
        """What is done with the row (`act`, where something other than the policy decides). A row
        in report mode counts as allowed, and is noted."""
        decided = self.policy.act(row) if act is None else act
        if decided is Act.ALLOW or row.name not in self.policy.reports:
            return decided
        self.would[row.name] = Would(row.name, decided.name.lower(), row.rule)
        return Act.ALLOW

    def ignore(self, path: str, rule: str) -> None:
        """This client sent `path` (internal spelling), and `rule` dropped it."""
        if len(self.ignored) < MAX_NAMED:
            self._name(self.sent.path(path), path, rule)

    def ignore_others(
        self, value: Mapping[str, Any], known: Collection[str], path: str, rule: str = UNKNOWN_FIELD
    ) -> None:
        """Every key of the client's object at `path` (empty: the event itself) that is not `known`
        is dropped by `rule`. Null says nothing, so nothing is said of it."""
        for key, entry in value.items():
            if key not in known and entry is not None:
                self.ignore(below(path, key), rule)

    def ignore_foreign(self) -> None:
        """Keys that mean nothing in the client's dialect were set aside at decoding."""
        for path in self.sent.foreign:  # a handful: they are listed per dialect
            self._name(path, path, OTHER_SPELLING)

    def change(self, path: str, value: Any, rule: str) -> None:
        """`path` goes on with another value than this client sent; it may see `value`."""
        said = self.sent.path(path)
        self.changed[said] = value
        self._ruled(said, path, rule)

    def hint(self) -> Hint | None:
        """What to tell the developer; None: nothing was touched."""
        if not self.rules and not self.would:
            return None
        would = {self.sent.path(one.row): one.act for one in self.would.values()}
        why = next(iter(self.rules.values()), "")
        return Hint(
            tuple(self.ignored), dict(self.changed), why, dict(self.rules), would, self.meant
        )

    def refusal(self, fault: Fault) -> Refuse:
        """The answer for a malformed value, worded as the API words it."""
        path = self.sent.path(fault.path)
        message = fault.problem.replace("{path}", path)
        return Refuse("malformed", fault.code, message, path, violation=False)

    def _name(self, said: str, meant: str, rule: str) -> None:
        shown = said if len(said) <= MAX_NAME else said[: MAX_NAME - 1] + "…"
        if shown not in self.ignored:
            self.ignored.append(shown)
        self._ruled(shown, meant, rule)

    def _ruled(self, said: str, meant: str, rule: str) -> None:
        self.rules.setdefault(said, rule)
        self.meant.setdefault(said, meant)


def below(path: str, key: str) -> str:
    """The path of a key of a client's in the object at `path`. A key with a dot in it must not be
    taken for a path."""
    if "." in key:
        return f"{path}['{key}']"
    return f"{path}.{key}" if path else key


def wrong_type(path: str, expected: str) -> Fault:
    """The field holds another type than the API's."""
    return Fault(path, "invalid_type", f"Invalid type for '{{path}}': expected {expected}.")


def wrong_value(path: str, expected: str) -> Fault:
    """The field's type is right and its value is not."""
    return Fault(path, "invalid_value", f"Invalid value for '{{path}}': expected {expected}.")


def too_long(path: str, limit: int, unit: str = "characters") -> Fault:
    """The string is longer than its cap."""
    return Fault(
        path,
        "string_above_max_length",
        f"Invalid '{{path}}': string too long. Expected a string of at most {limit} {unit}.",
    )


def missing(path: str) -> Fault:
    """A required field is absent."""
    return Fault(path, "missing_required_parameter", "Missing required parameter: '{path}'.")
