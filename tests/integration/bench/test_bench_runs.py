"""`make bench` runs: that its figures are good is not for a test to say."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.harness.process import ROOT

pytestmark = pytest.mark.skipif(
    (os.cpu_count() or 1) < 2 or shutil.which("gcc") is None, reason="two cores and gcc are needed"
)


@pytest.mark.slow
async def test_each_workload_runs_and_is_drawn(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench",
        "--quick",
        "--peers",
        "ours",
        "--out",
        str(tmp_path),
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
    )
    async with asyncio.timeout(55):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    said = out.decode()
    for title in ("Voice", "8 KB deltas", "appends", "Idle session", "Opening", "floods"):
        assert title in said
    assert (tmp_path / "bench.svg").read_text().startswith("<svg ")


async def test_a_misspelt_workload_is_named() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", "--workloads", "voise", stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert process.returncode == 2
    assert err.decode().splitlines() == ["Cannot measure: Unknown workloads: voise."]
