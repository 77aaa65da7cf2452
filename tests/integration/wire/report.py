"""Writes the tables of docs/wire.md: `python -m tests.integration.wire.report --write`.

The tables of cases and of limits come from the tests' own data. The probes' figures come from
`artifacts/wire-probes.json`, which `make test` and `make soak` leave behind; without it the figures
in the document are kept.
"""

# ruff: noqa: T201
from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from . import conformance
from .limits import LIMITS
from .probes import ARTIFACT, PROBES
from .test_conformance import CASES, OFFERS

DOCUMENT = Path(__file__).parents[3] / "docs" / "wire.md"
PART = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)
FIGURES = 4
"""How many of a probe's columns, counted from the right, come from a run."""


def cases() -> str:
    """One line for each section of the conformance table."""
    lines = ["| section | about | cases | refused, as it must be |", "|---|---|--:|--:|"]
    for number, title in conformance.TITLES.items():
        rows = [case for case in CASES if case.id.partition(".")[0] == number]
        refused = sum(case.ends is not None for case in rows)
        lines.append(f"| {number} | {title} | {len(rows)} | {refused} |")
    offers = len(OFFERS) + 1  # the last is upstream's
    lines.append(f"| 12, 13 | Compression: never offered or accepted | {offers} | {offers} |")
    return "\n".join(lines) + "\n"


def limits() -> str:
    """One line for each limit."""
    lines = ["| limit | default | at it | past it | shows as |", "|---|---|---|---|---|"]
    for limit in LIMITS:
        at, past = (each.rpartition("::")[2] for each in (limit.at, limit.past))
        lines.append(f"| {limit.name} | {limit.default} | {at} | {past} | {limit.shows} |")
    return "\n".join(lines) + "\n"


def probes(old: str) -> str:
    """One line for each hostile socket; its figures from the last run, else as they were."""
    figures = {
        cells[0].strip(): [cell.strip() for cell in cells[-FIGURES:]]
        for cells in (line.strip("| ").split(" | ") for line in old.splitlines()[2:])
    }
    if ARTIFACT.exists():
        for row in json.loads(ARTIFACT.read_text())["rows"]:
            known = figures.get(row["name"], ["-"] * FIGURES)[-1]
            # `make test` does not wait for the slowest ends: those stay as `make soak` found them.
            gone = known if row["gone_s"] is None else f"{row['gone_s']:.1f}"
            figures[row["name"]] = [
                f"{row['growth_mib']:.1f}",
                f"{row['quiet_ms']:.1f}",
                f"{row['under_ms']:.1f}",
                gone,
            ]
    lines = [
        "| socket | sends | answered by | gone within, s | memory, MiB | p95 quiet, ms | "
        "p95 beside it, ms | gone after, s |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for probe in PROBES:
        within = "may stay" if probe.gone is None else f"{probe.gone:g}"
        cells = [probe.name, probe.sends, probe.limit, within]
        lines.append("| " + " | ".join([*cells, *figures.get(probe.name, ["-"] * FIGURES)]) + " |")
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """The document with its generated parts as they must be."""

    def fill(found: re.Match[str]) -> str:
        made = {"cases": cases, "limits": limits}.get(found["name"])
        body = probes(found["body"]) if made is None else made()
        return found[1] + body + found[4]

    return PART.sub(fill, text)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        print("Say --write: it renews docs/wire.md.")
        raise SystemExit(2)
    DOCUMENT.write_text(renewed(DOCUMENT.read_text()))
