"""`RELAY_REDIS_DOWN=local`: while Redis is down the process goes on alone, and then rejoins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from app.store.local import LocalWhenDown
from app.store.memory import MemoryStore
from app.store.redis_store import RedisStore
from app.store.store import Full, LeaseLimits, NoLease, Revocation, RevokedKind, StoreDown
from tests.harness.redis_server import RedisServer, redis_server
from tests.integration.store.scene import LEASES, TICKETS, enter_all, lease, running, until


@asynccontextmanager
async def joined(server: RedisServer, leases: LeaseLimits = LEASES) -> AsyncIterator[LocalWhenDown]:
    store = LocalWhenDown(
        RedisStore(server.url, TICKETS, leases), MemoryStore(time.monotonic, TICKETS, leases)
    )
    async with running(store):
        yield store


async def full(store: LocalWhenDown, user: str) -> bool:
    """Whether the user has no place left; takes none."""
    answer = await store.enter(lease("asking", user))
    if answer is None:
        await store.leave(lease("asking", user))
        return False
    return answer.full is Full.USER


async def soon_full(store: LocalWhenDown, user: str) -> None:
    deadline = time.monotonic() + 5
    while not await full(store, user):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_sessions_begin_while_redis_is_down_and_count_everywhere_when_it_is_back() -> None:
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        assert await enter_all(one, "user", 1) == [None]
        server.kill()
        began = time.monotonic()
        assert await one.enter(lease("second")) is None
        refused = await one.enter(lease("third"))
        assert time.monotonic() - began < 1.5
        assert refused is not None  # the first one, let in by Redis, counts here too
        assert refused.full is Full.USER
        assert await two.enter(lease("elsewhere")) is None  # each process counts for itself
        await two.leave(lease("elsewhere"))
        await server.start()
        await soon_full(two, "user")
        await one.leave(lease("second"))
        assert await two.enter(lease("next")) is None


async def test_what_ended_meanwhile_is_not_counted_when_redis_is_back() -> None:
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        assert await enter_all(one, "user", 2) == [None, None]
        server.freeze()
        await one.leave(lease("user-0"))
        assert await one.enter(lease("new")) is None
        await one.leave(lease("new"))
        await one.leave(lease("user-1"))
        server.thaw()
        await until(lambda: one.up, 5)
        await until(lambda: b"session" not in server.command("HGETALL", "relay:{store}:user:user"))
        assert await enter_all(two, "user", 2) == [None, None]


async def test_openings_are_limited_here_while_redis_is_down() -> None:
    limits = LeaseLimits(sessions_per_user=99, sessions_per_address=99, openings_per_minute=5)
    async with redis_server() as server, joined(server, limits) as store:
        server.kill()
        answers = await enter_all(store, "user", 8)
        assert answers[:5] == [None] * 5
        assert {answer.full for answer in answers[5:] if answer} == {Full.OPENINGS}


async def put(store: LocalWhenDown, key: str) -> None:
    await store.put_ticket(key, owner="owner", record=key.encode(), seconds=30)


async def test_a_ticket_made_meanwhile_is_good_at_the_process_that_made_it() -> None:
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        await put(one, "before")
        server.kill()
        await asyncio.sleep(0.05)
        await put(one, "meanwhile")
        with pytest.raises(StoreDown):  # not "unknown": Redis may well have had it
            await two.take_ticket("meanwhile")
        assert await one.take_ticket("meanwhile") == b"meanwhile"
        await put(one, "later")
        await server.start()
        await until(lambda: one.up and two.up, 5)
        assert await two.take_ticket("later") is None
        assert await one.take_ticket("later") == b"later"
        assert await one.take_ticket("later") is None


async def test_no_ticket_is_good_twice_because_redis_froze_while_it_was_made() -> None:
    """Redis finds the command in its socket when it thaws, and keeps a ticket of its own."""
    made: list[str] = []
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        await put(one, "before")
        server.freeze()
        with pytest.raises(StoreDown):
            await put(one, "doubtful")
        for key in ("local-1", "local-2", "local-3"):  # it is known to be down: nothing is sent
            with suppress(StoreDown):  # but the breaker may let one try
                await put(one, key)
                made.append(key)
        assert made
        server.thaw()
        await until(lambda: one.up and two.up, 5)
        for key in ("before", "doubtful", *made):
            takers = (store.take_ticket(key) for store in (one, two, one, two))
            taken = [record for record in await asyncio.gather(*takers) if record is not None]
            assert len(taken) <= 1
            assert taken or key == "doubtful"


async def test_a_revocation_holds_here_at_once_and_everywhere_when_redis_is_back() -> None:
    here: list[Revocation] = []
    there: list[Revocation] = []
    told = Revocation(RevokedKind.USER, "user", 60)
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        one.on_revoked(here.append)
        two.on_revoked(there.append)
        await until(lambda: one.up and two.up)
        server.kill()
        with pytest.raises(StoreDown, match="this process alone"):
            await one.revoke(told)
        assert here == [told]
        refused = await one.enter(lease(1))
        assert refused is not None
        assert refused.full is Full.REVOKED
        await server.start()
        await until(lambda: bool(there), 6)
        assert (there[0].kind, there[0].name) == (told.kind, told.name)
        assert 50 < there[0].seconds < 60
        answer = await two.enter(lease(2))
        assert isinstance(answer, NoLease)
        assert answer.full is Full.REVOKED


async def test_a_user_who_was_revoked_before_stays_out_while_redis_is_down() -> None:
    async with redis_server() as server, joined(server) as one, joined(server) as two:
        heard: list[Revocation] = []
        two.on_revoked(heard.append)
        await one.revoke(Revocation(RevokedKind.USER, "user", 60))
        await until(lambda: bool(heard))
        server.kill()
        refused = await two.enter(lease(1))
        assert refused is not None
        assert refused.full is Full.REVOKED
