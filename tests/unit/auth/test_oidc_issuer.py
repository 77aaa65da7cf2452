"""What users and the operator are told while the issuer cannot be asked."""

from __future__ import annotations

import pytest

from app.auth.authenticator import LivingAuthenticator
from app.auth.denied import Denied
from app.auth.dev import DevAuthenticator
from app.auth.issuer_fault import IssuerFault
from app.auth.jwks import IssuerKeys
from app.auth.oidc import OidcAuthenticator
from app.protocol.close_reasons import ENDINGS, CloseReason
from tests.unit.auth.answering import Provider
from tests.unit.auth.issuing import ISSUER, JWKS, NOW, TRUST, claims, header, sign
from tests.unit.upstream.spawner import Spawner
from tests.unit.upstream.stopped_clock import StoppedClock, settle


class Down(Provider):
    """An issuer that is down while `down` is set."""

    down = True

    async def fetch(self, url: str) -> bytes:
        if self.down:
            self.asked.append(url)
            raise IssuerFault("https://login.example.com cannot be reached")
        return await super().fetch(url)


def made(provider: Provider) -> tuple[OidcAuthenticator, StoppedClock]:
    clock = StoppedClock()
    clock.wall_offset = NOW - clock.monotonic()
    keys = IssuerKeys(ISSUER, provider.fetch, clock=clock)
    return OidcAuthenticator(TRUST, keys, clock), clock


async def test_without_keys_users_are_told_to_come_back_and_nothing_of_the_issuer() -> None:
    provider = Down(ISSUER, JWKS)
    authenticator, clock = made(provider)
    authenticator.start(Spawner())
    try:
        await settle()
        denied = await authenticator.authenticate(sign(claims()))
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.reason) == (
            "issuer.unavailable",
            CloseReason.CREDENTIAL_UNAVAILABLE,
        )
        assert denied.retry_after is not None
        assert denied.retry_after >= 1
        assert "login.example.com" not in denied.message
        ending = ENDINGS[denied.reason]
        assert (ending.http_status, ending.retry) == (503, True)
        provider.down = False
        await clock.pass_seconds(5)
        assert not isinstance(await authenticator.authenticate(sign(claims())), Denied)
    finally:
        await authenticator.close()


@pytest.mark.parametrize(
    "token",
    [
        sign(claims(exp=NOW - 1000), header(kid="new")),
        sign(claims(iss="https://mallory.example"), header(kid="new")),
        sign(claims(), header(alg="none", kid="new"), alg="RS256"),
    ],
    ids=["expired", "of another issuer", "unsigned"],
)
async def test_a_token_that_is_bad_anyway_makes_nobody_ask_the_issuer(token: str) -> None:
    provider = Provider(ISSUER, JWKS)
    authenticator, _ = made(provider)
    authenticator.start(Spawner())
    try:
        await settle()
        asked = len(provider.asked)
        assert isinstance(await authenticator.authenticate(token), Denied)
        assert len(provider.asked) == asked
    finally:
        await authenticator.close()


async def test_examination_says_what_works_and_what_does_not() -> None:
    provider = Down(ISSUER, JWKS)
    authenticator: LivingAuthenticator = made(provider)[0]
    told = await authenticator.examine()
    assert (told.fine, told.said) == (False, "https://login.example.com cannot be reached")
    provider.down = False
    told = await authenticator.examine()
    assert told.fine
    assert told.said == (
        f"{ISSUER} answers and has 4 keys for ES256, EdDSA, PS256, RS256 (1 others cannot be used)"
    )
    await authenticator.close()


async def test_examination_of_development_sign_in_warns() -> None:
    authenticator: LivingAuthenticator = DevAuthenticator()
    authenticator.start(Spawner())
    assert "is believed" in (await authenticator.examine()).said
    await authenticator.close()
