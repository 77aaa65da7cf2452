"""A flood of refusals writes so many lines a second, and one with the count of the rest."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from app.web import refusal_lines
from app.web.refusal_lines import A_SECOND, AT_ONCE, RefusalLines
from tests.unit.web.test_strangers import Clock


async def test_a_flood_is_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_lines, "SUMMARY_SECONDS", 0.02)
    clock = Clock()
    lines = RefusalLines(clock)
    with capture_logs() as logged:
        for number in range(AT_ONCE + 300):
            lines.write("door.refused", rule="a" if number % 2 else "b", reason="x")
        assert [line["event"] for line in logged] == ["door.refused"] * AT_ONCE
        await asyncio.sleep(0.05)
        (summary,) = logged[AT_ONCE:]
        assert summary["event"] == "door.refusals_unlogged"
        assert (summary["count"], summary["rules"]) == (300, {"a": 150, "b": 150})
        clock.now += 1
        for _ in range(A_SECOND + 1):
            lines.write("tickets.refused", rule="c")
        await asyncio.sleep(0.05)
    more = [line["event"] for line in logged[AT_ONCE + 1 :]]
    assert more == ["tickets.refused"] * A_SECOND + ["door.refusals_unlogged"]
    assert logged[-1]["count"] == 1
