"""docs/clients.md: which real client passes with which upstream and profile, from the last run.

`make test-sdk` leaves a result for each conversation; `python -m tests.sdk.matrix --write` turns
them into the document, `--check` says whether the document is what the last run showed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from tests.sdk.clients import (
    CLIENTS,
    DIALECTS,
    JUDGED,
    LESSER,
    LICENCES,
    PROFILES,
    REFUSALS,
    Client,
    version,
)
from tests.sdk.environments import FOLDER, LEFT_OUT, ROOT

DOCUMENT = ROOT / "docs" / "clients.md"
COMMAND = "make test-sdk && .venv/bin/python -m tests.sdk.matrix --write"
Cell = Callable[[str], str]
"""What came of a conversation, by its name: `passes`, `does not pass` or `not run`."""

HEAD = f"""# Real clients

<!-- Written by `{COMMAND}`: do not edit. -->

Unmodified client libraries, each pinned and in an environment of its own, talk to the relay as
`serve` starts it, with TLS, in front of the embedded upstream (`make test-sdk`; nothing here was
run against Azure). Each of them, in each cell:

* connects with a credential of the relay's, in its own way;
* configures the session: in `guided` its voice holds, in `locked` it is left out without `error`;
* has a typed turn, a spoken turn, and a turn in which it runs a tool;
* is interrupted by speech twelve times, truncates what was not heard, and goes on;
* closes, and in a second session sees `session_expired` and 1001 when its time is over.

It passes if it saw everything that it should have, with no `error` but the expiry's, and if the
relay's own log says so too. In `locked`, the operator's policy file lets clients answer calls of
tools. Close codes are checked in the relay's log where a library does not show them.

"""


def document(cell: Cell) -> str:
    """The whole text."""
    return "\n".join(
        [HEAD.rstrip("\n"), "", *_matrix(cell), *_refusals(), *_judge(cell), *_about()]
    )


def _matrix(cell: Cell) -> list[str]:
    columns = [f"{dialect}, {profile}" for dialect in DIALECTS for profile in PROFILES]
    lines = [
        "The last four columns: the dialect of upstream, and the profile.",
        "",
        f"| client | version | way in | speaks | credential | {' | '.join(columns)} |",
        "|---|---|---|---|---|" + "---|" * len(columns),
    ]
    notes: list[str] = []
    for client in CLIENTS:
        marks = []
        for note in client.notes:
            if note not in notes:
                notes.append(note)
            marks.append(f" [{notes.index(note) + 1}]")
        cells = [
            cell(f"{client.name}.{dialect}.{profile}")
            for dialect in DIALECTS
            for profile in PROFILES
        ]
        lines.append(f"| {_who(client)}{''.join(marks)} | {' | '.join(cells)} |")
    return [*lines, "", *(_wrapped(f"[{n}] It {note}.") for n, note in enumerate(notes, 1)), ""]


def _who(client: Client) -> str:
    language = "JavaScript" if client.where in {"node", "chromium"} else "Python"
    name = f"`{client.package}` ({language})"
    return f"{name} | {version(client)} | {client.what} | {client.speaks} | {client.credential}"


def _refusals() -> list[str]:
    lines = [
        "## Refused by the client itself",
        "",
        "These never dial, by their own design; the relay cannot help it.",
        "",
        "| client | version | way in | credential | it says | instead |",
        "|---|---|---|---|---|---|",
    ]
    for refusal in REFUSALS:
        client = refusal.client
        start = f"| `{client.package}` | {version(client)} | {client.what} | {client.credential}"
        lines.append(f'{start} | "... {refusal.says} ..." | {refusal.instead} |')
    return [*lines, ""]


def _judge(cell: Cell) -> list[str]:
    lines = [
        "## An upstream that is not ours",
        "",
        _wrapped(
            "npm `@copilotkit/aimock` speaks GA, answers text and calls tools, and keeps a "
            "journal. With the relay between it and a client, the journal holds the whole "
            "conversation, the operator's instructions, and none of the client's own."
        ),
        "",
        "| client | version | way in | speaks | result |",
        "|---|---|---|---|---|",
    ]
    for client in CLIENTS:
        if client.name in JUDGED:
            start = f"| `{client.package}` | {version(client)} | {client.what} | {client.speaks}"
            lines.append(f"{start} | {cell(f'{client.name}.aimock')} |")
    return [*lines, ""]


def _about() -> list[str]:
    return [
        "## What is installed for this",
        "",
        "For the tests alone, and never with the relay. A test reads the licence of every package.",
        "",
        "| package | licence |",
        "|---|---|",
        *(f"| `{package}` | {licence} |" for package, licence in LICENCES.items()),
        *(f"| `{one}`, with {where} | {licence} |" for one, (where, licence) in LESSER.items()),
        "",
        "Left out of what these packages ask for, because a conversation does not load it:",
        "",
        *(f"* `{name}`: {why}" for name, why in LEFT_OUT.items()),
        "",
    ]


def _wrapped(text: str) -> str:
    words, lines = text.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 103:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def last_run(name: str) -> str:
    """The result that `make test-sdk` has left."""
    path = FOLDER / "results" / f"{name}.json"
    return str(json.loads(path.read_text())) if path.exists() else "not run"


def main(arguments: list[str]) -> int:
    text = document(last_run)
    if arguments == ["--write"]:
        DOCUMENT.write_text(text)
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text() == text:
        return 0
    sys.stdout.write(f"docs/clients.md is not what this run showed: run `{COMMAND}`\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
