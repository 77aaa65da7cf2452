"""`python -m app.cli.policy_document --write`: the generated parts of the docs; `--check` says
which are stale.

    app/policy/tables.py ----------> docs/policy.md    <!-- generated: events --> ... <!-- end -->
    app/protocol/close_reasons.py -> docs/protocol.md  <!-- generated: close reasons --> ...

Everything outside of the marks is written by hand. Rules become anchors, because the `why` of a
`relay` field is a link to one of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from app.cli.document_numbers import limits, policy_numbers, policy_values
from app.cli.retry_advice import advice
from app.policy import input_shapes, shapes, tool_shapes
from app.policy.policy import Profile
from app.policy.rows import spoken
from app.policy.tables import (
    CONTENT_PARTS,
    EVENTS,
    ITEM_TYPES,
    MCP_TOOL,
    OTHER_SPELLING,
    REFERENCE,
    RESPONSE_FIELDS,
    SESSION_FIELDS,
    UNKNOWN_EVENT,
    UNKNOWN_FIELD,
    UNKNOWN_ITEM,
    Act,
    Row,
)
from app.protocol.close_reasons import ENDINGS
from app.protocol.names import Dialect
from app.protocol.paths import client_path
from app.protocol.session_object import RESPONSE_CREATE, SESSION

COMMAND = "python -m app.cli.policy_document --write"
ROOT = Path(__file__).resolve().parents[2]

END = "<!-- end -->"

_ACTS = {Act.ALLOW: "allowed", Act.STRIP: "stripped", Act.REFUSE: "**refused**"}
_PROFILES = tuple(profile.value for profile in Profile)
_WHYS = ("where allowed", "where not")
_CONSTANT = re.compile(r"`([A-Z_]{3,})`")

OTHER_RULES: Mapping[str, str] = {
    UNKNOWN_FIELD: "A field without a row, or a setting that stands at the top level of an event "
    "instead of inside `session` or `response`: stripped, and named in `relay.ignored`.",
    OTHER_SPELLING: "A field in the spelling of the other protocol version (`session.audio` of a "
    "preview client): stripped, and named in `relay.ignored`.",
    "malformed": "The event cannot be read, or a value has the wrong type or form: an `error` with "
    "the API's own code. No violation.",
    "unknown-id": "The event names an item or a response that this client cannot see. Hidden or "
    "not there, the answer is the same, and upstream is not asked. No violation.",
    "rate-events": "Events other than audio came too fast: an `error` of code "
    "`rate_limit_exceeded` with `retry_after_ms`. No violation.",
    "rate-responses": "Too many responses in a minute, or too many beside the conversation at "
    "once: as above. No violation.",
    "rate-identity": "A `relay.identity.update` while another is being checked, or more than five "
    "in a minute: as above. No violation.",
    "dialect": "The model's service speaks the other protocol version, which has no name for this: "
    "the field is left out, or a near voice is sent, and `relay` says so. A picture is refused. No "
    "violation.",
    "item-text-limit": "The client's text in this session is used up. No violation.",
    "hidden": "An event of upstream's about an item or a response that this client may not see.",
    "rate-limits": "`rate_limits.updated`, while RELAY_SHOW_RATE_LIMITS is off.",
    "session-view": "Upstream's own session object: the client gets the relay's view instead.",
    "own-error": "Upstream's answer to an event that the relay itself sent.",
}
"""Rules that stand in no row. The last four are counted in the log alone."""


def outputs(root: Path) -> dict[Path, str]:
    """Each document with generated parts, as it should be. Raises ValueError where one is missing
    or has lost a mark."""
    wanted: dict[Path, dict[str, str]] = {
        root / "docs" / "policy.md": policy_blocks(),
        root / "docs" / "protocol.md": {"close reasons": close_reasons(), "limits": limits()},
    }
    return {path: _filled(path, blocks) for path, blocks in wanted.items()}


def _filled(path: Path, blocks: Mapping[str, str]) -> str:
    if not path.is_file():
        raise ValueError(f"{path} is missing: run this in a checkout of the repository.")
    text = path.read_text(encoding="utf-8")
    for name, block in blocks.items():
        mark = f"<!-- generated: {name} -->\n"
        before, marked, rest = text.partition(mark)
        _, ended, after = rest.partition(END)
        if not marked or not ended or mark in after:
            raise ValueError(f"{path} needs '{mark.strip()} ... {END}' exactly once.")
        text = f"{before}{mark}{block}{END}{after}"
    return text


def policy_blocks() -> dict[str, str]:
    """The generated parts of docs/policy.md, by name."""
    rule = _Anchors()
    nowhere = {
        "an event": UNKNOWN_EVENT,
        "an item, a role or a content part": UNKNOWN_ITEM,
        "a tool or a `tool_choice` of type `mcp`": MCP_TOOL,
    }
    entries = {f"`{name}`": row for name, row in {**ITEM_TYPES, REFERENCE.name: REFERENCE}.items()}
    return {
        "events": _rows("event", {f"`{name}`": row for name, row in EVENTS.items()}, rule),
        "session fields": _fields("session", SESSION_FIELDS, rule),
        "response fields": _fields("response", RESPONSE_FIELDS, rule),
        "content parts": _rows(
            "role and part", {_both_names(row): row for row in CONTENT_PARTS.values()}, rule
        ),
        "item types": _rows("item", entries, rule),
        "anything else": _rows("what has no row", nowhere, rule),
        "other rules": table(
            ("rule", "meaning"), ((rule(name), text) for name, text in OTHER_RULES.items())
        ),
        "values": policy_values(),
        "numbers": policy_numbers(),
    }


class _Anchors:
    """The cell of a rule: an anchor where the rule stands first, a link to it from then on."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, rule: str) -> str:
        if rule in self._seen:
            return f"[`{rule}`](#{rule})"
        self._seen.add(rule)
        return f'<a id="{rule}"></a>`{rule}`'


