"""Real clients run where `make test-sdk` has installed them, and are not read elsewhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.speech import hello, turn
from tests.integration.wire.certificates import self_signed
from tests.sdk.environments import FOLDER
from tests.sdk.served import EXPIRING_SECONDS, Relay, Upstream, pages, relay, upstream

if "TESTS_SDK" not in os.environ:
    collect_ignore = [
        "test_independent_upstream.py",
        "test_licences.py",
        "test_real_clients.py",
    ]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Stage:
    """What all conversations of one worker share. `relays` start when they are first asked for."""

    folder: Path
    certificate: tuple[str, str]
    upstream: Upstream
    origin: str
    speech: Path
    stack: ExitStack
    started: dict[str, Relay]

    def relay(self, dialect: str, profile: str, *, expiring: bool = False) -> Relay:
        """The relay with this upstream dialect and profile."""
        name = f"{dialect}-{profile}{'-expiring' if expiring else ''}"
        if name not in self.started:
            behind = {
                "RELAY_UPSTREAM": "embedded",
                "RELAY_EMBEDDED_ADDRESS": self.upstream.address,
                "RELAY_EMBEDDED_KEY": self.upstream.key,
                "RELAY_UPSTREAM_DIALECT": dialect,
                "RELAY_POLICY": profile,
                "RELAY_ALLOWED_ORIGINS": self.origin,
            }
            more = {"RELAY_SESSION_MAX_SECONDS": str(EXPIRING_SECONDS)} if expiring else {}
            starting = relay(self.folder / name, self.certificate, behind, **more)
            self.started[name] = self.stack.enter_context(starting)
        return self.started[name]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The embedded upstream, pages for browsers, and relays as they are needed."""
    folder = tmp_path_factory.mktemp("stage")
    speech = folder / "speech.pcm"
    speech.write_bytes(turn(hello()))
    with ExitStack() as stack:
        yield Stage(
            folder,
            self_signed(folder, "127.0.0.1"),
            stack.enter_context(upstream()),
            stack.enter_context(pages(FOLDER / "node")),
            speech,
            stack,
            {},
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        words = "No Chromium was found. Install it: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


@pytest.fixture(scope="session")
def results() -> Path:
    """Where each conversation leaves what came of it, for the matrix."""
    folder = FOLDER / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def leave(folder: Path, name: str, value: object) -> None:
    """Writes one result."""
    (folder / f"{name}.json").write_text(json.dumps(value))
