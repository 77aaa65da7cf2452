"""The commands as a person starts them: processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.lane import fast_lane

ROOT = Path(__file__).parent.parent.parent


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of ours, and with `more`."""
    own = ("RELAY_", "AZURE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    if not fast_lane():
        kept["RELAY_FAST_LANE"] = "false"
    return {**kept, "COLUMNS": "200", **more}


@dataclass
class Command:
    """A started command. `stderr` and `stdout` are what it has printed until now; `admin` is the
    address of the operator's listener, where there is one."""

    process: Process
    address: str = ""
    admin: str = ""
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ended(self, within: float = 15.0) -> int:
        async with asyncio.timeout(within):
            return await self.process.wait()

    def lines(self, event: str) -> list[dict[str, object]]:
        """The JSON log lines of this kind."""
        found = []
        for line in self.stderr:
            if line.startswith("{") and (entry := json.loads(line))["event"] == event:
                found.append(entry)
        return found


async def run(*arguments: str, within: float = 30.0, **environ: str) -> tuple[int, str, str]:
    """Runs a command to its end: exit status, output, errors."""
    return await run_in(environ, *arguments, within=within)


async def run_in(
    environ: dict[str, str], *arguments: str, within: float = 30.0
) -> tuple[int, str, str]:
    """The same, with variables that are at hand as a dict."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env=environment(**environ),
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def started(
    *arguments: str, within: float = 30.0, session: bool = False, **environ: str
) -> AsyncIterator[Command]:
    """Starts a command that announces `{"address": ...}` on its output, and ends it at the end.
    `session` gives it a process group of its own, as a terminal does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env=environment(RELAY_LOG_FORMAT="json", **environ),
        start_new_session=session,
    )
    command = Command(process)
    reading = [
        asyncio.create_task(_collect(process.stderr, command.stderr)),
    ]
    try:
        assert process.stdout is not None
        async with asyncio.timeout(within):
            line = (await process.stdout.readline()).decode()
        assert line, "".join(command.stderr)
        command.address = json.loads(line)["address"]
        command.admin = json.loads(line).get("admin") or ""
        reading.append(asyncio.create_task(_collect(process.stdout, command.stdout)))
        yield command
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await command.ended(10)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.wait(reading, timeout=5)


@asynccontextmanager
async def run_to_listening(
    name: str, environ: dict[str, str], within: float = 30.0
) -> AsyncIterator[Command]:
    """Starts `serve`, which says where it listens in its log, and ends it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", name, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=environ
    )
    command = Command(process)
    reading = [
        asyncio.create_task(_collect(process.stderr, command.stderr)),
        asyncio.create_task(_collect(process.stdout, command.stdout)),
    ]
    try:
        async with asyncio.timeout(within):
            while not command.lines("listening"):
                assert process.returncode is None, "".join(command.stderr)
                await asyncio.sleep(0.02)
        command.address = str(command.lines("listening")[0]["address"])
        command.admin = str(command.lines("listening")[0].get("admin", ""))
        yield command
    finally:
        if process.returncode is None:
            process.terminate()
            await command.ended(15)
        await asyncio.wait(reading, timeout=5)


async def _collect(stream: asyncio.StreamReader | None, into: list[str]) -> None:
    assert stream is not None
    while line := await stream.readline():
        into.append(line.decode())
