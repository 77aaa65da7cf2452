"""Tickets in Redis."""

from __future__ import annotations

from app.store.limits import ALL_FULL, StoreLimits, owner_full
from app.store.redis_calls import RedisCalls
from app.store.redis_line import NOT_REDIS
from app.store.redis_scripts import PREFIX, PUT_TICKET, TAKE_TICKET, TICKETS
from app.store.store import StoreDown, StoreFull


class RedisTickets:
    """A `TicketStore` that all replicas share. A record stands behind its owner's name, so that
    whoever takes it can give the owner its place back in the same step."""

    def __init__(self, calls: RedisCalls, limits: StoreLimits) -> None:
        self._calls = calls
        self._limits = limits

    async def put(self, key: str, owner: str, record: bytes, seconds: float) -> None:
        """See `TicketStore.put_ticket`. Raises `StoreDown` too."""
        name = owner.encode()
        life = max(1, round(seconds * 1000))
        answer = await self._calls.run(
            PUT_TICKET,
            (f"{PREFIX}ticket:{key}", f"{TICKETS}:{owner}", TICKETS),
            (
                key,
                b"%d:%b%b" % (len(name), name, record),
                life,
                self._limits.tickets_per_owner,
                self._limits.tickets,
            ),
        )
        what, live, wait = answer
        match what:
            case b"kept":
                return
            case b"owner":
                raise StoreFull(owner_full(live), wait / 1000)
            case b"all":
                raise StoreFull(ALL_FULL, wait / 1000)
            case b"known":
                raise ValueError("A ticket's key must be fresh, and this one is live.")
        raise StoreDown(f"Redis: {NOT_REDIS}.")

    async def take(self, key: str) -> bytes | None:
        """See `TicketStore.take_ticket`. Raises `StoreDown` too: then the ticket may be spent."""
        record: bytes | None = await self._calls.run(
            TAKE_TICKET, (f"{PREFIX}ticket:{key}", TICKETS), (PREFIX, key)
        )
        return record
