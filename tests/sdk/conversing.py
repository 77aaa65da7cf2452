"""Runs a driver as a process of its own, in its SDK's environment, and reads what it tells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.harness.process import environment
from tests.sdk.clients import Client
from tests.sdk.environments import FOLDER, HERE, python

DRIVERS = HERE / "drivers"
SECONDS = 240.0
NEEDS_NO_CODECS = {"livekit", "semantic-kernel"}


@dataclass(frozen=True)
class Told:
    """What a driver told, by step, and what else it printed."""

    steps: dict[str, dict[str, Any]]
    stderr: str

    def broken(self) -> str:
        """The step that failed and why; empty if none did."""
        for name, line in self.steps.items():
            if "failed" in line:
                return f"{name}: {line['failed']}\nerrors: {line['errors']}\n{self.stderr[-2000:]}"
        return ""


def converse(client: Client, given: dict[str, Any], certificate: str) -> Told:
    """The whole conversation of one client."""
    text = json.dumps({**given, "form": client.form})
    done = subprocess.run(
        [*_command(client), text],
        cwd=FOLDER / "node" if client.where in {"node", "chromium"} else DRIVERS,
        env=_environ(client, certificate),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]
    return Told({line["step"]: line for line in lines}, done.stderr)


def _command(client: Client) -> list[str]:
    match client.where:
        case "node":
            node = shutil.which("node") or "node"
            native = ["--experimental-websocket"] if client.form == "native" else []
            return [node, *native, "drivers/in_node.mjs", client.driver]
        case "chromium":
            return [sys.executable, str(DRIVERS / "in_chromium.py"), client.driver]
        case environment_name:
            return [python(environment_name), str(DRIVERS / client.driver)]


def _environ(client: Client, certificate: str) -> dict[str, str]:
    """This test run's certificate is trusted as a company's own authority would be."""
    environ = environment(SSL_CERT_FILE=certificate, NODE_EXTRA_CA_CERTS=certificate)
    environ["PYTHONPATH"] = str(DRIVERS / "no_codecs") if client.where in NEEDS_NO_CODECS else ""
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    return {name: value for name, value in environ.items() if name != "OPENAI_API_KEY"}


def have_drivers_in_node() -> None:
    """Puts the drivers where Node finds the packages that they import."""
    folder = FOLDER / "node" / "drivers"
    folder.mkdir(exist_ok=True)
    for path in [*DRIVERS.glob("*.mjs"), DRIVERS / "page.html"]:
        part = folder / f".{path.name}.{os.getpid()}"
        part.write_bytes(path.read_bytes())
        part.replace(folder / path.name)
