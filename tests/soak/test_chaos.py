"""Every few seconds something dies, freezes or is cut off, while people talk: what must always hold
holds, and when peace returns everything works again."""

from __future__ import annotations

import asyncio
import random
import time

import httpx
import pytest

from tests.soak.city import City, city
from tests.soak.process_cost import connections
from tests.soak.residents import PATIENCE, Town, resident

EMPTY_REDIS_FORGIVEN = 5.0
"""After Redis came back empty, another replica may grant a place too many for one heartbeat
(docs/adr/0011-redis.md)."""
BUGS = ("door.failed", "session.failed", "task.failed", "task.stuck", "tickets.failed")


DEAD_LEASES = 60.0
"""A relay that was killed takes places with it for so long."""
SHORT = ("_redis_freezes", "_upstream_is_cut_off", "_redis_restarts_empty", "_a_relay_freezes")


async def calamities(town: Town, seconds: float, every: float, kinds: tuple[str, ...]) -> int:
    """All kinds (or these) in a random order, again and again; how many struck."""
    until, struck = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        disasters = [one for one in town.city.disasters() if not kinds or one.__name__ in kinds]
        random.shuffle(disasters)
        for disaster in disasters:
            if time.monotonic() >= until:
                break
            began = time.monotonic()
            town.forgiven_until = float("inf") if "redis" in disaster.__name__ else 0.0
            await disaster()
            town.forgiven_until = time.monotonic() + EMPTY_REDIS_FORGIVEN
            struck += 1
            town.lived[disaster.__name__.strip("_")] += 1
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))
    return struck


async def peace(town: Town, wanted: int) -> None:
    """Everybody can talk again; upstream holds one connection for each who does, and none more."""
    await asyncio.sleep(5)  # by then everything must have recovered
    turns = town.lived["turns"]
    await asyncio.sleep(2)
    assert town.lived["turns"] > turns, "nobody can talk after the last disaster"
    town.hold.set()
    deadline = time.monotonic() + DEAD_LEASES + 10
    while town.holding < wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    assert town.holding >= wanted, f"only {town.holding} of {wanted} hold a session"
    assert await balanced(town.city, town.holding)
    town.over = True
    town.hold.clear()


async def balanced(city: City, wanted: int) -> bool:
    """Whether upstream comes to hold so many connections within two seconds."""
    for _ in range(40):
        if connections(city.upstream_port) == wanted:
            return True
        await asyncio.sleep(0.05)
    return False


async def survive(seconds: float, people: int, every: float, kinds: tuple[str, ...] = ()) -> None:
    """The whole of it."""
    async with city() as built, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        town = Town(built, people // 3, http)
        residents = [asyncio.create_task(resident(town, number)) for number in range(people)]
        try:
            await asyncio.sleep(2)
            struck = await calamities(town, seconds, every, kinds)
            await peace(town, wanted=2 * town.users)
            _, late = await asyncio.wait(residents, timeout=30)
            assert not late
            assert not [one for one in residents if one.exception()]
        finally:
            for one in residents:
                one.cancel()
            await asyncio.gather(*residents, return_exceptions=True)
        assert town.wrong == []
        assert struck >= seconds / every / 2
        assert town.lived["turns"] > people
        assert await balanced(built, 0)
        for relay in built.relays.values():
            assert not [line for bug in BUGS for line in relay.lines(bug)]


@pytest.mark.slow
async def test_a_short_bad_time() -> None:
    await survive(seconds=10, people=12, every=2.5, kinds=SHORT)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_three_bad_minutes() -> None:
    await survive(seconds=180, people=30, every=5)
