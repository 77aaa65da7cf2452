"""Small limits, and certificates once per worker."""

from __future__ import annotations

import pytest

from tests.integration.failures.certificates import Shelf, fill
from tests.integration.failures.scene import Small


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    return Small(monkeypatch)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return fill(tmp_path_factory.mktemp("shelf"))