def _rows(what: str, rows: Mapping[str, Row], rule: Callable[[str], str]) -> str:
    lines = ((name, *_acts(row), row.why, row.shut, rule(row.rule)) for name, row in rows.items())
    return table((what, *_PROFILES, *_WHYS, "rule"), lines)


def _both_names(row: Row) -> str:
    said = spoken(row)
    return f"`{said}`" if said == row.name else f"`{said}` (GA: `{row.name}`)"


def _acts(row: Row) -> Iterator[str]:
    return (_ACTS[row.act(profile)] for profile in Profile)


def _fields(root: str, rows: Mapping[str, Row], rule: Callable[[str], str]) -> str:
    tables = {"session": SESSION, "response": RESPONSE_CREATE}[root]
    preview, ga = tables[Dialect.PREVIEW].foreign, tables[Dialect.GA].foreign
    lines = []
    for name, row in rows.items():
        said = client_path(name, Dialect.PREVIEW)
        shown = f"`{said}`"
        if said != name:
            shown += f" (GA: `{name}`)"
        elif name.partition(".")[2] in preview:
            shown += " (GA alone)"
        elif name.partition(".")[2] in ga:
            shown += " (preview alone)"
        lines.append((shown, *_acts(row), row.why, row.shut, _value_rule(row), rule(row.rule)))
    return table(("field", *_PROFILES, *_WHYS, "values", "rule"), lines)


def _value_rule(row: Row) -> str:
    """What the row's shape says of itself, with its constants as numbers."""
    text = " ".join((getattr(row.shape, "__doc__", None) or "").split())

    def number(found: re.Match[str]) -> str:
        for module in (shapes, input_shapes, tool_shapes):
            if hasattr(module, found[1]):
                return str(getattr(module, found[1]))
        return found[0]

    return _CONSTANT.sub(number, text)


def close_reasons() -> str:
    """Every way in which a session or a handshake ends, by close code."""
    lines = []
    for reason, ending in sorted(ENDINGS.items(), key=lambda entry: entry[1].close_code):
        code = f"`{ending.error_code}`" if ending.error_code else "no `error` event"
        lines.append(
            (
                str(ending.close_code),
                f"`{reason.value}`",
                ending.ended_by.value,
                str(ending.http_status or ""),
                code,
                ending.text.replace("{limit}", "N minutes") or "(none)",
                advice(reason),
            )
        )
    head = ("code", "reason", "ended by", "HTTP", "`error.code`", "text", "what a client does")
    return table(head, lines)


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A Markdown table, one line for each entry."""
    return "".join(f"{line}\n" for line in _table_lines(tuple(head), lines))


def _table_lines(head: tuple[str, ...], lines: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in lines:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 where `--check` found a stale document, 2 where one cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m app.cli.policy_document", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the generated parts")
    action.add_argument("--check", action="store_true", help="say which of them are stale")
    wanted = parser.parse_args(arguments)
    try:
        documents = outputs(ROOT)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    stale = [path for path, text in documents.items() if path.read_text(encoding="utf-8") != text]
    for path in stale:
        if wanted.write:
            path.write_text(documents[path], encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
        else:
            sys.stdout.write(f"{path.relative_to(ROOT)} is stale: run `{COMMAND}`\n")
    return 1 if stale and wanted.check else 0


if __name__ == "__main__":
    sys.exit(main())
