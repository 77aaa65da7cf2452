"""The relay cannot sign in, or its token is refused: the real keeper of tokens, a faked issuer."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.upstream.bearer import BearerTiming, EntraBearer
from app.upstream.tokens import Token, TokenRefused
from tests.harness.client import client
from tests.harness.relay import Running
from tests.integration.failures.front import Caller, Front, Reply, in_peace, says, talks
from tests.integration.failures.scene import (
    NOT_SET_UP,
    dial_failures,
    goes_on,
    one_dial_failed,
    relay_before,
    someone,
    turned_down,
    until,
)

CANNOT_SIGN_IN = "The service cannot sign in at the moment."
TIMING = BearerTiming(
    margin=0.1,
    fetch_deadline=5.0,
    present_deadline=0.15,
    renew_pause=0.0,
    first_backoff=0.2,
    backoff=0.2,
    backoff_without_token=0.2,
    refresh_pause=0.05,
)


class Issuer:
    """Gives token-1, token-2, ... that live for `life` seconds, unless it is `down` or `slow`."""

    def __init__(self) -> None:
        self.life = 3600.0
        self.down = False
        self.slow = False
        self.fetches = 0

    async def fetch(self, scope: str) -> Token:
        self.fetches += 1
        if self.slow:
            await asyncio.sleep(60)
        if self.down:
            raise TokenRefused("the issuer is down for maintenance")
        return Token(f"token-{self.fetches}", time.time() + self.life)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = Issuer()
    monkeypatch.setattr(
        "app.main.make_credential",
        lambda _settings: EntraBearer(made, "scope", timing=TIMING, jitter=lambda: 1.0),
    )
    return made


def demands(token: str) -> Reply:
    """401 for everyone without this token."""
    welcome, refuse = talks(in_peace), says(401, "apim-request-id: req-401")

    async def reply(caller: Caller) -> None:
        good = caller.headers["authorization"] == f"Bearer {token}"
        await (welcome if good else refuse)(caller)

    return reply


def shown(front: Front) -> list[str]:
    return [caller.headers["authorization"].removeprefix("Bearer ") for caller in front.callers]


async def converse(relay: Running) -> None:
    """A client that gets its session and leaves."""
    async with client(relay.address, user=someone()) as me:
        await me.until("session.created")


async def test_a_rejected_token_is_renewed_and_the_client_notices_nothing(issuer: Issuer) -> None:
    front = Front(demands("token-2"))
    async with relay_before(front) as relay:
        await converse(relay)
        line = await relay.one_closed()
        assert line["reason"] == "client_closed"
        assert not dial_failures(relay)
        await converse(relay)
        assert "token-" not in str(relay.lines)
    assert shown(front) == ["token-1", "token-2", "token-2"]
    assert issuer.fetches == 2


async def test_a_token_that_is_rejected_again_is_the_operators_affair(issuer: Issuer) -> None:
    front = Front(demands("token-9"))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_refused", 4510, NOT_SET_UP, "operator")
        one_dial_failed(relay, "status 401", "req-401")
    assert shown(front) == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("status", "reason", "tries"), [(503, "upstream_unavailable", 3), (403, "upstream_refused", 1)]
)
async def test_what_follows_a_renewal_is_judged_for_itself(
    issuer: Issuer, status: int, reason: str, tries: int
) -> None:
    front = Front(says(401), says(status))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        assert seen.reason == reason
        one_dial_failed(relay, f"status {status}")
    assert shown(front) == ["token-1"] + ["token-2"] * tries


async def readiness(relay: Running) -> tuple[int, str]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        answer = await http.get(f"{relay.http}/readyz")
        assert (await http.get(f"{relay.http}/livez")).status_code == 200
    return answer.status_code, answer.json()["status"]


NOT_READY = (503, "credential_unavailable")


async def test_an_issuer_that_is_slow_from_the_start_lets_nobody_in_and_says_so(
    issuer: Issuer,
) -> None:
    issuer.slow = True
    front = Front(talks(in_peace))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("credential_unavailable", 4002, CANNOT_SIGN_IN, "relay")
        assert seen.error["retry_after_ms"] >= 1000
        one_dial_failed(relay, "no token has been fetched yet")
        assert seen.line["duration_s"] < 1
        assert await readiness(relay) == NOT_READY
    assert not front.callers


async def test_an_issuer_that_is_down_is_known_at_the_door_and_found_again(issuer: Issuer) -> None:
    issuer.down = True
    front = Front(talks(in_peace))
    async with relay_before(front) as relay:
        await until(lambda: issuer.fetches >= 1)
        await asyncio.sleep(0.05)
        with pytest.raises(InvalidStatus) as caught:
            await converse(relay)
        assert caught.value.response.status_code == 503
        assert int(caught.value.response.headers["Retry-After"]) >= 1
        async with client(relay.address, user=someone(), subprotocols=["realtime"]) as browser:
            events, code, text = await browser.rest()
        assert (code, text) == (4002, CANNOT_SIGN_IN)
        assert events[-1]["error"]["retry_after_ms"] >= 1000
        assert await readiness(relay) == NOT_READY
        assert not relay.closed(), "nobody had a session"
        assert not front.callers
        issuer.down = False
        await until(lambda: any(line["event"] == "token.recovered" for line in relay.lines))
        assert await readiness(relay) == (200, "ready")
        await converse(relay)
        assert (await relay.one_closed())["reason"] == "client_closed"


@pytest.mark.parametrize("fault", ["down", "slow"])
async def test_a_cached_token_serves_and_live_sessions_do_not_need_one(
    issuer: Issuer, fault: str
) -> None:
    issuer.life = 1.0
    front = Front(talks(in_peace))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as living:
            await living.until("session.created")
            setattr(issuer, fault, True)
            await until(lambda: issuer.fetches >= 2)
            await converse(relay)  # with the token that is held
            assert shown(front)[0] == shown(front)[1]
            assert await readiness(relay) == (200, "ready")
            await asyncio.sleep(1.0)
            assert await readiness(relay) == NOT_READY
            if fault == "down":
                with pytest.raises(InvalidStatus) as caught:
                    await converse(relay)
                assert caught.value.response.status_code == 503
            else:  # the flight may still land, so that the client is let in to wait for it
                async with client(relay.address, user=someone()) as late:
                    _, code, text = await late.rest()
                assert (code, text) == (4002, CANNOT_SIGN_IN)
            await goes_on(living)
    assert len(front.callers) == 2


async def test_a_missing_token_does_not_count_against_the_endpoint(issuer: Issuer) -> None:
    issuer.slow = True
    front = Front(talks(in_peace))
    async with relay_before(front) as relay:
        for _ in range(6):
            async with client(relay.address, user=someone()) as me:
                _, code, _ = await me.rest()
            assert code == 4002
        assert "breaker.opened" not in [line["event"] for line in relay.lines]
