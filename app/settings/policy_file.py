"""The operator's policy file (RELAY_POLICY_FILE), read once at the start.

    [guided]                          # or [locked], [open]
    voices = ["alloy", "coral"]       # what clients may choose: see `policy_values`
    max_output_tokens = 1024          # caps
    create_response = false           # forced
    report = ["session.instructions"] # told and counted, and let through

    [guided.rows]                     # rows of docs/policy.md, by name
    "session.instructions" = "allow"
    "conversation.item.delete" = "refuse"

    [profiles]                        # with RELAY_PROFILE_CLAIM: its value, and the profile
    staff = "open"                    # everybody else: guided, or locked where that is named

A mistake stops the start, with a sentence that names the line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf

from app.policy.policy import Act, Profile
from app.settings.policy_rows import Rows, read_rows
from app.settings.policy_values import KEYS, near
from app.settings.problem import FileRefused
from app.settings.toml_lines import Lines, Path

_WORDS = tuple(profile.value for profile in Profile)
_TABLES = (*_WORDS, "profiles")
_KEYS = (*KEYS, "report", "rows")

Complaints = Iterator[tuple[Path, str]]
"""Where in the document, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What the file says of one profile. `values` are by their names in `Policy`."""

    values: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str, Act] = field(default_factory=dict)
    reports: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """The file as a whole; `by_value` is its table of profiles. `row_paths` and `report_paths` say
    where the rows that it names stand, by profile and row."""

    profiles: Mapping[Profile, Changes] = field(default_factory=dict)
    by_value: Mapping[str, Profile] = field(default_factory=dict)
    row_paths: Mapping[tuple[Profile, str], Path] = field(default_factory=dict)
    report_paths: Mapping[tuple[Profile, str], Path] = field(default_factory=dict)
    lines: Lines = field(default_factory=lambda: Lines(""), compare=False, repr=False)

    def changes(self, profile: Profile) -> Changes:
        """What the file says of a profile; nothing, where it has no table for it."""
        return self.profiles.get(profile, Changes())

    def line(self, *path: str | int) -> int:
        """The line in which something stands, for complaints that need more than the file."""
        return self.lines.of(*path)

    def line_of(self, profile: Profile, row: str) -> int | None:
        """The line of a row (internal name); None: the file does not name it."""
        path = self.row_paths.get((profile, row))
        return None if path is None else self.lines.of(*path)

    def line_of_report(self, profile: Profile, row: str) -> int | None:
        """The line that puts a row (internal name) into report mode; None: none does."""
        path = self.report_paths.get((profile, row))
        return None if path is None else self.lines.of(*path)

    def __str__(self) -> str:
        said = [
            f"{profile.value}: {counted}"
            for profile, changes in self.profiles.items()
            if (counted := _counted(changes))
        ]
        if self.by_value:
            said.append(f"{_number(len(self.by_value), 'value')} of a claim")
        return f"({'; '.join(said) or 'changes nothing'})"


def _counted(changes: Changes) -> str:
    counts = {
        "value": len(changes.values),
        "row": len(changes.rows),
        "row in report mode": len(changes.reports),
    }
    return ", ".join(_number(count, what) for what, count in counts.items() if count)


def _number(count: int, what: str) -> str:
    return f"{count} {what if count == 1 else what.replace(what.split()[0], f'{what.split()[0]}s')}"


def parse_policy(text: str) -> tuple[PolicyFile, tuple[str, ...]]:
    """The file, and everything that is wrong with it: one of the two is empty. A complaint names
    its line."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = text.rstrip("\n").count("\n") + 1
        said = str(error).replace("at end of document", f"at line {last}, the end")
        return PolicyFile(), (f"not TOML: {said}",)
    except RecursionError:
        return PolicyFile(), ("not TOML that can be used: it is nested too deep",)
    lines = Lines(text)
    reader = _Reader(document)
    complaints = [(lines.of(*path), sentence) for path, sentence in reader.read()]
    if complaints:
        return PolicyFile(), tuple(f"line {line}: {said}" for line, said in sorted(complaints))
    file = PolicyFile(
        reader.profiles, reader.by_value, reader.row_paths, reader.report_paths, lines
    )
    return file, ()


