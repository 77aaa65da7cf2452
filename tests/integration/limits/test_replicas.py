"""Two relays that share one Redis are one relay: limits, tickets, revocations; and what happens
while it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.client import client
from tests.harness.leftovers import nothing_left
from tests.harness.redis_server import RedisServer, redis_server
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

KEY = "the-same-key-on-all-of-them"


@asynccontextmanager
async def two_relays(redis: RedisServer, **given: Any) -> AsyncIterator[tuple[Running, Running]]:
    """Both in front of the same upstream."""
    values = {"redis_url": redis.url, "user_hash_key": KEY, "admin_port": "0", **given}
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, **values) as one,
        running_relay(upstream.address, **values) as two,
    ):
        yield one, two


async def status_of(relay: Running, user: str, **given: Any) -> int:
    """The status of a handshake that must be refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with client(relay.address, user=user, **given):
            pass
    return int(refused.value.response.status_code)


async def until_ready(http: httpx.AsyncClient, relay: Running, status: int, within: float) -> float:
    """Waits for that answer of `/readyz`; returns how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within):
        while (await http.get(f"{relay.http}/readyz")).status_code != status:
            await asyncio.sleep(0.05)
    return loop.time() - began


async def test_limits_by_user_and_address_hold_over_both() -> None:
    async with (
        nothing_left(),
        redis_server() as redis,
        two_relays(redis, max_sessions_per_user="2", max_sessions_per_ip="3") as (one, two),
    ):
        async with (
            client(one.address, user="ada") as first,
            client(two.address, user="ada") as second,
            client(two.address, user="eve") as third,
        ):
            for each in (first, second, third):
                await each.until("session.created")
            assert await status_of(one, "ada") == 429
            assert await status_of(two, "ada") == 429
            assert one.product.registry.refused == {"sessions_per_user": 1}
            assert await status_of(one, "joe") == 429
            assert one.product.registry.refused["sessions_per_ip"] == 1
        await one.idle()
        await two.idle()
        async with client(one.address, user="joe") as again:
            await again.until("session.created")


async def test_openings_count_on_both() -> None:
    async with (
        redis_server() as redis,
        two_relays(redis, openings_per_minute="2") as (one, two),
    ):
        for relay in (one, two):
            async with client(relay.address, user="ada") as me:
                await me.until("session.created")
            await relay.idle()
        assert await status_of(one, "ada") == 429
        assert await status_of(two, "ada") == 429


async def test_a_ticket_of_one_opens_the_other_once() -> None:
    async with (
        redis_server() as redis,
        two_relays(redis) as (one, two),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        answer = await http.post(f"{one.http}/tickets", headers={"Authorization": "Bearer dev-ada"})
        ticket = {"Authorization": f"Bearer {answer.json()['value']}"}
        async with client(two.address, headers=ticket) as me:
            await me.until("session.created")
        assert await status_of(one, "ada", headers=ticket) == 401
        assert await status_of(two, "ada", headers=ticket) == 401


@pytest.mark.parametrize("by", ["user", "session"])
async def test_a_revocation_at_one_ends_the_session_at_the_other(by: str) -> None:
    async with (
        nothing_left(),
        redis_server() as redis,
        two_relays(redis) as (one, two),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        async with (
            client(two.address, user="ada") as ada,
            client(two.address, user="eve") as eve,
        ):
            await ada.until("session.created")
            shown = two.product.registry.sessions()[0]  # in the order of their coming
            await eve.until("session.created")
            named = {"user": shown.user} if by == "user" else {"session": shown.session_id}
            answer = await http.post(f"{one.admin}/revocations", json=named)
            assert (answer.status_code, answer.json()["ended_here"]) == (202, 0)
            _, code, _ = await ada.rest(within=5)
            assert code == 4502
            async with asyncio.timeout(5):  # until the lease is given back
                while len(two.product.registry) != 1:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert len(two.product.registry) == 1
        if by == "user":
            assert await status_of(one, "ada") == 401
            assert await status_of(two, "ada") == 401


async def test_while_redis_is_frozen_new_ones_are_refused_soon_and_live_ones_go_on() -> None:
    async with (
        nothing_left(),
        redis_server() as redis,
        two_relays(redis) as (one, two),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        loop = asyncio.get_running_loop()
        async with client(one.address, user="ada") as ada:
            await ada.until("session.created")
            redis.freeze()
            began = loop.time()
            assert await status_of(one, "eve") == 503
            async with client(two.address, user="eve", subprotocols=["realtime"]) as eve:
                (event,), code, _ = await eve.rest()
            assert loop.time() - began < 2 * 1.5
            assert code == 4008
            assert event["error"]["retry_after_ms"] > 0
            began = loop.time()
            answer = await http.post(
                f"{one.http}/tickets", headers={"Authorization": "Bearer dev-eve"}
            )
            assert loop.time() - began < 1.5
            assert answer.status_code == 503
            assert "redis" not in answer.text.lower()
            await until_ready(http, one, 503, 5)
            await ada.say("still here?")
            assert len(one.product.registry) == 1
            redis.thaw()
            await until_ready(http, one, 200, 5)
            async with client(one.address, user="eve") as eve:
                await eve.until("session.created")


async def test_a_revocation_that_redis_does_not_take_holds_here_and_says_so() -> None:
    async with (
        redis_server() as redis,
        two_relays(redis) as (one, _),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        async with client(one.address, user="ada") as ada:
            await ada.until("session.created")
            redis.kill()
            named = {"user": {"issuer": "dev", "user": "ada"}}
            answer = await http.post(f"{one.admin}/revocations", json=named)
            assert answer.status_code == 503
            assert "other replicas may not have heard" in answer.json()["error"]["message"]
            _, code, _ = await ada.rest(within=5)
            assert code == 4502


async def test_with_local_limits_sessions_go_on_without_redis() -> None:
    async with (
        redis_server() as redis,
        two_relays(redis, redis_down="local", max_sessions_per_user="1") as (one, two),
        httpx.AsyncClient(trust_env=False) as http,
    ):
        redis.kill()
        async with client(one.address, user="ada") as ada:
            await ada.until("session.created")
            assert await status_of(one, "ada") == 429
            assert (await http.get(f"{one.http}/readyz")).status_code == 200
            async with client(two.address, user="ada") as too:  # each counts for itself
                await too.until("session.created")
