"""The keeper of an issuer's keys, under an injected clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.auth.issuer_fault import IssuerFault
from app.auth.jwks import IssuerKeys, KeysTiming, KeysUnavailable
from tests.unit.auth.issuing import rsa_jwk, rsa_key
from tests.unit.upstream.spawner import Spawner
from tests.unit.upstream.stopped_clock import StoppedClock, settle

ISSUER = "https://login.example.com"
DOCUMENT = f"{ISSUER}/.well-known/openid-configuration"
KEYS = f"{ISSUER}/keys"
DAY = 24 * 3600.0
JWKS = {kid: rsa_jwk(rsa_key("main"), kid=kid) for kid in ("one", "two")}
TIMING = KeysTiming(caller_deadline=2.0, fetch_deadline=5.0)


class Provider:
    """Answers, fails or waits as a test says; counts what it is asked."""

    def __init__(self) -> None:
        self.kids = ["one"]
        self.keys_at = KEYS
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            self.in_flight -= 1
        if self.error is not None:
            raise self.error
        told: Any = {"issuer": ISSUER, "jwks_uri": self.keys_at}
        if url == self.keys_at:
            told = {"keys": [JWKS[kid] for kid in self.kids]}
        return json.dumps(told).encode()

    @property
    def fetches(self) -> int:
        """How often the keys were asked for."""
        return sum(url != DOCUMENT for url in self.asked)


class Kept:
    def __init__(self, timing: KeysTiming) -> None:
        self.clock = StoppedClock()
        self.provider = Provider()
        self.spawner = Spawner()
        self.keys = IssuerKeys(
            ISSUER, self.provider.fetch, clock=self.clock, jitter=lambda: 0.0, timing=timing
        )

    async def started(self) -> None:
        self.keys.start(self.spawner)
        await settle()

    async def knows(self, kid: str) -> bool:
        return (await self.keys.keys_for(kid)).knows(kid)


@asynccontextmanager
async def kept(timing: KeysTiming = TIMING) -> AsyncIterator[Kept]:
    it = Kept(timing)
    try:
        yield it
    finally:
        await it.keys.close()
        assert not it.spawner.live
        assert not it.spawner.failures()


async def test_document_and_keys_are_fetched_before_anybody_asks() -> None:
    async with kept() as it:
        await it.started()
        assert it.provider.asked == [DOCUMENT, KEYS]
        assert await it.knows("one")
        assert it.provider.asked == [DOCUMENT, KEYS]
        assert [task.get_name() for task in it.spawner.tasks] == ["issuer-keys"]


async def test_a_caller_that_comes_before_the_keeper_has_run_at_all_waits_for_the_keys() -> None:
    async with kept() as it:
        it.keys.start(it.spawner)
        async with asyncio.timeout(1.5):
            assert await it.knows("one")


async def test_callers_before_the_first_keys_share_one_flight() -> None:
    async with kept() as it:
        it.provider.open.clear()
        it.keys.start(it.spawner)
        callers = [asyncio.ensure_future(it.knows("one")) for _ in range(100)]
        await settle()
        assert not any(caller.done() for caller in callers)
        it.provider.open.set()
        assert all(await asyncio.gather(*callers))
        assert (it.provider.fetches, it.provider.most_in_flight) == (1, 1)


async def test_keys_are_fetched_anew_every_ten_minutes_with_the_document() -> None:
    async with kept() as it:
        await it.started()
        it.provider.kids, it.provider.keys_at = ["two"], f"{ISSUER}/moved"
        await it.clock.pass_seconds(599)
        assert it.provider.fetches == 1
        await it.clock.pass_seconds(2)
        assert it.provider.asked == [DOCUMENT, KEYS, DOCUMENT, f"{ISSUER}/moved"]
        assert await it.knows("two")
        assert not await it.knows("one"), "a withdrawn key signs no more"


async def test_an_unknown_key_is_fetched_at_once_and_without_the_document() -> None:
    async with kept() as it:
        await it.started()
        it.provider.kids = ["one", "two"]
        assert await it.knows("two")
        assert it.provider.asked == [DOCUMENT, KEYS, KEYS]
        assert await it.knows("one")


async def test_three_hundred_unknown_keys_cost_one_fetch_in_half_a_minute() -> None:
    async with kept() as it:
        await it.started()
        asked = [it.knows(f"random-{number}") for number in range(300)]
        assert not any(await asyncio.gather(*asked))
        for number in range(50):
            assert not await it.knows(f"more-{number}")
        assert it.provider.fetches == 2
        await it.clock.pass_seconds(29)
        assert not await it.knows("again")
        assert it.provider.fetches == 2
        await it.clock.pass_seconds(2)
        assert not await it.knows("again")
        assert (it.provider.fetches, it.provider.most_in_flight) == (3, 1)


async def test_no_key_id_asks_nobody() -> None:
    async with kept() as it:
        await it.started()
        assert (await it.keys.keys_for(None)).kids() == {"one"}
        assert it.provider.fetches == 1


async def test_whoever_comes_while_a_refresh_is_under_way_waits_for_it_before_asking_again() -> (
    None
):
    async with kept() as it:
        await it.started()
        it.provider.open.clear()
        it.provider.kids = ["two"]
        await it.clock.pass_seconds(601)
        assert it.provider.in_flight == 1
        caller = asyncio.ensure_future(it.knows("two"))
        await settle()
        it.provider.open.set()
        assert await caller
        assert it.provider.fetches == 2


async def test_known_keys_serve_without_waiting_while_a_refresh_hangs() -> None:
    async with kept() as it:
        await it.started()
        it.provider.open.clear()
        await it.clock.pass_seconds(601)
        async with asyncio.timeout(1.5):
            assert await it.knows("one")


async def test_keys_serve_a_day_after_the_issuer_went_down_and_no_longer() -> None:
    async with kept() as it:
        await it.started()
        it.provider.error = IssuerFault("it cannot be reached")
        await it.clock.pass_seconds(DAY - 1)
        assert await it.knows("one")
        await it.clock.pass_seconds(2)
        with pytest.raises(KeysUnavailable) as caught:
            await it.keys.keys_for("one")
        assert caught.value.detail == "it cannot be reached"
        assert 1.0 <= caught.value.retry_after <= TIMING.backoff
        it.provider.error = None
        await it.clock.pass_seconds(TIMING.backoff)
        assert await it.knows("one")


async def test_a_failing_issuer_is_asked_less_and_less_often_and_recovery_is_told() -> None:
    async with kept() as it:
        await it.started()
        it.provider.error = IssuerFault("it cannot be reached")
        with capture_logs() as lines:
            await it.clock.pass_seconds(600 + 1 + 2 + 4 + 8 + 16 + 32 + 120)
            it.provider.error = None
            await it.clock.pass_seconds(61)
        pauses = [
            line["next_fetch_seconds"] for line in lines if line["event"] == "issuer.fetch_failed"
        ]
        assert pauses[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        assert "issuer.recovered" in [line["event"] for line in lines]


async def test_without_any_keys_the_issuer_is_asked_every_few_seconds() -> None:
    async with kept() as it:
        it.provider.error = IssuerFault("it cannot be reached")
        await it.started()
        with pytest.raises(KeysUnavailable):
            await it.keys.keys_for("one")
        await it.clock.pass_seconds(60)
        assert it.clock.rest is not None
        assert it.clock.rest <= TIMING.backoff_without_keys
        it.provider.error = None
        await it.clock.pass_seconds(TIMING.backoff_without_keys)
        assert await it.knows("one")


async def test_an_unknown_key_while_the_issuer_is_down_is_no_proof_of_a_bad_token() -> None:
    async with kept() as it:
        await it.started()
        it.provider.error = IssuerFault("it cannot be reached")
        with pytest.raises(KeysUnavailable):
            await it.keys.keys_for("two")
        assert await it.knows("one")
        it.provider.error, it.provider.kids = None, ["two"]
        await it.clock.pass_seconds(30)
        assert await it.knows("two")


async def test_a_forced_refresh_that_hangs_holds_its_caller_for_the_caller_s_deadline() -> None:
    async with kept(KeysTiming(caller_deadline=0.1)) as it:
        await it.started()
        it.provider.open.clear()
        async with asyncio.timeout(3.0):
            with pytest.raises(KeysUnavailable):
                await it.keys.keys_for("two")
        assert await it.knows("one")


async def test_a_fetch_has_a_deadline_and_its_task_lives_on() -> None:
    async with kept(KeysTiming(caller_deadline=5.0, fetch_deadline=0.5)) as it:
        it.provider.open.clear()
        it.keys.start(it.spawner)
        with pytest.raises(KeysUnavailable, match="gave no answer in"):
            await it.keys.keys_for("one")
        it.provider.open.set()
        await it.clock.pass_seconds(5)
        assert await it.knows("one")


async def test_an_unexpected_error_is_named_by_its_kind_alone() -> None:
    async with kept() as it:
        it.provider.error = RuntimeError("the answer was: secret")
        await it.started()
        with pytest.raises(KeysUnavailable) as caught:
            await it.keys.keys_for("one")
        assert caught.value.detail == "RuntimeError in a fetch"


async def test_a_set_without_usable_keys_does_not_replace_a_good_one() -> None:
    async with kept() as it:
        await it.started()
        it.provider.kids = []
        await it.clock.pass_seconds(601)
        assert it.provider.fetches >= 2
        assert await it.knows("one")


async def test_examination_fetches_without_a_keeper_and_tells_faults() -> None:
    async with kept(KeysTiming(fetch_deadline=0.5)) as it:
        assert (await it.keys.examine()).kids() == {"one"}
        it.provider.error = IssuerFault("it cannot be reached")
        with pytest.raises(IssuerFault, match="cannot be reached"):
            await it.keys.examine()
        it.provider.open.clear()
        with pytest.raises(IssuerFault, match="no answer in"):
            await it.keys.examine()


async def test_after_the_end_there_are_no_keys_and_no_second_start() -> None:
    async with kept() as it:
        await it.started()
        await it.keys.close()
        with pytest.raises(KeysUnavailable):
            await it.keys.keys_for("one")
        with pytest.raises(RuntimeError, match="called once"):
            it.keys.start(it.spawner)


async def test_the_end_does_not_wait_for_a_hanging_fetch() -> None:
    async with kept() as it:
        it.provider.open.clear()
        it.keys.start(it.spawner)
        await settle()
        async with asyncio.timeout(1.5):
            await it.keys.close()
