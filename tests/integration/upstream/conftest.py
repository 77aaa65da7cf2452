"""Certificates are made once per worker."""

from __future__ import annotations

import pytest

from tests.integration.upstream.certificates import Certificates, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))
