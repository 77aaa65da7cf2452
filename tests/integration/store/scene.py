"""Stores of several replicas over one memory: what the contract's tests are played on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.relay.tasks import Tasks
from app.store.limits import StoreLimits
from app.store.local import LocalWhenDown
from app.store.memory import MemoryStore
from app.store.redis_calls import RedisTimings
from app.store.redis_store import RedisStore
from app.store.store import Lease, LeaseLimits, NoLease, Store
from tests.harness.redis_server import RedisServer, free_port, redis_server

LEASES = LeaseLimits(sessions_per_user=2, sessions_per_address=5, openings_per_minute=1000)
TICKETS = StoreLimits(tickets_per_owner=3, tickets=5)
QUICK = RedisTimings(beat=0.3, lease=1.2)
"""For tests that wait for a lease to run out; the defaults are checked as numbers."""


@dataclass
class Scene:
    """`one` and `two` are two replicas; in memory there is but one process, so they are one."""

    one: Store
    two: Store
    redis: RedisServer | None


@asynccontextmanager
async def scene(
    kind: str, leases: LeaseLimits = LEASES, tickets: StoreLimits = TICKETS
) -> AsyncIterator[Scene]:
    """`kind` is memory, redis, cluster (Redis that refuses to touch two slots in one script),
    socket (Redis on a Unix socket) or local (Redis with memory to fall back to)."""
    if kind == "memory":
        alone = MemoryStore(time.monotonic, tickets, leases)
        yield Scene(alone, alone, None)
        await alone.close()
        return
    options: tuple[str, ...] = ()
    if kind == "cluster":
        options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    async with redis_server(*options) as server:
        if kind == "cluster":
            server.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            await until(lambda: b"cluster_state:ok" in server.command("CLUSTER", "INFO"))
        url = server.socket_url if kind == "socket" else server.url
        stores: list[Store] = [RedisStore(url, tickets, leases) for _ in range(2)]
        if kind == "local":
            stores = [
                LocalWhenDown(store, MemoryStore(time.monotonic, tickets, leases))
                for store in stores
                if isinstance(store, RedisStore)
            ]
        async with running(*stores):
            yield Scene(stores[0], stores[1], server)


@asynccontextmanager
async def running(*stores: Store) -> AsyncIterator[None]:
    """The stores alive, then closed, with nothing left of their tasks."""
    tasks = Tasks()
    for store in stores:
        store.start(tasks.spawn)
    try:
        yield
    finally:
        for store in stores:
            async with asyncio.timeout(3):
                await store.close()
        assert len(tasks) == 0, "close() left tasks"
        await tasks.close()


@asynccontextmanager
async def replica(
    server: RedisServer, leases: LeaseLimits = LEASES, timings: RedisTimings | None = None
) -> AsyncIterator[RedisStore]:
    """One running `RedisStore`."""
    store = RedisStore(server.url, TICKETS, leases, timings)
    async with running(store):
        yield store


def lease(number: object, user: str = "user", address: str | None = None) -> Lease:
    return Lease(f"session-{number}", user, address)


async def enter_all(store: Store, user: str, number: int) -> list[NoLease | None]:
    """`number` sessions of the user, one after the other."""
    return [await store.enter(lease(f"{user}-{one}", user)) for one in range(number)]


async def until(true: Callable[[], bool], within: float = 5.0) -> float:
    """Waits until something is so; returns the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + within, f"not so within {within} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - began
