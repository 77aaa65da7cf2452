"""The two load tools: built from `load/` by the C compiler, started, spoken to by lines."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

SOURCES = Path(__file__).parent / "load"
BUILT = Path("artifacts") / "bench"
PATIENCE = 240.0
"""Seconds for any answer of a tool's: its own longest wait is below."""


class CannotMeasure(Exception):  # noqa: N818  (it is an answer, not a fault)
    """The benchmark cannot run here; the text says what is missing."""


def build() -> None:
    """Compiles what is older than its source."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise CannotMeasure("A C compiler is missing: on Debian, 'apt-get install gcc'.")
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in ("upstream", "clients"):
        source, program = SOURCES / f"{name}.c", BUILT / name
        newest = max(source.stat().st_mtime, (SOURCES / "ws.h").stat().st_mtime)
        if not program.exists() or program.stat().st_mtime < newest:
            flags = ["-O2", "-Wall", "-Wextra", "-o", str(program), str(source)]
            subprocess.run([compiler, *flags], check=True)


def pinned(core: int, *command: str) -> list[str]:
    """The command, kept to one core."""
    taskset = shutil.which("taskset")
    if taskset is None:
        raise CannotMeasure("taskset is missing: on Debian, 'apt-get install util-linux'.")
    return [taskset, "-c", str(core), *command]


class Upstream:
    """A running `load/upstream`. `control` sets what it says and returns its counts so far."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._http = build_opener(ProxyHandler({}))

    def control(self, **values: float) -> dict[str, int]:
        query = "&".join(f"{name}={value}" for name, value in values.items())
        with self._http.open(f"http://127.0.0.1:{self.port}/control?{query}", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
            return counts


@contextmanager
def upstream(core: int) -> Iterator[Upstream]:
    """Starts it on a free port, and ends it."""
    with _tool(core, "upstream") as process:
        yield Upstream(json.loads(_line(process))["port"])


class Clients:
    """A running `load/clients`: `go()` after it is ready, then `done()`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready = self._told("READY")

    def go(self) -> None:
        """Begins the load; returns at once."""
        self._say("go")

    def done(self) -> dict[str, Any]:
        """Waits for the load's end: counts, sums, latencies."""
        return self._told("DONE")

    def close(self) -> None:
        """Closes the sessions that are still open."""
        self._say("close")
        self._process.wait(10)

    def _told(self, word: str) -> dict[str, Any]:
        line = _line(self._process)
        if not line.startswith(word):
            raise CannotMeasure(f"The load tool said {line!r} instead of {word}.")
        told: dict[str, Any] = json.loads(line.removeprefix(word))
        return told

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()


@contextmanager
def clients(core: int, port: int, *arguments: str) -> Iterator[Clients]:
    """Starts them; inside the block they are ready."""
    with _tool(core, "clients", "--port", str(port), *arguments) as process:
        yield Clients(process)


@contextmanager
def _tool(core: int, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = pinned(core, str(BUILT / name), *arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CannotMeasure(f"A load tool ended with status {process.wait(5)}.")
    return line
