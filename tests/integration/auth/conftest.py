"""What is made once per worker: the provider's installation and its keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.auth.openid_provider import installed, make_keys


@pytest.fixture(scope="session")
def provider_keys() -> dict[str, Any]:
    installed()
    return make_keys("first")


@pytest.fixture(scope="session")
def next_keys() -> dict[str, Any]:
    return make_keys("second")
