"""The keeper of the Entra token, under an injected clock."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.protocol.close_reasons import CloseReason
from app.upkeep.clock import SystemClock
from app.upstream.bearer import BearerTiming, EntraBearer
from app.upstream.credential import CredentialUnavailable, Presented
from app.upstream.tokens import Token, TokenRefused
from tests.unit.upstream.spawner import Spawner
from tests.unit.upstream.stopped_clock import StoppedClock, settle

HOUR = 3600.0
TIMING = BearerTiming(present_deadline=2.0, fetch_deadline=5.0)


class Issuer:
    """Gives token-1, token-2, ... or fails, as a test says; counts and can hold its answers."""

    def __init__(self, clock: StoppedClock) -> None:
        self.clock = clock
        self.life = HOUR
        self.name = "token-"
        self.refresh_in: float | None = None
        self.error: Exception | None = None
        self.repeat = False
        self.open = asyncio.Event()
        self.open.set()
        self.fetches = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.scopes: set[str] = set()
        self._numbers = itertools.count(1)
        self._last = 0

    async def fetch(self, scope: str) -> Token:
        self.fetches += 1
        self.scopes.add(scope)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            self.in_flight -= 1
        if self.error is not None:
            raise self.error
        if not (self.repeat and self._last):
            self._last = next(self._numbers)
        now = self.clock.wall()
        refresh_on = None if self.refresh_in is None else now + self.refresh_in
        return Token(f"{self.name}{self._last}", now + self.life, refresh_on)


class Kept:
    def __init__(self, timing: BearerTiming) -> None:
        self.clock = StoppedClock()
        self.issuer = Issuer(self.clock)
        self.spawner = Spawner()
        self.bearer = EntraBearer(
            self.issuer, "scope", clock=self.clock, jitter=lambda: 1.0, timing=timing
        )

    async def shown(self) -> str:
        presented = await self.bearer.present()
        assert presented.query is None
        ((name, value),) = presented.headers
        assert name == "Authorization"
        return value.removeprefix("Bearer ")


@asynccontextmanager
async def kept(timing: BearerTiming = TIMING) -> AsyncIterator[Kept]:
    it = Kept(timing)
    try:
        yield it
    finally:
        await it.bearer.close()
        assert not it.spawner.live
        assert not it.spawner.failures()


async def test_the_first_token_is_fetched_before_anybody_asks() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        await settle()
        assert it.issuer.fetches == 1
        assert await it.shown() == "token-1"
        assert it.issuer.scopes == {"scope"}
        assert [task.get_name() for task in it.spawner.tasks] == ["upstream-token"]


async def test_a_token_is_held_from_its_arrival_to_its_end_and_not_while_it_is_awaited() -> None:
    async with kept() as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        await settle()
        assert it.bearer.fault() is None  # it may come: the door lets clients in to wait
        assert not it.bearer.held()
        it.issuer.open.set()
        await settle()
        assert it.bearer.held()
        it.issuer.open.clear()  # and nobody answers again
        await it.clock.pass_seconds(HOUR - TIMING.margin - 1)
        assert it.bearer.held()
        await it.clock.pass_seconds(2)
        assert not it.bearer.held()


async def test_a_hundred_callers_before_the_first_token_share_one_flight() -> None:
    async with kept(BearerTiming(present_deadline=5.0)) as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        callers = [asyncio.ensure_future(it.shown()) for _ in range(100)]
        await settle()
        assert not any(caller.done() for caller in callers)
        it.issuer.open.set()
        assert set(await asyncio.gather(*callers)) == {"token-1"}
        assert it.issuer.fetches == 1


async def test_a_token_is_fetched_ahead_at_half_of_its_life() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        await it.clock.pass_seconds(HOUR / 2 - 1)
        assert (it.issuer.fetches, await it.shown()) == (1, "token-1")
        await it.clock.pass_seconds(2)
        assert (it.issuer.fetches, await it.shown()) == (2, "token-2")


async def test_the_old_token_serves_at_once_while_the_new_one_is_in_flight() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        await settle()
        it.issuer.open.clear()
        await it.clock.pass_seconds(HOUR / 2 + 1)
        assert it.issuer.in_flight == 1
        assert await asyncio.wait_for(it.shown(), 1) == "token-1"
        it.issuer.open.set()
        await settle()
        assert await it.shown() == "token-2"


@pytest.mark.parametrize("refresh_in", [600.0, 3000.0])
async def test_the_issuers_wish_for_the_next_fetch_is_honoured(refresh_in: float) -> None:
    async with kept() as it:
        it.issuer.refresh_in = refresh_in
        it.bearer.start(it.spawner)
        await it.clock.pass_seconds(refresh_in - 1)
        assert it.issuer.fetches == 1
        await it.clock.pass_seconds(2)
        assert it.issuer.fetches == 2


async def test_an_issuer_that_repeats_its_token_is_not_asked_in_a_loop() -> None:
    async with kept() as it:
        it.issuer.refresh_in = -5.0
        it.bearer.start(it.spawner)
        await it.clock.pass_seconds(600)
        assert it.issuer.fetches <= 1 + 600 / 30
        assert it.clock.rest is not None
        assert it.clock.rest > 0


async def test_a_cached_token_serves_until_it_really_expires() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        await settle()
        it.issuer.error = TokenRefused("the issuer is down")
        await it.clock.pass_seconds(HOUR - TIMING.margin - 1)
        assert await it.shown() == "token-1"
        assert it.bearer.fault() is None
        assert 20 < it.issuer.fetches < 60, "failures are retried, at most once a minute"
        await it.clock.pass_seconds(2)
        with pytest.raises(CredentialUnavailable) as caught:
            await it.shown()
        assert caught.value.reason is CloseReason.CREDENTIAL_UNAVAILABLE
        assert "the issuer is down" in caught.value.detail
        assert caught.value.retry_after is not None
        assert 1 <= caught.value.retry_after <= 5
        fault = it.bearer.fault()
        assert fault is not None
        assert (fault.detail, fault.retry_after) == (caught.value.detail, caught.value.retry_after)


async def test_after_an_outage_the_next_token_comes_within_five_seconds() -> None:
    async with kept() as it:
        it.issuer.error = TokenRefused("down")
        it.bearer.start(it.spawner)
        await it.clock.pass_seconds(3600)
        it.issuer.error = None
        with capture_logs() as lines:
            await it.clock.pass_seconds(5)
        assert await it.shown() == "token-1"
        assert it.bearer.fault() is None
        assert "token.recovered" in [line["event"] for line in lines]


async def test_failures_back_off_and_double() -> None:
    async with kept() as it:
        it.issuer.error = TokenRefused("down")
        with capture_logs() as lines:
            it.bearer.start(it.spawner)
            await it.clock.pass_seconds(30)
        pauses = [line["next_fetch_seconds"] for line in lines]
        assert pauses[:5] == [1.0, 2.0, 4.0, 5.0, 5.0]


async def test_without_a_flight_nobody_waits() -> None:
    async with kept(BearerTiming(present_deadline=30.0)) as it:
        it.issuer.error = TokenRefused("down")
        it.bearer.start(it.spawner)
        await settle()
        with pytest.raises(CredentialUnavailable):
            await asyncio.wait_for(it.bearer.present(), 1)


async def test_a_caller_waits_for_a_flight_no_longer_than_the_deadline() -> None:
    async with kept(BearerTiming(present_deadline=0.05)) as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        assert it.bearer.fault() is None, "the first flight is under way"
        with pytest.raises(CredentialUnavailable):
            await asyncio.wait_for(it.bearer.present(), 2)
        assert it.issuer.in_flight == 1, "the flight goes on"


async def test_a_caller_that_gives_up_does_not_end_the_flight() -> None:
    async with kept(BearerTiming(present_deadline=30.0)) as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        caller = asyncio.ensure_future(it.shown())
        await settle()
        caller.cancel()
        await settle()
        it.issuer.open.set()
        await settle()
        assert await it.shown() == "token-1"


async def test_a_flight_that_never_lands_is_cut_and_tried_again() -> None:
    async with kept(BearerTiming(fetch_deadline=0.05, present_deadline=1.0)) as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        with pytest.raises(CredentialUnavailable, match=r"no answer in 0\.05 s"):
            await it.bearer.present()
        assert it.issuer.in_flight == 0
        it.issuer.open.set()
        await it.clock.pass_seconds(2)
        assert await it.shown() == "token-1"


async def test_renew_replaces_a_rejected_token() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        rejected = await it.bearer.present()
        assert await it.bearer.renew(rejected) is True
        assert await it.shown() == "token-2"


async def test_many_rejections_of_one_token_cause_one_fetch() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        rejected = await it.bearer.present()
        answers = await asyncio.gather(*(it.bearer.renew(rejected) for _ in range(100)))
        assert all(answers)
        assert await it.bearer.renew(rejected) is True
        assert (it.issuer.fetches, it.issuer.most_in_flight) == (2, 1)


async def test_forced_refreshes_keep_a_pause_between_them() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        assert await it.bearer.renew(await it.bearer.present()) is True
        assert await it.bearer.renew(await it.bearer.present()) is False
        assert it.issuer.fetches == 2
        await it.clock.pass_seconds(TIMING.renew_pause + 1)
        assert await it.bearer.renew(await it.bearer.present()) is True
        assert it.issuer.fetches == 3


async def test_renew_says_no_when_the_issuer_repeats_its_token() -> None:
    async with kept() as it:
        it.issuer.repeat = True
        it.bearer.start(it.spawner)
        assert await it.bearer.renew(await it.bearer.present()) is False
        assert await it.shown() == "token-1"


async def test_a_failed_renewal_keeps_the_token_held() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        rejected = await it.bearer.present()
        it.issuer.error = TokenRefused("down")
        assert await it.bearer.renew(rejected) is False
        assert await it.shown() == "token-1"


async def test_a_jump_of_the_wall_clock_changes_nothing() -> None:
    async with kept() as it:
        it.bearer.start(it.spawner)
        await settle()
        it.clock.wall_offset += 10 * HOUR
        await it.clock.pass_seconds(60)
        assert (it.issuer.fetches, await it.shown()) == (1, "token-1")


async def test_a_token_without_life_is_no_token() -> None:
    async with kept() as it:
        it.issuer.life = 20.0
        it.bearer.start(it.spawner)
        with pytest.raises(CredentialUnavailable, match="expires in 20 s"):
            await it.bearer.present()


async def test_an_error_that_nobody_foresaw_is_survived_and_its_text_stays_inside() -> None:
    async with kept() as it:
        it.issuer.error = RuntimeError("the answer was: token-secret")
        with capture_logs() as lines:
            it.bearer.start(it.spawner)
            with pytest.raises(CredentialUnavailable) as caught:
                await it.bearer.present()
        assert "RuntimeError" in caught.value.detail
        assert "secret" not in str(lines) + str(caught.value)
        it.issuer.error = None
        await it.clock.pass_seconds(5)
        assert await it.shown() == "token-1"


async def test_a_token_that_could_break_a_header_is_refused() -> None:
    async with kept() as it:
        it.issuer.name = "a\r\nX-Evil: "
        it.bearer.start(it.spawner)
        with pytest.raises(CredentialUnavailable) as caught:
            await it.bearer.present()
        assert "characters that no header can carry" in caught.value.detail
        assert "Evil" not in caught.value.detail


async def test_close_ends_a_flight_and_its_waiters() -> None:
    async with kept(BearerTiming(present_deadline=30.0)) as it:
        it.issuer.open.clear()
        it.bearer.start(it.spawner)
        caller = asyncio.ensure_future(it.bearer.present())
        await settle()
        await it.bearer.close()
        assert it.issuer.in_flight == 0
        with pytest.raises(CredentialUnavailable, match="closing"):
            await asyncio.wait_for(caller, 1)
        assert await it.bearer.renew(Presented()) is False


async def test_no_token_stands_in_logs_or_representations() -> None:
    async with kept() as it:
        with capture_logs() as lines:
            it.bearer.start(it.spawner)
            presented = await it.bearer.present()
            await it.bearer.renew(presented)
        texts = [str(lines), repr(presented), repr(it.bearer), repr(Token("token-9", 1.0))]
        assert len(lines) == 2
        assert not any("token-" in text for text in texts)


async def test_the_systems_clock_wakes_early_or_in_time() -> None:
    clock, event = SystemClock(), asyncio.Event()
    began = clock.monotonic()
    await clock.wait(event, 0.05)
    assert 0.045 < clock.monotonic() - began < 1
    event.set()
    await asyncio.wait_for(clock.wait(event, 60), 1)
    await asyncio.wait_for(clock.wait(asyncio.Event(), -1), 1)
    assert abs(clock.wall() - time.time()) < 1
