"""Small limits, and certificates once per worker."""

from __future__ import annotations

import pytest

from tests.integration.failures.certificates import Shelf, fill
from tests.integration.failures.scene import Small


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    """For all: a dial's pauses, which would be most of what the tests take."""
    limits = Small(monkeypatch)
    limits.pause(0.05)
    return limits


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return fill(tmp_path_factory.mktemp("shelf"))
