"""What is found while a client's settings are rebuilt: kept, dropped, changed, or wrong. PURE.

`Findings` collects what the developer will be told (`verdict.Hint`). It names only what this
client sent, in the client's own spelling; lengths and counts are bounded, because names of unknown
keys are the client's choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.policy.policy import Act, Policy, Ruled
from app.policy.verdict import Hint, Refuse, Would
from app.protocol.paths import Spelling

MAX_NAMED = 32
MAX_NAME = 128


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
    why: str = ""
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
            self._name(self.sent.path(path), rule)

    def ignore_foreign(self, rule: str) -> None:
        """Keys that mean nothing in the client's dialect were set aside at decoding."""
        for path in self.sent.foreign:  # a handful: they are listed per dialect
            self._name(path, rule)

    def change(self, path: str, value: Any, rule: str) -> None:
        """`path` goes on with another value than this client sent; it may see `value`."""
        self.changed[self.sent.path(path)] = value
        self.why = self.why or rule

    def hint(self) -> Hint | None:
        """What to tell the developer; None: nothing was touched."""
        if not self.ignored and not self.changed:
            return None
        return Hint(tuple(self.ignored), dict(self.changed), self.why)

    def refusal(self, fault: Fault) -> Refuse:
        """The answer for a malformed value, worded as the API words it."""
        path = self.sent.path(fault.path)
        message = fault.problem.replace("{path}", path)
        return Refuse("malformed", fault.code, message, path, violation=False)

    def _name(self, path: str, rule: str) -> None:
        self.why = self.why or rule
        self.ignored.append(path if len(path) <= MAX_NAME else path[: MAX_NAME - 1] + "…")


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
