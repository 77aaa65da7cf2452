"""The store of a single process: everything is gone when it ends.

Nothing here awaits between looking and changing, so each method is atomic on the event loop.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from app.store.store import StoreFull


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Caps on live tickets, each at least 1: per owner, and in all."""

    tickets_per_owner: int = 20
    tickets: int = 10_000


@dataclass(frozen=True, slots=True)
class _Ticket:
    owner: str
    expires: float
    record: bytes = field(repr=False)


class MemoryStore:
    """A `TicketStore` in memory, bounded by its limits.

    `clock` gives monotonic seconds. Expired tickets are swept by every call, at a cost that does
    not grow with what is alive.
    """

    def __init__(self, clock: Callable[[], float], limits: StoreLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or StoreLimits()
        self._tickets: dict[str, _Ticket] = {}
        self._owned: dict[str, set[str]] = {}
        self._by_expiry: list[tuple[float, str]] = []  # may name tickets that were taken

    @property
    def live_tickets(self) -> int:
        """How many tickets could still be taken."""
        self._sweep()
        return len(self._tickets)

    @property
    def footprint(self) -> int:
        """Entries held in all, so that a test can see that nothing piles up."""
        return len(self._tickets) + len(self._owned) + len(self._by_expiry)

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """See `TicketStore.put_ticket`."""
        self._sweep()
        owned = self._owned.get(owner, set())
        if len(owned) >= self._limits.tickets_per_owner:
            raise StoreFull(
                f"You have {len(owned)} unused tickets. Use one, or wait until one expires.",
                min(self._tickets[one].expires for one in owned) - self._clock(),
            )
        if len(self._tickets) >= self._limits.tickets:
            raise StoreFull(
                "Too many unused tickets are open at the moment. Try again later.",
                self._by_expiry[0][0] - self._clock(),
            )
        expires = self._clock() + seconds
        self._tickets[key] = _Ticket(owner, expires, record)
        self._owned.setdefault(owner, set()).add(key)
        heapq.heappush(self._by_expiry, (expires, key))

    async def take_ticket(self, key: str) -> bytes | None:
        """See `TicketStore.take_ticket`."""
        self._sweep()
        if key not in self._tickets:
            return None
        ticket = self._remove(key)
        if len(self._by_expiry) > 2 * len(self._tickets) + 64:
            self._by_expiry = [(one.expires, name) for name, one in self._tickets.items()]
            heapq.heapify(self._by_expiry)
        return ticket.record

    def _sweep(self) -> None:
        """Afterwards the first entry of the heap, if any, is a live ticket."""
        now = self._clock()
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
