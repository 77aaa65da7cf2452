"""Gets what the tests need from npm before they run: inside a test, its time limit would count.

    python -m tests.harness.fetch

Says what it could not get; the tests that need it will say so too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.auth.openid_provider import installed
from tests.integration.lock import json_corpus
from tests.node.test_client_in_node import typescript

PATIENCE = 150
"""Seconds for each."""


def corpus() -> Path:
    """The JSON corpus, without the haste of a test."""
    json_corpus.NPM_SECONDS = PATIENCE
    (json_corpus.CACHE / "failed").unlink(missing_ok=True)
    json_corpus.documents()
    return json_corpus.CACHE


def tried(get: Callable[[], Path]) -> str:
    """What went wrong, or nothing."""
    try:
        get()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        return str(missing)
    except Exception as error:
        return repr(error)
    return ""


def main() -> None:
    with ThreadPoolExecutor() as pool:
        for trouble in pool.map(tried, (corpus, installed, typescript)):
            if trouble:
                sys.stderr.write(f"{trouble}\n")


if __name__ == "__main__":
    main()
