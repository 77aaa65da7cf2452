"""Rows in the policy file: which exist, what may be said of them, and which are in report mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.policy import rows as catalogue
from app.policy.policy import Act, Profile
from app.policy.rows import ROWS, choices, named, names, spoken
from app.policy.tables import EVENTS, Row
from app.settings.policy_values import KEYS, near, texts
from app.settings.toml_lines import Path

ACTS = {"allow": Act.ALLOW, "strip": Act.STRIP, "refuse": Act.REFUSE}
_WORDS = {act: word for word, act in ACTS.items()}

Complaints = Iterator[tuple[Path, str]]


@dataclass(slots=True)
class Rows:
    """What one profile's table says of rows, by their internal names, and where it says so."""

    profile: Profile
    acts: dict[str, Act] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    report_paths: dict[str, Path] = field(default_factory=dict)

    def act(self, row: Row) -> Act:
        """What holds for the row in this profile, with the file."""
        return self.acts.get(row.name) or row.act(self.profile)

    def lets_through(self, name: str) -> bool:
        """Whether a value of the row can reach upstream at all: by itself, and in some event."""
        return self._opens(name) and not self.shut_ways(name)

    def closed(self, name: str) -> tuple[str, ...]:
        """What keeps the row from letting anything through: itself, or else its events."""
        return self.shut_ways(name) if self._opens(name) else (self.said(name),)

    def shut_ways(self, name: str) -> tuple[str, ...]:
        """The rows that close every way on which this one could reach upstream, the row itself
        aside; none: there is a way."""
        closed = [[row for row in way if not self._opens(row)] for way in ways_of(name)]
        if not all(closed):
            return ()
        return tuple(dict.fromkeys(self.said(way[0]) for way in closed))

    def _opens(self, name: str) -> bool:
        return self.act(ROWS[name]) is Act.ALLOW or name in self.reports

    def said(self, name: str) -> str:
        """The row's name as docs/policy.md has it first."""
        return spoken(ROWS[name])


def ways_of(name: str) -> tuple[tuple[str, ...], ...]:
    """The ways on which a row's field or part goes upstream: the rows of the event and the field
    around it, all of which must be open. An event goes by itself."""
    if name in EVENTS:
        return ((),)
    if name.startswith("session."):
        return (("session.update",),)
    if name.startswith("response.input/"):
        return (("response.create", "response.input"),)
    if name.startswith("response."):
        return (("response.create",),)
    return (("conversation.item.create",), ("response.create", "response.input"))


def read_rows(rows: Rows, table: dict[str, Any]) -> Complaints:
    """Reads `rows` and `report` of a profile's table into `rows`."""
    where = rows.profile.value
    told = table.get("rows", {})
    if not isinstance(told, dict):
        yield (where, "rows"), f"`rows` must be a table: write [{where}.rows]"
    else:
        for path, name, word in _flat((where, "rows"), "", told):
            yield from _read_row(rows, path, name, word, forced=_forced(table))
    if "report" in table:
        yield from _read_reports(rows, table["report"])


def _flat(path: Path, prefix: str, table: dict[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """`session.voice = ...` without quotes is a table in a table; rows are the leaves."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat((*path, key), f"{name}.", value)
        else:
            yield (*path, key), name, value


def _forced(table: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in ("create_response", "interrupt_response") if name in table)


def _read_row(
    rows: Rows, path: Path, name: str, word: Any, *, forced: tuple[str, ...]
) -> Complaints:
    row = named(name)
    act = ACTS.get(word) if isinstance(word, str) else None
    if row is None:
        yield path, _unknown(name, forced)
    elif row.name in rows.paths:
        yield path, f"`{name}` is named twice, once as `{_last(rows.paths[row.name])}`: keep one"
    elif act is None:
        yield path, f"`{name}` must be {_or(choices(row))}{_near_word(word)}"
    elif act not in choices(row):
        yield path, _not_so(row, name, act)
    else:
        rows.acts[row.name] = act
        rows.paths[row.name] = path


def _read_reports(rows: Rows, value: Any) -> Complaints:
    where = (rows.profile.value, "report")
    try:
        told = texts(value)
    except ValueError as error:
        yield where, f"`report` {error}"
        return
    for index, name in enumerate(told):
        path, row = (*where, index), named(name)
        if row is None:
            yield path, _unknown(name, ())
        elif not row.opens():
            yield path, f"`{name}` is never reported and let through: no file opens it ({row.shut})"
        elif rows.act(row) is Act.ALLOW and row.name != "user/input_audio":
            yield path, f"[{rows.profile.value}] allows `{name}`: there is nothing to report"
        else:
            rows.reports.append(row.name)
            rows.report_paths[row.name] = path


def _unknown(name: str, forced: tuple[str, ...]) -> str:
    field_ = name.rpartition(".")[2]
    if field_ in forced:
        return f"`{field_}` is forced above and named here: keep one of the two"
    outer = next((known for known in _outer(name) if named(known) is not None), None)
    if outer is None:
        return f"there is no row `{name[:60]}`{near(name, tuple(names()))}"
    advice = f": to force it, write {field_} = true or false" if field_ in KEYS else ""
    return f"`{name[:60]}` is no row of its own, but a part of `{outer}`{advice}"


def _outer(name: str) -> Iterator[str]:
    steps = name.split(".")
    return (".".join(steps[:length]) for length in range(len(steps) - 1, 0, -1))


def _not_so(row: Row, name: str, act: Act) -> str:
    if row.name in catalogue.FORCED:
        return f"`{name}` is {row.why}, whatever a file says: remove it"
    if act is Act.ALLOW:
        return f"no file and no profile opens `{name}`: {row.shut}"
    return f"`{name}` cannot be stripped without changing what was asked for: {_or(choices(row))}"


def _or(acts: tuple[Act, ...]) -> str:
    words = [f'"{_WORDS[act]}"' for act in acts]
    if not words:
        return "left out"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _near_word(word: Any) -> str:
    return near(word, ACTS) if isinstance(word, str) else ""


def _last(path: Path) -> str:
    return str(".".join(str(step) for step in path[2:]))
