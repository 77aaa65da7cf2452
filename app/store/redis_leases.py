"""Leases in Redis, and how this process' share of them is put right after trouble.

This process knows its own sessions, Redis counts everybody's. Whenever the two may differ (Redis
lost its memory, or the outcome of a call is not known), the process registers anew: it tells Redis
all that it holds in place of all that Redis has of it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.store.crossing import Crossing
from app.store.limits import ADDRESS_OPENINGS, SESSION_WAIT
from app.store.redis_calls import RedisCalls
from app.store.redis_line import NOT_REDIS, Argument
from app.store.redis_scripts import ENTER, LEAVE, PREFIX, PROCESSES, REGISTER
from app.store.store import Full, Lease, LeaseLimits, NoLease, StoreDown

log = structlog.get_logger("store")

CHUNK = 500
"""How many sessions are registered in one step: about 2 ms of Redis' time."""

ANYWAY = 5
"""After so many heartbeats this process registers anew, whatever was counted."""


class RedisLeases:
    """A `LeaseStore` that all replicas share. `process` names this one, and nobody else ever.

    What Redis is told of a session and what `_held` says change together, between two
    registrations: never beside one, or it would bring back who has just left.
    """

    def __init__(self, calls: RedisCalls, limits: LeaseLimits, process: str) -> None:
        self._calls = calls
        self._limits = limits
        self._process = process
        self._keys = (PROCESSES, f"{PREFIX}held:{process}")
        self._life = round(calls.timings.lease * 1000)
        self._held: dict[str, Lease] = {}
        self._settled = True  # whether Redis holds exactly this, as far as we know
        self._odd = False  # whether the last heartbeat counted otherwise
        self._registered = 0
        self._since = 0  # heartbeats since that
        self.losses = 0  # how often Redis no longer knew this process
        self._crossing = Crossing()

    def __len__(self) -> int:
        return len(self._held)

    async def enter(self, lease: Lease) -> NoLease | None:
        """See `LeaseStore.enter`. Whatever it raises, nothing is held."""
        until = self._calls.until()
        keys, arguments = self._question(lease)
        for _ in range(3):
            registered = self._registered
            async with self._changing(until):
                why, wait = await self._calls.run(ENTER, keys, arguments, until)
                if why == b"in":
                    self._held[lease.session_id] = lease
                    return None
            if why != b"lost":
                return NoLease(_full(why), wait / 1000 or SESSION_WAIT)
            self.losses += 1
            await self._register(until, registered)
        raise StoreDown("Redis forgets this process as soon as it has registered.")

    async def leave(self, lease: Lease) -> None:
        """See `LeaseStore.leave`."""
        if lease.session_id not in self._held:
            return
        keys: tuple[str, ...] = (f"{PREFIX}user:{lease.user}", self._keys[1])
        if lease.address is not None:
            keys = (*keys, f"{PREFIX}address:{lease.address}")
        until = self._calls.until()
        try:
            async with self._changing(until):
                self._held.pop(lease.session_id, None)
                await self._calls.run(LEAVE, keys, (lease.session_id,), until)
        except StoreDown:
            return  # `_changing` has seen it: the next heartbeat that gets through puts it right
        finally:
            self._held.pop(lease.session_id, None)

    def adopt(self, lease: Lease) -> None:
        """Counts a session that was let in while Redis was down; the caller must `leave`."""
        self._held[lease.session_id] = lease
        self._settled = False

    async def counted(self, alive: bool, count: int) -> None:
        """A heartbeat found that Redis thinks us alive, with `count` leases: registers where that
        is wrong. A count may be off because a session comes or goes right now; twice in a row it
        is wrong. Every so often it registers in any case: what Redis threw away for want of room
        need not show in a count. Raises `StoreDown`."""
        differs = count != len(self._held)
        wrong, self._odd = differs and self._odd, differs
        self._since += 1
        if alive and self._settled and not wrong and self._since < ANYWAY:
            return
        if not alive:
            self.losses += 1
            if self._registered:
                log.warning("store.registered_again", sessions=len(self._held))
        self._odd = False
        await self._register(self._calls.until(), self._registered)
        self._since = 0

    async def farewell(self) -> None:
        """Gives back all that this process holds. Raises `StoreDown`."""
        self._held.clear()
        await self._tell([], "first", "last", 0, self._calls.until())

    def _question(self, lease: Lease) -> tuple[tuple[str, ...], tuple[Argument, ...]]:
        """Keys and arguments of `ENTER`."""
        limits = self._limits
        keys: tuple[str, ...] = (
            f"{PREFIX}revoked:{lease.user}",
            f"{PREFIX}open:{lease.user}",
            f"{PREFIX}user:{lease.user}",
            self._keys[1],
            PROCESSES,
        )
        arguments: tuple[Argument, ...] = (
            lease.session_id,
            self._process,
            _owner(lease),
            limits.sessions_per_user,
            limits.openings_per_minute,
        )
        if lease.address is None:
            return keys, arguments
        return (
            (*keys, f"{PREFIX}open-address:{lease.address}", f"{PREFIX}address:{lease.address}"),
            (
                *arguments,
                limits.sessions_per_address,
                ADDRESS_OPENINGS * limits.openings_per_minute,
            ),
        )

    @asynccontextmanager
    async def _changing(self, until: float) -> AsyncIterator[None]:
        """Around a call that changes what Redis holds. One that fails leaves us unsure."""
        try:
            async with self._crossing.across(until):
                yield
        except TimeoutError as error:
            self._settled = False
            raise StoreDown("Redis is slow: this process is still registering.") from error
        except BaseException:
            self._settled = False
            raise

    async def _register(self, until: float, seen: int) -> None:
        """Tells Redis all that is held, unless somebody has since the registration numbered
        `seen`. Raises `StoreDown`."""
        try:
            async with self._crossing.alone(until):
                if seen != self._registered and self._settled:
                    return
                self._settled = False
                held = list(self._held.values())
                await self._tell(held, "first", "last", self._life, until)
                self._settled = held == list(self._held.values())  # or one was adopted meanwhile
                self._registered += 1
        except TimeoutError as error:
            raise StoreDown("Redis is slow: this process could not register in time.") from error

    async def _tell(
        self, leases: list[Lease], first: str, last: str, life: int, until: float
    ) -> None:
        for start in range(0, max(1, len(leases)), CHUNK):
            part = leases[start : start + CHUNK]
            await self._calls.run(
                REGISTER,
                self._keys,
                (
                    PREFIX,
                    self._process,
                    life,
                    first if start == 0 else "",
                    last if start + CHUNK >= len(leases) else "",
                    *(text for lease in part for text in (lease.session_id, _owner(lease))),
                ),
                until=until,
            )


def _full(why: bytes) -> Full:
    """Raises `StoreDown` for what is none of our script's words."""
    try:
        return Full(why.decode())
    except ValueError:
        raise StoreDown(f"Redis: {NOT_REDIS}.") from None


def _owner(lease: Lease) -> str:
    return json.dumps([lease.user, lease.address])
