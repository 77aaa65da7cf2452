"""`simulate`: the embedded upstream alone, as a real process on a port."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from app.cli.running import CannotStart

START_SECONDS = 15.0
HARMLESS = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT")
"""What the process is told of our environment: nothing that could be a secret."""
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where a running embedded upstream listens, and the key it demands."""

    address: str
    key: str


def banner(said: Mapping[str, str], program: str) -> str:
    """What a person is told who has started it alone; `said` is its announcement, `program` how
    our command is called."""
    return (
        f"Embedded upstream at {said['address']}, key {said['key']}\n"
        f"  preview  {said['preview']}\n"
        f"  GA       {said['ga']}\n"
        "Use it, where no .env stands: RELAY_UPSTREAM=embedded RELAY_AUTH=dev "
        f"RELAY_EMBEDDED_ADDRESS={said['address']} RELAY_EMBEDDED_KEY={said['key']} "
        f"{program} serve"
    )


@contextmanager
def embedded_upstream() -> Iterator[Embedded]:
    """Runs the embedded upstream as a process of its own while the block runs.

    It ends with us whatever happens: it watches its standard input, which is our pipe.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "simulate", "--port", "0", "--json", "--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={name: os.environ[name] for name in HARMLESS if name in os.environ},
        start_new_session=True,  # Ctrl-C is for us: it must not end the upstream under live talks
    )
    try:
        yield _announced(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _announced(process: subprocess.Popen[str]) -> Embedded:
    """The process's first line, or `CannotStart` when none comes."""
    stdout = process.stdout
    assert stdout is not None

    async def first_line() -> str:
        return await asyncio.wait_for(asyncio.to_thread(stdout.readline), START_SECONDS)

    try:
        line = asyncio.run(first_line())
        said = json.loads(line)
        return Embedded(said["address"].replace("ws://", "http://"), said["key"])
    except (TimeoutError, ValueError, KeyError):
        raise CannotStart(
            "The embedded upstream did not start. Run 'realtime-relay simulate' by itself to see "
            "what it says."
        ) from None
