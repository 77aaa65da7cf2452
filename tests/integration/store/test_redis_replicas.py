"""Replicas that share one Redis: one dies, one is cut off, one is told over TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from app.store.redis_calls import RedisTimings
from app.store.redis_store import RedisStore
from app.store.store import Full, NoLease, Revocation, RevokedKind, StoreDown
from tests.harness.fault_proxy import fault_proxy
from tests.harness.process import ROOT, environment
from tests.harness.redis_server import RedisServer, redis_server
from tests.integration.failures.certificates import Shelf, fill
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

HEARD = 5.0
"""Within how many seconds every replica hears of a revocation."""


def session(number: int) -> Revocation:
    return Revocation(RevokedKind.SESSION, f"session-{number}", 60)


# -- one dies ----------------------------------------------------------------------------------


def test_what_a_dead_replica_held_is_free_again_within_a_minute() -> None:
    timings = RedisTimings()
    assert timings.lease + timings.beat <= 60
    assert timings.lease <= 45
    assert timings.beat * 3 < timings.lease  # some heartbeats may be lost
    assert timings.beat <= 3  # how late a revocation is heard, and a restart noticed
    # a frozen Redis is asked again, and one more call may hang, within the five seconds
    assert timings.longest_pause + timings.call + 1 < 5


@asynccontextmanager
async def holder(server: RedisServer, number: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A replica of its own process that holds leases of `user`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.integration.store.holder", server.url, "user", str(number)),
        stdout=PIPE,
        cwd=ROOT,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"held\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_leases_of_a_replica_that_was_killed_run_out_and_not_before() -> None:
    async with redis_server() as server, replica(server, timings=QUICK) as store:
        async with holder(server, 2) as process:
            await asyncio.sleep(2 * QUICK.lease)
            refused = await store.enter(lease("mine"))
            assert refused is not None
            assert refused.full is Full.USER
            process.kill()
            await process.wait()
            died = time.monotonic()
            while isinstance(await store.enter(lease("mine")), NoLease):
                assert time.monotonic() - died < QUICK.lease + 1
                await asyncio.sleep(0.05)
            assert time.monotonic() - died > QUICK.lease - QUICK.beat - 0.1
        assert await store.enter(lease("mine too")) is None
        # what nobody asks about is cleaned up too: its address, its list, its name
        await until(lambda: b"office" not in server.command("KEYS", "*address:*"))
        await until(lambda: server.command("ZCARD", "relay:{store}:processes") == b":1\r\n")


async def test_a_replica_that_slept_through_its_leases_counts_again_when_it_wakes() -> None:
    seldom = RedisTimings(beat=50, lease=55)  # no heartbeat cleans up: whoever enters must see it
    async with redis_server() as server, replica(server, timings=seldom) as store:
        async with replica(server, timings=RedisTimings(beat=50, lease=0.3)) as sleeper:
            assert await enter_all(sleeper, "user", 2) == [None, None]
            await asyncio.sleep(0.5)
            assert await store.enter(lease("a")) is None  # the sleeper's are forgotten
            refused = await sleeper.enter(lease("b"))
            assert refused is not None
            assert refused.full is Full.USER
            await until(lambda: server.command("HLEN", "relay:{store}:user:user") == b":3\r\n")


# -- one is cut off ----------------------------------------------------------------------------


async def test_a_replica_hears_of_a_revocation_at_once() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        two.on_revoked(heard.append)
        await until(lambda: b"revoked\r\n:2" in subscribers(server))
        await asyncio.sleep(0.2)
        await one.revoke(session(1))
        assert await until(lambda: heard == [session(1)]) < 0.5


def subscribers(server: RedisServer) -> bytes:
    return server.command("PUBSUB", "NUMSUB", "relay:{store}:revoked")


async def test_what_is_published_while_nobody_can_listen_is_heard_all_the_same() -> None:
    """The account may not subscribe at all, so that every message is lost."""
    heard: list[Revocation] = []
    with structlog.testing.capture_logs() as logs:
        async with redis_server() as server:
            rules = ("on", ">pw", "~relay:*", "+@all", "resetchannels")
            assert server.command("ACL", "SETUSER", "quiet", *rules) == b"+OK\r\n"
            url = server.url.replace("//", "//quiet:pw@")
            store = RedisStore(url, TICKETS, LEASES, QUICK)
            async with running(store), replica(server) as one:
                store.on_revoked(heard.append)
                assert await store.enter(lease(1)) is None
                await one.revoke(session(1))
                await until(lambda: session(1) in heard, HEARD)
                await store.revoke(session(9))  # nor may it publish: others hear by heartbeat
                await until(lambda: session(9) in heard, HEARD)
    assert "store.not_listening" in [entry["event"] for entry in logs]


async def test_a_replica_whose_listening_is_cut_again_and_again_misses_nothing() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        two.on_revoked(heard.append)
        for number in range(20):
            server.command("CLIENT", "KILL", "TYPE", "pubsub")
            await one.revoke(session(number))
            await asyncio.sleep(0.05)
        await until(lambda: len(heard) == 20, HEARD)
        assert heard == [session(number) for number in range(20)]


async def test_a_replica_that_was_cut_off_hears_what_it_missed_when_it_is_back() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, fault_proxy(server.port) as proxy:
        far = RedisStore(f"redis://127.0.0.1:{proxy.port}", TICKETS, LEASES)
        async with replica(server) as near, running(far):
            far.on_revoked(heard.append)
            assert await far.enter(lease(1)) is None
            await proxy.down()
            for number in range(250):  # more than one answer holds
                await near.revoke(session(number))
            await asyncio.sleep(1)
            assert heard == []
            await proxy.up()
            await until(lambda: len(heard) == 250, HEARD)
            assert heard == [session(number) for number in range(250)]


async def test_a_replica_does_not_hear_of_what_was_before_its_time() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, replica(server) as one:
        await one.revoke(session(1))
        await asyncio.sleep(1.2)
        async with replica(server) as two:
            two.on_revoked(heard.append)
            await one.revoke(session(2))
            await until(lambda: session(2) in heard)
    assert heard == [session(2)]


async def test_a_revocation_after_a_restart_with_an_empty_memory_is_heard() -> None:
    heard: list[Revocation] = []
    async with redis_server() as server, replica(server) as one, replica(server) as two:
        two.on_revoked(heard.append)
        await one.revoke(session(1))
        await until(lambda: bool(heard))
        await server.restart()
        deadline = time.monotonic() + 5
        while True:
            try:
                await one.revoke(session(2))
                break
            except StoreDown:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
        await until(lambda: session(2) in heard, HEARD)


# -- TLS ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return fill(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def secure_server(shelf: Shelf, kind: str) -> AsyncIterator[RedisServer]:
    pem = str(shelf.folder / f"{kind}.pem")
    files = ("--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", str(shelf.ca))
    async with redis_server(*files, "--tls-auth-clients", "no", scheme="rediss") as server:
        yield server


async def test_redis_over_tls_serves_and_tells(shelf: Shelf) -> None:
    heard: list[Revocation] = []
    async with secure_server(shelf, "good") as server:
        store = RedisStore(f"{server.url}?ssl_ca_certs={shelf.ca}", TICKETS, LEASES)
        async with running(store):
            store.on_revoked(heard.append)
            assert await store.enter(lease(1)) is None
            await store.revoke(session(1))
            await until(lambda: heard == [session(1)])
            server.freeze()
            began = time.monotonic()
            with pytest.raises(StoreDown):
                await store.enter(lease(2))
            assert time.monotonic() - began < 1.5
            server.thaw()


@pytest.mark.parametrize("kind", ["wrong-name", "expired", "self-signed"])
async def test_a_wrong_certificate_is_never_accepted(shelf: Shelf, kind: str) -> None:
    async with secure_server(shelf, kind) as server:
        store = RedisStore(f"{server.url}?ssl_ca_certs={shelf.ca}", TICKETS, LEASES)
        async with running(store):
            with pytest.raises(StoreDown, match=r"(?i)certificate"):
                await store.enter(lease(1))


def test_authorities_that_cannot_be_read_are_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        RedisStore(f"rediss://127.0.0.1?ssl_ca_certs={tmp_path / 'none.pem'}")
    (tmp_path / "bad.pem").write_text("not a certificate")
    with pytest.raises(ssl.SSLError):
        RedisStore(f"rediss://127.0.0.1?ssl_ca_certs={tmp_path / 'bad.pem'}")
