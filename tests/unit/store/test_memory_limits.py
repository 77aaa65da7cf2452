"""Leases, openings and revocations in memory: on an injected clock, and bounded."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.store.limits import StoreLimits
from app.store.memory import MemoryStore
from app.store.store import Full, Lease, LeaseLimits, NoLease, Revocation, RevokedKind
from tests.unit.store.test_memory import Clock

LEASES = LeaseLimits(sessions_per_user=2, sessions_per_address=3, openings_per_minute=10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(number: int, user: str = "user", address: str | None = None) -> Lease:
    return Lease(f"session-{number}", user, address)


async def test_an_sdk_that_comes_back_three_times_a_second_gets_in_once_in_six_seconds(
    clock: Clock,
) -> None:
    store = MemoryStore(clock, leases=LEASES)
    granted = []
    for number in range(3 * 120):
        clock.now = number / 3
        if await store.enter(lease(number)) is None:
            granted.append(clock.now)
            await store.leave(lease(number))
    assert len(granted) == 10 + 19  # ten at once, then one at 6, 12, ... 114 seconds
    later = [one for one in granted if one > 60]
    assert all(b - a >= 5.9 for a, b in pairwise(later))


async def test_the_first_reason_is_told_in_the_order_revoked_openings_user_address(
    clock: Clock,
) -> None:
    limits = LeaseLimits(sessions_per_user=1, sessions_per_address=1, openings_per_minute=3)
    store = MemoryStore(clock, leases=limits)

    async def told(number: int) -> Full | None:
        answer = await store.enter(lease(number, address="office"))
        return answer.full if answer else None

    assert await store.enter(lease(0, "other", "office")) is None
    assert await told(1) is Full.ADDRESS
    assert await store.enter(lease(1)) is None
    assert await told(2) is Full.USER
    assert await told(3) is Full.OPENINGS
    await store.revoke(Revocation(RevokedKind.USER, "user", 30))
    assert await store.enter(lease(3)) == NoLease(Full.REVOKED, 30)
    clock.now = 30
    assert await told(3) is Full.USER


async def test_an_adopted_session_counts_beyond_the_limits(clock: Clock) -> None:
    store = MemoryStore(clock, leases=LEASES)
    for number in range(4):
        store.adopt(lease(number))
    assert store.live_leases == 4
    for number in range(3):
        await store.leave(lease(number))
    assert await store.enter(lease(9)) is None
    assert (await store.enter(lease(10))) is not None


async def test_revoked_users_are_swept_and_never_more_than_the_cap(clock: Clock) -> None:
    store = MemoryStore(clock, StoreLimits(revoked=20), LEASES)
    for number in range(100):
        await store.revoke(Revocation(RevokedKind.USER, f"user-{number}", 10 + number))
        assert store.footprint <= 20
    assert isinstance(await store.enter(lease(1, "user-99")), NoLease)
    clock.now = 109.5
    await store.revoke(Revocation(RevokedKind.USER, "last", 1))
    assert store.footprint == 1


async def test_nothing_piles_up_however_many_come_and_go(clock: Clock) -> None:
    store = MemoryStore(clock, StoreLimits(openers=100), LEASES)
    for number in range(5_000):
        mine = lease(number, f"user-{number}", f"address-{number}")
        assert await store.enter(mine) is None
        await store.leave(mine)
        clock.now += 0.001
        assert store.footprint <= 200
    assert store.live_leases == 0
    clock.now += 61
    assert await store.enter(lease(1)) is None
    await store.leave(lease(1))
    assert store.footprint <= 101
