"""The command that measures the filter alone: it runs, and says so when the filter is too slow."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[3] / "bench" / "filter.py"


@pytest.mark.parametrize(("at_least", "status"), [(100, 0), (10**9, 1)])
async def test_the_filter_is_measured(at_least: int, status: int) -> None:
    arguments = ("--rounds", "1", "--events", "300", "--at-least", str(at_least))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(COMMAND), *arguments, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert err == b""
    assert process.returncode == status
    assert b"audio events a second" in out.splitlines()[-1]
