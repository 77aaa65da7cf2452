"""The limit of open files: raised at the start, and told when it is reached."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.open_files import QUIET_SECONDS, Shortage


def run(code: str) -> str:
    """In a process of its own: a limit that was lowered cannot be raised again."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    said = run(
        "import resource\n"
        "from app.open_files import raise_limit\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 700))\n"
        "print(raise_limit(300), resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    assert said == "700 (700, 700)\n"


def test_too_few_for_the_sessions_that_are_promised_is_said_with_the_fix() -> None:
    said = run(
        "import resource\n"
        "from app.open_files import raise_limit\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 700))\n"
        "raise_limit(301)\n"
    )
    assert "files.too_few" in said
    assert "needed=702" in said
    assert "ulimit -n" in said


def test_none_left_is_said_once_in_a_while() -> None:
    said = run(
        "import os, resource\n"
        "from app.open_files import Shortage\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        "shortage, held = Shortage(), []\n"
        "shortage.look(0.0)\n"
        "try:\n"
        "    while True: held.append(os.dup(0))\n"
        "except OSError: pass\n"
        "for now in range(0, 25): shortage.look(float(now))\n"
        "os.close(held.pop())\n"
        "shortage.look(100.0)\n"
    )
    assert said.count("files.none_left") == 3  # at 0, 10 and 20
    assert "Too many open files" in said


async def test_a_loop_that_cannot_accept_says_so_and_other_errors_go_where_they_went() -> None:
    loop = asyncio.get_running_loop()
    passed: list[dict[str, Any]] = []
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: passed.append(context))
    try:
        Shortage().watch(loop)
        with capture_logs() as lines:
            for number in (errno.EMFILE, errno.ENFILE, errno.EMFILE):
                error = OSError(number, "planted")
                loop.call_exception_handler({"message": "accept", "exception": error})
            loop.call_exception_handler({"message": "other", "exception": OSError(errno.EPERM, "")})
            loop.call_exception_handler({"message": "none"})
    finally:
        loop.set_exception_handler(usual)
    assert [line["event"] for line in lines] == ["files.none_left"]
    assert [context["message"] for context in passed] == ["other", "none"]
    assert QUIET_SECONDS > 1


@pytest.fixture(autouse=True)
def _posix() -> None:
    pytest.importorskip("resource")
