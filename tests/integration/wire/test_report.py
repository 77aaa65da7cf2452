"""docs/wire.md says what the tests say, and every limit has its tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from . import report
from .limits import FIELDS, LIMITS, Limit
from .probes import MOST_GROWTH_MIB, PROBES
from .test_conformance import CASES

TESTS = Path(__file__).parents[2]
TEXT = report.DOCUMENT.read_text()


def rows(name: str) -> list[list[str]]:
    (body,) = [part["body"] for part in report.PART.finditer(TEXT) if part["name"] == name]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in body.splitlines()[2:]
    ]


def test_the_document_has_its_three_tables_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [part["name"] for part in report.PART.finditer(TEXT)]
    assert names == ["cases", "probes", "limits"]
    monkeypatch.setattr(report, "ARTIFACT", Path("/nowhere"))  # figures differ from run to run
    stale = "docs/wire.md is stale: python -m tests.integration.wire.report --write"
    assert report.renewed(TEXT) == TEXT, stale


def test_the_figures_of_the_document_are_within_the_bounds() -> None:
    shown = rows("probes")
    assert [row[0] for row in shown] == [probe.name for probe in PROBES]
    for probe, row in zip(PROBES, shown, strict=True):
        growth, quiet, under, gone = row[-report.FIGURES :]
        assert float(growth) < MOST_GROWTH_MIB
        assert float(quiet) > 0
        assert float(under) > 0
        if probe.gone is not None:
            assert float(gone) <= probe.gone


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_every_limit_has_a_test_at_it_and_one_past_it(limit: Limit) -> None:
    ids = {case.id for case in CASES}
    for where in (limit.at, limit.past):
        file, _, function = where.partition("::")
        if not function:
            assert where in ids
            continue
        tree = ast.parse((TESTS / file).read_text())
        names = {getattr(node, "name", "") for node in ast.walk(tree)}
        assert function in names, where


def test_no_limit_of_the_wires_is_forgotten() -> None:
    assert {limit.field for limit in LIMITS} - {""} == FIELDS
