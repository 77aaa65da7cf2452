"""The store that replicas share: one Redis, spoken to with deadlines, and no trust in its memory.

What Redis forgets, each replica tells it again; what a dead replica held runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

import structlog

from app.store.address import RedisAddress, parse_redis_url
from app.store.limits import DEFAULT_LEASES, StoreLimits
from app.store.redis_calls import RedisCalls, RedisTimings
from app.store.redis_leases import RedisLeases
from app.store.redis_revocations import RedisRevocations
from app.store.redis_scripts import BEAT, MEMORY, PREFIX, PROCESSES, REVOCATIONS
from app.store.redis_tickets import RedisTickets
from app.store.store import Full, Lease, LeaseLimits, NoLease, Revocation, Spawn, StoreDown

log = structlog.get_logger("store")

SHORTEST_PAUSE = 0.05
"""Seconds between two heartbeats, however many revocations are published."""


KEEPS_ALL = "noeviction"


class RedisStore:
    """A `Store` in Redis 6.0 or later. Each method ends within `timings.call` seconds, with its
    answer or with `StoreDown`.

    The caller calls `start` once on the loop, and `close` at the end. Raises ValueError for a URL
    that is none (see `parse_redis_url`), and OSError for authorities that can't be read.
    """

    def __init__(
        self,
        url: str | RedisAddress,
        limits: StoreLimits | None = None,
        leases: LeaseLimits | None = None,
        timings: RedisTimings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = parse_redis_url(url) if isinstance(url, str) else url
        self._timings = timings or RedisTimings()
        self._process = secrets.token_hex(8)
        self._nudged = asyncio.Event()
        self._calls = RedisCalls(self.address, self._timings, clock)
        self._tickets = RedisTickets(self._calls, limits or StoreLimits())
        self._leases = RedisLeases(self._calls, leases or DEFAULT_LEASES, self._process)
        most = (limits or StoreLimits()).revoked
        self._revocations = RedisRevocations(self._calls, clock, self._nudged.set, most)
        self._losses = 0
        self._policy_told = False
        self._running: list[asyncio.Task[None]] = []

    @property
    def up(self) -> bool:
        """Whether Redis answered the last time that it was asked."""
        return not self._calls.failing

    @property
    def live_leases(self) -> int:
        """How many sessions of this process are counted."""
        return len(self._leases)

    @property
    def footprint(self) -> int:
        """Entries and connections held in all, so that a test can see that nothing piles up."""
        return len(self._leases) + self._revocations.footprint + self._calls.lines

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """See `TicketStore.put_ticket`. Raises `StoreDown` too."""
        await self._tickets.put(key, owner, record, seconds)

    async def take_ticket(self, key: str) -> bytes | None:
        """See `TicketStore.take_ticket`. Raises `StoreDown` too: then the ticket may be spent."""
        return await self._tickets.take(key)

    async def enter(self, lease: Lease) -> NoLease | None:
        """See `LeaseStore.enter`. Whatever it raises, there is no lease. Who is known here to be
        revoked stays out, whatever Redis has forgotten."""
        if (left := self._revocations.left(lease.user)) > 0:
            return NoLease(Full.REVOKED, left)
        return await self._leases.enter(lease)

    async def leave(self, lease: Lease) -> None:
        """See `LeaseStore.leave`."""
        await self._leases.leave(lease)

    def adopt(self, lease: Lease) -> None:
        """Counts a session that was let in while Redis was down; the caller must `leave`."""
        self._leases.adopt(lease)

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationStore.revoke`."""
        await self._revocations.revoke(revocation)

    def revoke_later(self, revocation: Revocation) -> None:
        """Publishes it when Redis is back, if this process lives to see that."""
        self._revocations.revoke_later(revocation)

    def on_revoked(self, heard: Callable[[Revocation], None]) -> None:
        """See `RevocationStore.on_revoked`."""
        self._revocations.hearers.add(heard)

    async def forgets(self) -> str | None:
        """By which policy Redis throws keys away when its memory is full; None: by none, as it
        must be (`noeviction`), or it does not tell. Raises `StoreDown`."""
        told: bytes = await self._calls.run(MEMORY, (), ())
        lines = (line.partition(":") for line in told.decode(errors="replace").split())
        facts = {name: value for name, _, value in lines}
        policy = facts.get("maxmemory_policy", KEEPS_ALL)
        bounded = facts.get("maxmemory", "0") != "0"
        return policy if bounded and policy != KEEPS_ALL else None

    def start(self, spawn: Spawn) -> None:
        """See `Store.start`."""
        self._running = [
            spawn("store heartbeat", self._live()),
            spawn("store listening", self._revocations.listen()),
        ]

    async def close(self) -> None:
        """See `Store.close`."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._timings.call)
        with contextlib.suppress(StoreDown):
            await self._leases.farewell()
        await self._calls.close()

    async def _live(self) -> None:
        """The heartbeat: soon after Redis could be back, otherwise every `timings.beat`."""
        while True:
            self._nudged.clear()
            pause = self._timings.beat
            try:
                await self._beat()
            except StoreDown:
                pause = min(pause, self._calls.wait() or self._timings.first_pause)
            except Exception as error:  # without a heartbeat every lease would run out
                log.error("store.heartbeat_failed", exc_info=error)
            await asyncio.sleep(SHORTEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudged.wait()

    async def _beat(self) -> None:
        """Says that this process lives, and hears what it has missed. Raises `StoreDown`."""
        if self._losses != self._leases.losses:
            self._losses = self._leases.losses
            self._revocations.start_over()
        last, age = self._revocations.position()
        alive, count, now, last_heard, news, room = await self._calls.run(
            BEAT,
            (PROCESSES, f"{PREFIX}held:{self._process}", REVOCATIONS),
            (PREFIX, self._process, round(self._timings.lease * 1000), last, age),
        )
        self._calls.prune()
        self._revocations.heard(now, last_heard, news)
        if news:
            self._nudged.set()  # there may be more than one answer holds
        self._calls.room(there=bool(room))
        if not room:
            raise StoreDown("Redis takes nothing.", untouched=True)  # `room` has logged it
        await self._leases.counted(bool(alive), count)
        await self._revocations.catch_up()
        if not self._policy_told:
            await self._tell_policy()

    async def _tell_policy(self) -> None:
        """Warns, once, of a Redis that throws keys away. Raises `StoreDown`."""
        policy = await self.forgets()
        self._policy_told = True
        if policy is not None:
            log.warning(
                "store.forgets",
                redis=str(self.address),
                policy=policy,
                hint="set its maxmemory-policy to noeviction: a key holds a limit or a ban",
            )
