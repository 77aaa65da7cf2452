"""An authenticator whose issuer answers from memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.auth.claims import Trust
from app.auth.denied import Denied
from app.auth.jwks import IssuerKeys
from app.auth.oidc import OidcAuthenticator
from app.auth.principal import Principal
from tests.unit.auth.issuing import JWKS, NOW, TRUST
from tests.unit.upstream.spawner import Spawner
from tests.unit.upstream.stopped_clock import StoppedClock, settle

KEYS_URL = "https://login.example.com/keys"


@dataclass
class Provider:
    """The issuer's two documents. `asked` are the addresses in order."""

    issuer: str
    jwks: Any

    def __post_init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url == KEYS_URL:
            return json.dumps(self.jwks).encode()
        return json.dumps({"issuer": self.issuer, "jwks_uri": KEYS_URL}).encode()


@asynccontextmanager
async def authenticating(
    trust: Trust = TRUST, jwks: Any = JWKS
) -> AsyncIterator[OidcAuthenticator]:
    clock, spawner = StoppedClock(), Spawner()
    clock.wall_offset = NOW - clock.monotonic()
    provider = Provider(trust.issuer, jwks)
    keys = IssuerKeys(trust.issuer, provider.fetch, clock=clock)
    authenticator = OidcAuthenticator(trust, keys, clock)
    authenticator.start(spawner)
    try:
        await settle()
        yield authenticator
    finally:
        await authenticator.close()
        assert not spawner.live
        assert not spawner.failures()


async def judged(token: str, trust: Trust = TRUST, jwks: Any = JWKS) -> Principal | Denied:
    """Also sees that who is judged without a question is judged in the same way."""
    async with authenticating(trust, jwks) as authenticator:
        at_once = authenticator.judge(token)
        answer = await authenticator.authenticate(token)
        assert at_once is None or at_once == answer
        return answer


async def accepted(token: str, trust: Trust = TRUST, jwks: Any = JWKS) -> Principal:
    principal = await judged(token, trust, jwks)
    assert isinstance(principal, Principal), principal
    return principal


async def refused(token: str, trust: Trust = TRUST, jwks: Any = JWKS) -> Denied:
    denied = await judged(token, trust, jwks)
    assert isinstance(denied, Denied), denied
    return denied
