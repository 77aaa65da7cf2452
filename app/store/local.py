"""What goes on in this process alone while Redis is down (`RELAY_REDIS_DOWN=local`).

Limits then hold per process, and a ticket made meanwhile can be used at the process that made it.
"""

from __future__ import annotations

from collections.abc import Callable

from app.store.memory import MemoryStore
from app.store.redis_store import RedisStore
from app.store.store import Lease, NoLease, Revocation, Spawn, StoreDown


class LocalWhenDown:
    """A `Store` that asks `shared`, and where that is down the memory of this process.

    `local` is told of every session of this process, so that its limits count those too that
    began before; `shared` is told of those that began meanwhile, when it is back.
    """

    def __init__(self, shared: RedisStore, local: MemoryStore) -> None:
        self._shared = shared
        self._local = local
        shared.on_revoked(local.remember)

    @property
    def up(self) -> bool:
        """Whether Redis answered the last time that it was asked."""
        return self._shared.up

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """See `TicketStore.put_ticket`. Raises `StoreDown` where Redis may have got the ticket:
        kept here too, it could be used twice."""
        try:
            await self._shared.put_ticket(key, owner=owner, record=record, seconds=seconds)
        except StoreDown as down:
            if not down.untouched:
                raise
            await self._local.put_ticket(key, owner=owner, record=record, seconds=seconds)

    async def take_ticket(self, key: str) -> bytes | None:
        """See `TicketStore.take_ticket`. Raises `StoreDown` where the ticket is not of this
        process and Redis can't be asked about it."""
        record = await self._local.take_ticket(key)
        return record if record is not None else await self._shared.take_ticket(key)

    async def enter(self, lease: Lease) -> NoLease | None:
        """See `LeaseStore.enter`. Never raises `StoreDown`."""
        try:
            refused = await self._shared.enter(lease)
        except StoreDown:
            refused = await self._local.enter(lease)
            if refused is None:
                self._shared.adopt(lease)
            return refused
        if refused is None:
            self._local.adopt(lease)
        return refused

    async def leave(self, lease: Lease) -> None:
        """See `LeaseStore.leave`."""
        await self._local.leave(lease)
        await self._shared.leave(lease)

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationStore.revoke`. Where Redis is down it holds here at once, `StoreDown`
        says that it does so nowhere else, and the others are told when Redis is back."""
        try:
            await self._shared.revoke(revocation)
        except StoreDown as down:
            await self._local.revoke(revocation)
            self._shared.revoke_later(revocation)
            raise StoreDown(
                f"{down} Revoked in this process alone; the others hear of it when it is back.",
                down.retry_after,
            ) from down

    def on_revoked(self, heard: Callable[[Revocation], None]) -> None:
        """See `RevocationStore.on_revoked`."""
        self._shared.on_revoked(heard)
        self._local.on_revoked(heard)

    def start(self, spawn: Spawn) -> None:
        """See `Store.start`."""
        self._local.start(spawn)
        self._shared.start(spawn)

    async def close(self) -> None:
        """See `Store.close`."""
        await self._shared.close()
        await self._local.close()
