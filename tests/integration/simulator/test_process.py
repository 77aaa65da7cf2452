"""The embedded upstream as a process: it announces itself and ends when it is told to."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from app.cli.simulate import banner

PROGRAM = """
import sys
from app.simulator.options import Options
from app.simulator.server import run
run(Options(stop_with_parent=sys.argv[1] == "with-parent"), lambda line: print(line, flush=True))
"""
PATIENCE = 20.0


@asynccontextmanager
async def started(mode: str) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """The process and what it announced; killed if the test forgets it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, mode, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            announced: dict[str, str] = json.loads(await process.stdout.readline())
        yield process, announced
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def end(process: Process) -> tuple[int, bytes]:
    """Exit status, and what it wrote to standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        status = await process.wait()
        return status, await process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_and_its_clients_are_told(number: signal.Signals) -> None:
    async with started("alone") as (process, announced):
        assert announced["address"].startswith("ws://127.0.0.1:")
        assert announced["preview"].startswith(
            f"{announced['address']}/openai/realtime?api-version="
        )
        assert announced["ga"] == f"{announced['address']}/openai/v1/realtime?model=gpt-realtime"
        url = (
            f"{announced['address']}/openai/realtime"
            "?api-version=2024-12-17&deployment=gpt-4o-realtime-preview"
        )
        headers = {"api-key": announced["key"]}
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            assert json.loads(await socket.recv())["type"] == "session.created"
            process.send_signal(number)
            async with asyncio.timeout(PATIENCE):
                await socket.wait_closed()
            assert socket.close_code == 1001
        assert await end(process) == (0, b"")


async def test_it_ends_with_its_parent() -> None:
    async with started("with-parent") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert await end(process) == (0, b"")


async def test_the_end_of_standard_input_means_nothing_unless_asked_for() -> None:
    async with started("alone") as (process, announced):
        assert process.stdin is not None
        process.stdin.close()
        port = int(announced["address"].rpartition(":")[2])
        await asyncio.sleep(0.3)
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        process.terminate()
        assert (await end(process))[0] == 0


async def test_a_person_is_told_both_addresses_and_how_to_put_a_relay_in_front() -> None:
    async with started("alone") as (process, announced):
        lines = banner(announced, "realtime-relay").splitlines()
        assert announced["key"] in lines[0]
        assert [line.split()[-1] for line in lines[1:3]] == [announced["preview"], announced["ga"]]
        assert lines[3].endswith(" realtime-relay serve")
        process.terminate()
        assert await end(process) == (0, b"")
