"""Who decided on one event's fields, and why, in words: a profile, a line of the file, a switch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.cli.policy_document import OTHER_RULES
from app.policy.advice import advise, row_of
from app.policy.policy import Act, Policy
from app.policy.switches import switched
from app.policy.tables import EVENTS, OTHER_SPELLING, UNKNOWN_FIELD, Row
from app.policy.verdict import Hint, Refuse, Verdict
from app.policy.wording import because
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect

LineOf = Callable[[str], int | None]
"""The line of the policy file that speaks of a row (internal name); None: it does not."""

_SHORT = {
    UNKNOWN_FIELD: "it has no row, or no place here",
    OTHER_SPELLING: "the other protocol version calls it so",
}
_WORDS = {Act.ALLOW: "allow", Act.STRIP: "strip", Act.REFUSE: "refuse"}


@dataclass(frozen=True, slots=True)
class Touched:
    """One field that was stripped (`value` None) or changed: the rule, who says so, why, and what
    the operator can do."""

    path: str
    value: Any
    rule: str
    by: str
    why: str
    fix: str = ""


class Reasons:
    """Words for what one policy decided."""

    def __init__(self, policy: Policy, dialect: Dialect, line_of: LineOf) -> None:
        self._policy = policy
        self._dialect = dialect
        self._line_of = line_of

    def why(self, verdict: Verdict, event: ClientEvent) -> str:
        if isinstance(verdict, Refuse):
            return verdict.message
        row = EVENTS.get(event.kind)
        return row.why if row else OTHER_RULES.get(verdict.rule, "")

    def by_row(self, row: Row | None) -> str:
        """Who says what is done with a row: `strip` in profile guided, or a line of the file."""
        if row is None:
            return ""
        if switch := switched(row, self._policy):
            return f"`{_WORDS[switch.act]}` by {switch.by}"
        word = f"`{_WORDS[self._policy.act(row)]}`"
        line = self._line_of(row.name)
        if line is not None:
            return f"{word} in line {line} of the policy file"
        return f"{word} in profile {self._policy.profile.value}"

    def touched(self, hint: Hint) -> Iterator[Touched]:
        fixes = {
            path: one.fix
            for path in hint.ignored
            for one in advise(
                Hint((path,), rules=hint.rules, meant=hint.meant), self._policy, self._dialect
            )
        }
        for path, rule in hint.rules.items():
            row = row_of(hint.internal(path))
            kept = row is not None and self._policy.act(row) is Act.ALLOW
            by = self.by_row(row)
            why = _SHORT.get(rule) or OTHER_RULES.get(rule, "")
            if row is not None and rule == row.rule:
                why = row.why if kept else because(row, self._policy)
            elif rule in OTHER_RULES:
                by = ""
            yield Touched(path, hint.changed.get(path), rule, by, why, fixes.get(path, ""))
