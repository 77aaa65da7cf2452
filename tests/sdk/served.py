"""The processes that a real client meets: the relay as `serve` starts it, the embedded upstream
behind it, and pages for browsers; all on 127.0.0.1, the relay with TLS."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.auth.principal import Principal
from app.telemetry.logs import user_hash
from tests.harness.process import ROOT, environment
from tests.harness.tools import WEATHER, tools_file

START_SECONDS = 60.0
EXPIRING_SECONDS = 3
HASH_KEY = "a-key-for-the-tests-of-sdks"
FORECAST = {**WEATHER, "name": "kernel-forecast", "description": "Forecast for a place."}
"""The same, named as Semantic Kernel names all its functions."""
POLICY = """
[locked]
client_tools = ["get_weather", "kernel-forecast"]

[locked.rows]
function_call_output = "allow"
"""
"""Lets clients of the locked profile answer a call, so that it can be tried there too."""


@dataclass(frozen=True)
class Upstream:
    """An embedded upstream in a process of its own."""

    address: str
    key: str


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Speaks in real time, so that an answer can be interrupted."""
    command = [sys.executable, "-m", "app", "simulate", "--port", "0", "--json", "--pace", "1"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Upstream(said["address"].replace("ws://", "http://"), said["key"])
    finally:
        stop(process)


@dataclass(frozen=True)
class Relay:
    """A running `serve`; `log` is the file of its JSON lines."""

    address: str
    log: Path

    def ended(self, name: str, count: int, within: float = 15.0) -> list[dict[str, Any]]:
        """The closing lines of the dev user `name`; waits until there are `count`."""
        who = user_hash(HASH_KEY.encode(), Principal(name, "dev").key)
        deadline = time.monotonic() + within
        while True:
            lines = [line for line in self._lines("session.closed") if line["user"] == who]
            if len(lines) >= count or time.monotonic() > deadline:
                return lines
            time.sleep(0.05)

    def _lines(self, event: str) -> list[dict[str, Any]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for line in lines if (entry := json.loads(line))["event"] == event]


@contextmanager
def relay(
    folder: Path, certificate: tuple[str, str], behind: dict[str, str], **settings: str
) -> Iterator[Relay]:
    """Starts `serve` with TLS and dev users. `behind` are the settings of its upstream."""
    folder.mkdir()
    (folder / "tools.json").write_text(tools_file(WEATHER, FORECAST))
    (folder / "policy.toml").write_text(POLICY)
    environ = {
        "RELAY_AUTH": "dev",
        "RELAY_PORT": "0",
        "RELAY_TLS_CERT_FILE": certificate[0],
        "RELAY_TLS_KEY_FILE": certificate[1],
        "RELAY_SESSION_TOOLS_FILE": str(folder / "tools.json"),
        "RELAY_POLICY_FILE": str(folder / "policy.toml"),
        "RELAY_USER_HASH_KEY": HASH_KEY,
        "RELAY_LOG_FORMAT": "json",
        "RELAY_DRAIN_SECONDS": "0",
        **behind,
        **settings,
    }
    log = folder / "log.jsonl"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=folder,
            env=environment(PYTHONPATH=str(ROOT), **environ),
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        yield Relay(_listening(process, log), log)
    finally:
        stop(process)


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("{") and (entry := json.loads(line))["event"] == "listening":
                return str(entry["address"])
        time.sleep(0.05)
    raise AssertionError(f"the relay did not start:\n{log.read_text()[-3000:]}")


def stop(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, and SIGKILL where it does not help."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def guess_type(self, path: Any) -> str:
        """Modules are scripts, whatever this machine's table of types says."""
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: pytest's output is not a log."""


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serves the files of a folder to browsers; the origin of the pages."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
