"""Redis frozen, killed, restarted empty, full, or not Redis at all: each call ends in time, live
leases come back, and no answer reaches whom it was not for."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.typing import EventDict

from app.store.redis_calls import RedisTimings
from app.store.redis_scripts import PREFIX
from app.store.redis_store import RedisStore
from app.store.store import Full, Lease, NoLease, Revocation, RevokedKind, Store, StoreDown
from tests.harness.fault_proxy import Faults, fault_proxy
from tests.harness.leftovers import nothing_left
from tests.harness.redis_server import RedisServer, redis_server
from tests.integration.store.scene import (
    LEASES,
    QUICK,
    TICKETS,
    enter_all,
    lease,
    replica,
    running,
    until,
)

SLOWEST = 1.5
"""Within how many seconds new sessions are refused where Redis does not answer."""

BACK = 5.0
"""Within how many seconds after its return it is used again."""


async def put(store: Store, key: str, owner: str = "owner") -> None:
    await store.put_ticket(key, owner=owner, record=f"record of {key}".encode(), seconds=30)


def operations(store: Store) -> dict[str, Callable[[], Awaitable[object]]]:
    """One of each, each with a name of its own."""
    return {
        "put": lambda: put(store, "new"),
        "take": lambda: store.take_ticket("key"),
        "enter": lambda: store.enter(lease("new")),
        "revoke": lambda: store.revoke(Revocation(RevokedKind.SESSION, "session", 60)),
    }


async def refused_within(operation: Awaitable[object], within: float) -> StoreDown:
    began = time.monotonic()
    with pytest.raises(StoreDown) as down:
        await operation
    assert time.monotonic() - began < within
    assert down.value.retry_after >= 1
    return down.value


async def works_again(store: Store, within: float = BACK) -> None:
    """A session comes and goes."""
    deadline = time.monotonic() + within
    while True:
        try:
            assert not isinstance(await store.enter(lease("probe", "probe")), NoLease)
            await store.leave(lease("probe", "probe"))
            return
        except StoreDown:
            assert time.monotonic() < deadline, f"not back within {within} s"
            await asyncio.sleep(0.1)


async def counted(store: Store, user: str, within: float = BACK) -> float:
    """Waits until this replica finds the user full; returns how long that took."""
    began = time.monotonic()
    while True:
        number = 0
        answer: NoLease | None = None
        try:
            answer = await store.enter(lease("other", user))
            number += answer is None
        except StoreDown:
            pass
        if number:
            await store.leave(lease("other", user))
        if answer is not None and answer.full is Full.USER:
            return time.monotonic() - began
        assert time.monotonic() < began + within, f"not counted within {within} s"
        await asyncio.sleep(0.1)


# -- frozen ------------------------------------------------------------------------------------


async def test_a_frozen_redis_holds_nobody_and_serves_again_when_it_thaws() -> None:
    async with redis_server() as server, replica(server) as store:
        await works_again(store)
        server.freeze()
        began = time.monotonic()
        results = await asyncio.gather(
            *(refused_within(start(), SLOWEST) for start in operations(store).values())
        )
        assert "did not" in str(results[0]) or "no answer" in str(results[0])
        while time.monotonic() < began + 2.5:  # whoever comes later, breaker open or on trial
            await refused_within(store.enter(lease("later")), SLOWEST)
            await asyncio.sleep(0.05)
        began = time.monotonic()
        await store.leave(lease("never"))
        assert time.monotonic() - began < 0.1
        assert not store.up
        server.thaw()
        await works_again(store)
        assert store.up


async def test_while_it_is_known_to_be_down_a_call_costs_nothing() -> None:
    async with redis_server() as server, replica(server) as store:
        await works_again(store)
        server.freeze()
        await refused_within(store.enter(lease(1)), SLOWEST)
        began = time.monotonic()
        for number in range(1000):
            with pytest.raises(StoreDown):
                await store.enter(lease(number))
        assert time.monotonic() - began < 0.4
        server.thaw()


async def test_300_who_come_at_once_to_a_frozen_redis_are_all_refused_in_time() -> None:
    async with redis_server() as server, replica(server) as store:
        await works_again(store)
        server.freeze()
        began = time.monotonic()
        answers = await asyncio.gather(
            *(store.enter(lease(number, f"u{number}")) for number in range(300)),
            return_exceptions=True,
        )
        assert time.monotonic() - began < SLOWEST
        assert {type(answer) for answer in answers} == {StoreDown}
        assert store.footprint <= RedisTimings().lines
        server.thaw()


async def test_sessions_that_were_refused_by_a_frozen_redis_are_not_counted_when_it_thaws() -> None:
    """Their commands lie in its sockets, and it runs them when it wakes."""
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        await works_again(one)
        await works_again(two)
        server.freeze()
        for number in range(4):
            with pytest.raises(StoreDown):
                await one.enter(lease(number))
            await asyncio.sleep(0.3)
        server.thaw()
        deadline = time.monotonic() + BACK
        while True:
            try:
                if await two.enter(lease("a")) is None and await two.enter(lease("b")) is None:
                    break
            except StoreDown:
                pass
            await two.leave(lease("a"))
            assert time.monotonic() < deadline, "ghosts are counted"
            await asyncio.sleep(0.1)


async def test_a_lease_that_could_not_be_given_back_is_given_back_later() -> None:
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        assert await enter_all(one, "user", 2) == [None, None]
        server.freeze()
        began = time.monotonic()
        await one.leave(Lease("session-user-0", "user"))
        await one.leave(Lease("session-user-1", "user"))
        assert time.monotonic() - began < SLOWEST
        server.thaw()
        await works_again(one)
        await until(lambda: b"user-" not in server.command("HGETALL", "relay:{store}:user:user"))
        assert await two.enter(lease("a")) is None
        assert await two.enter(lease("b")) is None


# -- whose answer ------------------------------------------------------------------------------


async def test_no_answer_reaches_another_caller_however_many_are_cancelled() -> None:
    """Fifty takers wait on a frozen Redis, half of them are cancelled, it thaws: each of the others
    gets the record of its own ticket, and so does everyone who comes after them."""
    chance = random.Random(7)
    async with redis_server() as server, replica(server) as store:
        for turn in range(6):
            keys = [f"{turn}-{number}" for number in range(50)]
            await put_raw(server, keys)
            server.freeze()
            takers = {key: asyncio.create_task(store.take_ticket(key)) for key in keys}
            await asyncio.sleep(0.05)
            for key in chance.sample(keys, 25):
                takers[key].cancel()
                await asyncio.sleep(0.002)
            server.thaw()
            got = await asyncio.gather(*takers.values(), return_exceptions=True)
            own = 0
            for key, record in zip(keys, got, strict=True):
                if isinstance(record, bytes):
                    assert record == key.encode()
                    own += 1
                else:
                    assert isinstance(record, asyncio.CancelledError)
            assert own == 25
            for key in keys:
                assert await store.take_ticket(key) in {key.encode(), None}


async def put_raw(server: RedisServer, keys: list[str]) -> None:
    """Tickets as the store writes them, more than it allows one test to make."""
    for key in keys:
        assert server.command("SET", f"relay:{{store}}:ticket:{key}", f"0:{key}") == b"+OK\r\n"


async def test_callers_cancelled_at_any_moment_cost_no_connection_and_no_other_caller() -> None:
    chance = random.Random(11)
    async with redis_server() as server, nothing_left():
        async with replica(server, timings=QUICK) as store:
            for _ in range(40):
                lots = [
                    asyncio.create_task(store.enter(lease(f"{number}", f"user-{number}")))
                    for number in range(20)
                ]
                await asyncio.sleep(chance.random() * 0.004)
                for task in chance.sample(lots, 10):
                    task.cancel()
                await asyncio.gather(*lots, return_exceptions=True)
                for number in range(20):
                    await store.leave(lease(f"{number}", f"user-{number}"))
            assert store.up
            assert store.footprint <= RedisTimings().lines
            await until(lambda: b"user:" not in server.command("KEYS", "*user:*"), 10)


# -- killed, restarted, flushed ----------------------------------------------------------------


async def test_after_a_restart_with_an_empty_memory_live_sessions_are_counted_again() -> None:
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        assert await enter_all(one, "user", 2) == [None, None]
        server.kill()
        for start in operations(two).values():
            await refused_within(start(), SLOWEST)
        await server.start()
        await counted(two, "user")
        await one.leave(Lease("session-user-0", "user"))
        assert await two.enter(lease("next")) is None


async def test_a_restart_between_two_calls_is_not_noticed_by_the_next_caller() -> None:
    """No heartbeat comes between: the caller finds an ended connection and an empty Redis."""
    async with redis_server() as server:
        store = RedisStore(server.url, TICKETS, LEASES)
        assert await enter_all(store, "user", 2) == [None, None]
        await put(store, "key")
        await server.restart()
        refused = await store.enter(lease("third"))
        assert refused is not None
        assert refused.full is Full.USER
        assert await store.take_ticket("key") is None
        assert store.up
        await store.close()


async def test_what_redis_counts_wrongly_is_noticed_by_two_heartbeats() -> None:
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        assert await enter_all(store, "user", 2) == [None, None]
        await asyncio.sleep(2 * QUICK.beat)
        process = (
            server.command("ZRANGE", PREFIX + "processes", "0", "0").split(b"\r\n")[2].decode()
        )
        owner = '["ghost", null]'
        server.command("HSET", f"{PREFIX}held:{process}", "ghost", owner)
        server.command("HSET", PREFIX + "user:ghost", "ghost", process)
        await until(lambda: server.command("EXISTS", PREFIX + "user:ghost") == b":0\r\n", 2)
        server.command("HDEL", f"{PREFIX}held:{process}", "session-user-0")
        server.command("HDEL", PREFIX + "user:user", "session-user-0")
        await until(lambda: server.command("HLEN", PREFIX + "user:user") == b":2\r\n", 2)


async def test_a_flush_is_made_good_by_the_process_whose_sessions_were_forgotten() -> None:
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        assert await enter_all(one, "user", 2) == [None, None]
        server.command("FLUSHALL")
        refused = await one.enter(lease("third"))  # before any heartbeat
        assert refused is not None
        assert refused.full is Full.USER
        server.command("FLUSHALL")
        await counted(two, "user")


async def test_more_sessions_than_are_told_at_once_are_all_registered_again() -> None:
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        for start in range(0, 1200, 100):
            some = range(start, start + 100)
            await asyncio.gather(*(store.enter(lease(one, f"user-{one}")) for one in some))
        assert store.live_leases == 1200
        server.command("FLUSHALL")
        await until(lambda: b":1200\r\n" in held(server), BACK)
        users = server.command("EVAL", "return #redis.call('KEYS', '*user:*')", "0")
        assert users == b":1200\r\n"


def held(server: RedisServer) -> bytes:
    script = "local k = redis.call('KEYS', '*held:*') return redis.call('HLEN', k[1] or 'none')"
    return server.command("EVAL", script, "0")


# -- other faults ------------------------------------------------------------------------------


async def test_a_redis_that_is_out_of_memory_is_told_apart_from_one_that_is_down() -> None:
    async with redis_server() as server, replica(server) as store:
        await works_again(store)
        server.command("CONFIG", "SET", "maxmemory", "1")
        down = await refused_within(store.enter(lease(1)), 0.5)
        assert "OOM" in str(down) or "maxmemory" in str(down)
        server.command("CONFIG", "SET", "maxmemory", "0")
        assert await store.enter(lease(1)) is None  # at once: it had answered


@pytest.mark.parametrize(
    "says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$x\r\n", b"\xff" * 70000]
)
async def test_what_is_not_redis_is_down(says: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(says)
        await reader.read()
        writer.close()

    stranger = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = stranger.sockets[0].getsockname()[1]
    async with stranger, nothing_left():
        store = RedisStore(f"redis://127.0.0.1:{port}")
        async with running(store):
            await refused_within(store.enter(lease(1)), SLOWEST)
            await refused_within(store.take_ticket("key"), SLOWEST)


async def test_a_half_open_connection_is_given_up_and_a_new_one_serves() -> None:
    async with redis_server() as server, fault_proxy(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", TICKETS, LEASES)
        async with running(store):
            await works_again(store)
            proxy.faults = Faults(half_open=True)
            await refused_within(store.enter(lease(1)), SLOWEST)
            proxy.faults = Faults()
            await works_again(store)


async def test_a_wrong_password_is_said_without_the_password() -> None:
    with structlog.testing.capture_logs() as logs:
        async with redis_server("--requirepass", "right-one") as server:
            url = f"redis://:wr0ng-p%40ss@127.0.0.1:{server.port}/0"
            store = RedisStore(url)
            async with running(store):
                down = await refused_within(store.enter(lease(1)), SLOWEST)
            good = RedisStore(url.replace("wr0ng-p%40ss", "right-one"))
            async with running(good):
                await works_again(good)
    assert "password" in str(down)
    told = f"{down} {down.__cause__!r} {store.address} {store.address!r} {logs}"
    assert "wr0ng" not in told
    assert "right-one" not in told


async def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends() -> None:
    with structlog.testing.capture_logs() as logs:
        async with redis_server() as server, replica(server) as store:
            await works_again(store)
            server.kill()
            for _ in range(30):
                await refused_within(store.enter(lease(1)), SLOWEST)
                await asyncio.sleep(0.05)
            await server.start()
            await works_again(store)
    assert names(logs).count("store.down") == 1
    assert names(logs).count("store.up") == 1


def names(logs: list[EventDict]) -> list[str]:
    return [entry["event"] for entry in logs]


async def test_closing_a_store_whose_redis_is_frozen_takes_a_second_or_two() -> None:
    async with redis_server() as server, nothing_left():
        store = RedisStore(server.url)
        async with running(store):
            await works_again(store)
            server.freeze()
            began = time.monotonic()
        assert time.monotonic() - began < 2.5
        with pytest.raises(StoreDown, match="ending"):
            await store.enter(lease(1))
        server.thaw()


async def test_a_store_that_is_closed_gives_back_what_it_held() -> None:
    async with redis_server() as server, replica(server) as two:
        async with replica(server) as one:
            assert await enter_all(one, "user", 2) == [None, None]
        assert await enter_all(two, "user", 2) == [None, None]


async def test_nothing_grows_with_what_has_come_and_gone() -> None:
    async with redis_server() as server, replica(server) as store:
        for number in range(900):
            mine = lease(number, f"user-{number % 30}", f"address-{number % 7}")
            await put(store, str(number), owner=f"{number}")
            assert await store.enter(mine) is None
            assert await store.take_ticket(str(number)) is not None
            await store.leave(mine)
        assert store.footprint <= 3
        # the allowances of 30 users and 7 addresses, this process, and nothing else
        assert int(server.command("DBSIZE")[1:]) <= 38
        assert b"user:" not in server.command("KEYS", "*user:*")
