"""The store of a single process: everything is gone when it ends.

Nothing here awaits between looking and changing, so each method is atomic on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable

from app.store.limits import DEFAULT_LEASES, StoreLimits
from app.store.memory_leases import MemoryLeases
from app.store.memory_tickets import MemoryTickets
from app.store.revoked import Hearers, Revoked
from app.store.store import Full, Lease, LeaseLimits, NoLease, Revocation, Spawn

__all__ = ["MemoryStore", "StoreLimits"]


class MemoryStore:
    """A `Store` in memory, bounded by its limits and by the sessions of its process.

    `clock` gives monotonic seconds. What has expired is swept by the calls themselves.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        limits: StoreLimits | None = None,
        leases: LeaseLimits | None = None,
    ) -> None:
        limits = limits or StoreLimits()
        self._clock = clock
        self._tickets = MemoryTickets(limits)
        self._leases = MemoryLeases(leases or DEFAULT_LEASES, limits)
        self._revoked = Revoked(limits.revoked)
        self._hearers = Hearers()

    @property
    def live_tickets(self) -> int:
        """How many tickets could still be taken."""
        return self._tickets.live(self._clock())

    @property
    def live_leases(self) -> int:
        """How many sessions are counted."""
        return len(self._leases)

    @property
    def footprint(self) -> int:
        """Entries held in all, so that a test can see that nothing piles up."""
        return self._tickets.footprint + self._leases.footprint + len(self._revoked)

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """See `TicketStore.put_ticket`."""
        self._tickets.put(key, owner, record, seconds, self._clock())

    async def take_ticket(self, key: str) -> bytes | None:
        """See `TicketStore.take_ticket`."""
        return self._tickets.take(key, self._clock())

    async def enter(self, lease: Lease) -> NoLease | None:
        """See `LeaseStore.enter`."""
        now = self._clock()
        if (left := self._revoked.left(lease.user, now)) > 0:
            return NoLease(Full.REVOKED, left)
        return self._leases.enter(lease, now)

    async def leave(self, lease: Lease) -> None:
        """See `LeaseStore.leave`."""
        self._leases.leave(lease)

    def adopt(self, lease: Lease) -> None:
        """Counts a session that another store has let in; the caller must `leave`."""
        self._leases.adopt(lease)

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationStore.revoke`."""
        self.remember(revocation)
        self._hearers.tell(revocation)

    def remember(self, revocation: Revocation) -> None:
        """Refuses a revoked user from now on, and tells nobody."""
        self._revoked.remember(revocation, self._clock())

    def on_revoked(self, heard: Callable[[Revocation], None]) -> None:
        """See `RevocationStore.on_revoked`."""
        self._hearers.add(heard)

    def start(self, spawn: Spawn) -> None:
        """Nothing runs in the background."""

    async def close(self) -> None:
        """Nothing to give back: it ends with its process."""
