"""The in-memory store: bounded, swept, atomic."""

from __future__ import annotations

import asyncio

import pytest

from app.store.memory import MemoryStore, StoreLimits
from app.store.store import StoreFull


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def put(store: MemoryStore, key: str, owner: str = "a", seconds: float = 30.0) -> None:
    await store.put_ticket(key, owner=owner, record=key.encode(), seconds=seconds)


async def test_a_record_is_taken_once(clock: Clock) -> None:
    store = MemoryStore(clock)
    await put(store, "k")
    assert await asyncio.gather(*(store.take_ticket("k") for _ in range(5))) == [
        b"k",
        None,
        None,
        None,
        None,
    ]
    assert await store.take_ticket("never") is None


async def test_a_record_is_gone_at_its_end_and_not_before(clock: Clock) -> None:
    store = MemoryStore(clock)
    await put(store, "long", seconds=30)
    await put(store, "short", seconds=10)
    clock.now = 9.99
    assert store.live_tickets == 2
    clock.now = 10
    assert store.live_tickets == 1
    assert await store.take_ticket("short") is None
    assert await store.take_ticket("long") == b"long"


async def test_an_owner_has_a_cap_that_taking_and_expiry_free_again(clock: Clock) -> None:
    store = MemoryStore(clock, StoreLimits(tickets_per_owner=2, tickets=100))
    await put(store, "1", seconds=30)
    await put(store, "2", seconds=10)
    with pytest.raises(StoreFull, match="2 unused tickets") as full:
        await put(store, "3")
    assert full.value.retry_after == 10
    await put(store, "other", owner="b")
    assert await store.take_ticket("1") == b"1"
    await put(store, "3")
    clock.now = 10
    await put(store, "4")
    with pytest.raises(StoreFull):
        await put(store, "5")


async def test_the_store_has_a_cap_whoever_asks(clock: Clock) -> None:
    store = MemoryStore(clock, StoreLimits(tickets_per_owner=2, tickets=3))
    for number in range(3):
        await put(store, str(number), owner=f"user{number}", seconds=20 + number)
    assert await store.take_ticket("0") == b"0"
    await put(store, "0", owner="user0", seconds=25)
    with pytest.raises(StoreFull, match="Too many") as full:
        await put(store, "x", owner="x")
    assert full.value.retry_after == 21
    assert store.live_tickets == 3
    clock.now = 21
    await put(store, "x", owner="x")


async def test_nothing_piles_up_however_many_come_and_go(clock: Clock) -> None:
    store = MemoryStore(clock)
    for number in range(2_000):
        await put(store, str(number), owner=str(number))
        assert await store.take_ticket(str(number)) is not None
        assert store.footprint < 100
    for number in range(2_000):
        await put(store, str(number), owner=str(number))
    clock.now = 30
    assert store.live_tickets == 0
    assert store.footprint == 0