class _Reader:
    """Reads one document; what it has understood stands in its fields."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.profiles: dict[Profile, Changes] = {}
        self.by_value: dict[str, Profile] = {}
        self.row_paths: dict[tuple[Profile, str], Path] = {}
        self.report_paths: dict[tuple[Profile, str], Path] = {}

    def read(self) -> Complaints:
        """Everything that is wrong."""
        for name, table in self._document.items():
            if name not in _TABLES:
                yield (name,), f"there is no table [{name[:40]}]{near(name, _TABLES)}"
            elif not isinstance(table, dict):
                yield (name,), f"`{name}` must be a table: write [{name}]"
            elif name == "profiles":
                yield from self._by_value(table)
            else:
                yield from self._profile(Profile(name), table)

    def _by_value(self, table: dict[str, Any]) -> Complaints:
        if not table:
            yield ("profiles",), "[profiles] names no value of the claim: write VALUE = PROFILE"
        for value, word in table.items():
            if not value or value != value.strip():
                yield ("profiles", value), _blank_value(value)
            elif word in _WORDS:
                self.by_value[value] = Profile(word)
            else:
                hint = near(word, _WORDS) if isinstance(word, str) else ""
                must = f"must be a profile: {', '.join(_WORDS)}"
                yield ("profiles", value), f"`{value[:40]}` {must}{hint}"

    def _profile(self, profile: Profile, table: dict[str, Any]) -> Complaints:
        values: dict[str, Any] = {}
        for name, value in table.items():
            path = (profile.value, name)
            if name not in _KEYS:
                yield path, _unknown_key(profile, name)
            elif name in KEYS and profile not in KEYS[name].profiles:
                allowed = ", ".join(f"[{one.value}]" for one in KEYS[name].profiles)
                yield path, f"`{name}` is a switch of {allowed} alone: use [{profile.value}.rows]"
            elif name in KEYS:
                try:
                    values[name] = KEYS[name].read(value)
                except ValueError as error:
                    yield path, f"`{name}` {error}"
        rows = Rows(profile)
        yield from read_rows(rows, table)
        yield from _contradictions(rows, values)
        self.profiles[profile] = Changes(values, rows.acts, frozenset(rows.reports))
        self.row_paths |= {(profile, name): path for name, path in rows.paths.items()}
        reported = rows.report_paths.items()
        self.report_paths |= {(profile, name): path for name, path in reported}


def _blank_value(value: str) -> str:
    """A token's value is compared as it is: one that was padded by mistake would never be met, or,
    worse, by whoever has an empty one."""
    if not value.strip():
        return "[profiles] names an empty value of the claim: name one that the issuer sets"
    return f"`{value[:40]}` has spaces around it: write `{value.strip()[:40]}`"


def _unknown_key(profile: Profile, name: str) -> str:
    if "." in name or "/" in name:
        return f"rows stand in a table of their own: move `{name[:60]}` to [{profile.value}.rows]"
    return f"[{profile.value}] has no key `{name[:40]}`{near(name, _KEYS)}"


def _contradictions(rows: Rows, values: Mapping[str, Any]) -> Complaints:
    """What each is right in itself, and says two things at once."""
    where = rows.profile.value
    for name, value in values.items():
        uses = KEYS[name].rows
        if KEYS[name].decides(value):
            continue
        if uses and not any(rows.lets_through(row) for row in uses):
            closed = _and(tuple(dict.fromkeys(entry for row in uses for entry in rows.closed(row))))
            yield (
                (where, name),
                f"`{name}` has no effect, because [{where}] does not allow {closed}",
            )
    for name, row in (("history", "assistant/output_text"), ("moderates", "user/input_audio")):
        if values.get(name) and row in rows.acts:
            yield rows.paths[row], f"`{name}` decides on `{rows.said(row)}`: keep one of the two"
        elif values.get(name) and (shut := rows.shut_ways(row)):
            yield (where, name), f"`{name}` has no effect, because [{where}] refuses {_and(shut)}"
    opened = [name for name, act in rows.acts.items() if act is Act.ALLOW]
    for names, paths, how in (
        (opened, rows.paths, "allowed"),
        (rows.reports, rows.report_paths, "reported"),
    ):
        for name in names:
            if shut := rows.shut_ways(name):
                yield (
                    paths[name],
                    f"`{rows.said(name)}` is {how} in vain, because [{where}] refuses "
                    f"{_and(shut)}: keep one of the two",
                )


def _and(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _from_text(value: object) -> object:
    """What `load` hands over is the file's text; tests may hand over the file."""
    if not isinstance(value, str):
        return value
    file, complaints = parse_policy(value)
    if complaints:
        raise FileRefused(complaints)
    return file


PolicyRules = Annotated[InstanceOf[PolicyFile], BeforeValidator(_from_text)]
