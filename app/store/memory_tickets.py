"""Tickets in the memory of one process: bounded, and swept by every call."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from app.store.limits import ALL_FULL, StoreLimits, owner_full
from app.store.store import StoreFull


@dataclass(frozen=True, slots=True)
class _Ticket:
    owner: str
    expires: float
    record: bytes = field(repr=False)


class MemoryTickets:
    """Live tickets by key. Expired ones are swept by every call, at a cost that does not grow with
    what is alive. Times are monotonic seconds."""

    def __init__(self, limits: StoreLimits) -> None:
        self._limits = limits
        self._tickets: dict[str, _Ticket] = {}
        self._owned: dict[str, set[str]] = {}
        self._by_expiry: list[tuple[float, str]] = []  # may name tickets that were taken

    @property
    def footprint(self) -> int:
        """Entries held in all."""
        return len(self._tickets) + len(self._owned) + len(self._by_expiry)

    def live(self, now: float) -> int:
        """How many tickets could still be taken."""
        self._sweep(now)
        return len(self._tickets)

    def put(self, key: str, owner: str, record: bytes, seconds: float, now: float) -> None:
        """See `TicketStore.put_ticket`."""
        self._sweep(now)
        if key in self._tickets:
            raise ValueError("A ticket's key must be fresh, and this one is live.")
        owned = self._owned.get(owner, set())
        if len(owned) >= self._limits.tickets_per_owner:
            soonest = min(self._tickets[one].expires for one in owned)
            raise StoreFull(owner_full(len(owned)), soonest - now)
        if len(self._tickets) >= self._limits.tickets:
            raise StoreFull(ALL_FULL, self._by_expiry[0][0] - now)
        self._tickets[key] = _Ticket(owner, now + seconds, record)
        self._owned.setdefault(owner, set()).add(key)
        heapq.heappush(self._by_expiry, (now + seconds, key))

    def take(self, key: str, now: float) -> bytes | None:
        """See `TicketStore.take_ticket`."""
        self._sweep(now)
        if key not in self._tickets:
            return None
        ticket = self._remove(key)
        if len(self._by_expiry) > 2 * len(self._tickets) + 64:
            self._by_expiry = [(one.expires, name) for name, one in self._tickets.items()]
            heapq.heapify(self._by_expiry)
        return ticket.record

    def _sweep(self, now: float) -> None:
        """Afterwards the first entry of the heap, if any, is a live ticket."""
        while self._by_expiry:
            expires, key = self._by_expiry[0]
            if key in self._tickets and expires > now:
                return
            heapq.heappop(self._by_expiry)
            if key in self._tickets:
                self._remove(key)

    def _remove(self, key: str) -> _Ticket:
        ticket = self._tickets.pop(key)
        owned = self._owned[ticket.owner]
        owned.discard(key)
        if not owned:
            del self._owned[ticket.owner]
        return ticket
