"""Development authentication."""

from __future__ import annotations

import pytest

from app.auth.denied import Denied
from app.auth.dev import DevAuthenticator
from app.auth.principal import Principal
from app.protocol.close_reasons import CloseReason


@pytest.mark.parametrize("name", ["alice", "A.b_c-9", "x" * 64])
async def test_dev_name_is_that_user(name: str) -> None:
    principal = await DevAuthenticator().authenticate(f"dev-{name}")
    assert principal == Principal(user=name, issuer="dev", expires_at=None)


@pytest.mark.parametrize(
    "bearer", ["", "alice", "dev-", "DEV-alice", "dev-a b", "dev-a\n", "dev-ä", "dev-" + "x" * 65]
)
async def test_anything_else_is_refused_with_the_form_that_is_expected(bearer: str) -> None:
    answer = await DevAuthenticator().authenticate(bearer)
    assert isinstance(answer, Denied)
    assert answer.reason is CloseReason.UNAUTHENTICATED
    assert "dev-NAME" in answer.message
