"""A Redis that is not the one it was, throws keys away, or talks nonsense: what this process knows
holds all the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from app.store.redis_calls import RedisTimings
from app.store.redis_store import RedisStore
from app.store.store import Full, Revocation, RevokedKind, StoreDown
from tests.harness.fault_proxy import Faults, fault_proxy
from tests.harness.redis_server import redis_server
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

STREAM = "relay:{store}:revocations"


def session(number: int) -> Revocation:
    return Revocation(RevokedKind.SESSION, f"session-{number}", 60)


async def published(store: RedisStore, revocation: Revocation) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            return await store.revoke(revocation)
        except StoreDown:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


# -- revocations -------------------------------------------------------------------------------


async def test_a_redis_that_comes_back_with_its_clock_behind_hides_no_revocation() -> None:
    heard: list[Revocation] = []
    async with (
        redis_server() as server,
        replica(server, timings=QUICK) as one,
        replica(server, timings=QUICK) as two,
    ):
        two.on_revoked(heard.append)
        ahead = round(time.time() * 1000) + 60_000
        told = json.dumps(["session", "session-1", 60])
        server.command("XADD", STREAM, f"{ahead}-0", "r", told)
        await until(lambda: heard == [session(1)])
        await server.restart()
        await published(one, session(2))
        await until(lambda: session(2) in heard)
        await published(one, session(3))
        await until(lambda: session(3) in heard)
    assert heard == [session(number) for number in (1, 2, 3)]


async def test_a_stream_that_is_behind_is_read_again_and_nothing_told_twice() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        store.on_revoked(heard.append)
        for number in range(3):
            await store.revoke(session(number))
        last = server.command("XREVRANGE", STREAM, "+", "-", "COUNT", "1").split(b"\r\n")[3]
        await asyncio.sleep(2 * QUICK.beat)
        server.command("XDEL", STREAM, last.decode())  # as if the replica that leads had not got it
        await asyncio.sleep(3 * QUICK.beat)
    assert heard == [session(number) for number in range(3)]


async def test_whoever_revokes_hears_of_it_before_it_is_told_so_and_once() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server:
        store = RedisStore(server.url, TICKETS, LEASES, QUICK)
        store.on_revoked(heard.append)
        await store.revoke(session(1))
        assert heard == [session(1)]
        async with running(store):
            await asyncio.sleep(2 * QUICK.beat)
    assert heard == [session(1)]


async def test_an_entry_that_nobody_can_read_is_skipped() -> None:
    heard: list[Revocation] = []
    with structlog.testing.capture_logs() as logs:
        async with redis_server() as server, replica(server, timings=QUICK) as store:
            store.on_revoked(heard.append)
            server.command("XADD", STREAM, "*", "r", "[[]]")
            server.command("XADD", STREAM, "*", "r", json.dumps(["session", "session-1", 60]))
            await until(lambda: heard == [session(1)])
            assert store.up
    assert [line["event"] for line in logs].count("revocation.unreadable") == 1


# -- evicted -----------------------------------------------------------------------------------


async def test_a_revoked_user_stays_out_where_redis_has_thrown_the_key_away() -> None:
    async with (
        redis_server() as server,
        replica(server, timings=QUICK) as one,
        replica(server, timings=QUICK) as two,
    ):
        heard: list[Revocation] = []
        two.on_revoked(heard.append)
        await one.revoke(Revocation(RevokedKind.USER, "ada", 30))
        await until(lambda: bool(heard))
        assert server.command("DEL", "relay:{store}:revoked:ada") == b":1\r\n"
        for store in (one, two):
            refused = await store.enter(lease("mine", "ada"))
            assert refused is not None
            assert refused.full is Full.REVOKED
            assert 28 < refused.retry_after <= 30


async def test_counts_that_redis_has_thrown_away_are_told_again() -> None:
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        assert await enter_all(store, "user", 2) == [None, None]
        assert server.command("DEL", "relay:{store}:user:user") == b":1\r\n"
        await until(
            lambda: server.command("HLEN", "relay:{store}:user:user") == b":2\r\n",
            7 * (QUICK.beat + 0.1),
        )
        refused = await store.enter(lease("third"))
        assert refused is not None
        assert refused.full is Full.USER


async def test_a_redis_that_throws_keys_away_is_named_in_the_log_once() -> None:
    with structlog.testing.capture_logs() as logs:
        options = ("--maxmemory", "50mb", "--maxmemory-policy", "volatile-lru")
        async with redis_server(*options) as server, replica(server, timings=QUICK):
            await asyncio.sleep(3 * QUICK.beat)
        async with redis_server() as server, replica(server, timings=QUICK):
            await asyncio.sleep(2 * QUICK.beat)
    (line,) = [line for line in logs if line["event"] == "store.forgets"]
    assert line["policy"] == "volatile-lru"


# -- full --------------------------------------------------------------------------------------


async def test_a_full_redis_is_not_up_although_it_answers_what_needs_no_room() -> None:
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        assert await store.enter(lease(1)) is None
        server.command("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreDown, match="OOM"):
            await store.enter(lease(2))
        for _ in range(10):
            assert await store.take_ticket("none") is None
            assert not store.up
            await asyncio.sleep(QUICK.beat / 3)
        server.command("CONFIG", "SET", "maxmemory", "0")
        await until(lambda: store.up, 2)  # without anybody who enters
        assert await store.enter(lease(2)) is None


# -- a queue of our own ------------------------------------------------------------------------


async def test_a_queue_for_our_own_connections_does_not_mean_that_redis_is_down() -> None:
    timings = RedisTimings(beat=50, call=0.6, lines=2)
    async with redis_server() as server, fault_proxy(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", TICKETS, LEASES, timings)
        assert await store.take_ticket("none") is None
        proxy.faults = Faults(latency=0.1)
        answers = await asyncio.gather(
            *(store.take_ticket(f"none-{number}") for number in range(40)), return_exceptions=True
        )
        crowded = [answer for answer in answers if isinstance(answer, StoreDown)]
        assert len(crowded) > 20
        assert all("in use" in str(answer) for answer in crowded)
        assert store.up
        assert await store.take_ticket("none") is None  # at once: no breaker is open
        await store.close()


# -- nonsense ----------------------------------------------------------------------------------


@asynccontextmanager
async def stranger(says: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers everything in the same way. Its URL, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            asked.append(piece)
            writer.write(says)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"redis://:pass@127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def one_of_three(store: RedisStore, number: int) -> None:
    if number == 0:
        await store.enter(lease(1))
    elif number == 1:
        await store.put_ticket("k", owner="o", record=b"r", seconds=9)
    else:
        await store.revoke(session(1))


@pytest.mark.parametrize(
    "says", [b":1\r\n", b"$-1\r\n", b"*0\r\n", b"*2\r\n:1\r\n:2\r\n",
             b"*2\r\n$2\r\n\xff\xff\r\n:0\r\n", b"*3\r\n$2\r\n\xff\xff\r\n:0\r\n:0\r\n"]
)  # fmt: skip
async def test_an_answer_of_a_wrong_shape_is_none(says: bytes) -> None:
    async with stranger(says) as (url, _):
        for number in range(3):
            store = RedisStore(url.replace(":pass@", ""), TICKETS, LEASES, QUICK)
            with pytest.raises(StoreDown):
                await one_of_three(store, number)
            await store.close()


async def test_an_odd_word_on_the_listening_line_does_not_end_the_listening() -> None:
    async with stranger(b":1\r\n:1\r\n") as (url, asked):
        store = RedisStore(url.replace(":pass@", ""), TICKETS, LEASES, QUICK)
        async with running(store):
            await until(lambda: sum(b"SUBSCRIBE" in piece for piece in asked) >= 2, 8)


async def test_a_redis_that_does_not_know_auth_learns_the_password_and_the_log_does_not() -> None:
    with structlog.testing.capture_logs() as logs:
        async with redis_server("--rename-command", "AUTH", "") as server:
            url = server.url.replace("//", "//someone:S3cret-pass@")
            store = RedisStore(url, TICKETS, LEASES, QUICK)
            async with running(store):
                with pytest.raises(StoreDown) as down:
                    await store.enter(lease(1))
                await until(lambda: "store.not_listening" in [line["event"] for line in logs])
    assert "store.down" in [line["event"] for line in logs]
    assert "S3cret" not in f"{down.value} {down.value.__cause__!r} {logs}"
    assert "someone" not in f"{down.value} {logs}"
