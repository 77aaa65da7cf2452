"""Leases and openings in the memory of one process."""

from __future__ import annotations

from app.store.limits import ADDRESS_OPENINGS, SESSION_WAIT, StoreLimits
from app.store.openings import Openings
from app.store.store import Full, Lease, LeaseLimits, NoLease


class MemoryLeases:
    """The live sessions by user and by address, as many as the process has. Times are monotonic
    seconds."""

    def __init__(self, limits: LeaseLimits, store: StoreLimits) -> None:
        self._limits = limits
        self._held: dict[str, Lease] = {}
        self._users: dict[str, set[str]] = {}
        self._addresses: dict[str, set[str]] = {}
        self._by_user = Openings(limits.openings_per_minute, store.openers)
        per_address = ADDRESS_OPENINGS * limits.openings_per_minute
        self._by_address = Openings(per_address, store.openers)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def footprint(self) -> int:
        """Entries held in all."""
        leases = len(self._held) + len(self._users) + len(self._addresses)
        return leases + len(self._by_user) + len(self._by_address)

    def enter(self, lease: Lease, now: float) -> NoLease | None:
        """See `LeaseStore.enter`; whether the user is revoked is its caller's question."""
        if (wait := self._opening(lease, now)) > 0:
            return NoLease(Full.OPENINGS, wait)
        if self._others(self._users, lease.user, lease) >= self._limits.sessions_per_user:
            return NoLease(Full.USER, SESSION_WAIT)
        if lease.address is not None:
            others = self._others(self._addresses, lease.address, lease)
            if others >= self._limits.sessions_per_address:
                return NoLease(Full.ADDRESS, SESSION_WAIT)
        self.adopt(lease)
        return None

    def adopt(self, lease: Lease) -> None:
        """Counts a session that was let in elsewhere, whatever the limits say."""
        self.leave(lease)
        self._held[lease.session_id] = lease
        self._users.setdefault(lease.user, set()).add(lease.session_id)
        if lease.address is not None:
            self._addresses.setdefault(lease.address, set()).add(lease.session_id)

    def leave(self, lease: Lease) -> None:
        """See `LeaseStore.leave`."""
        held = self._held.pop(lease.session_id, None)
        if held is None:
            return
        _drop(self._users, held.user, held.session_id)
        if held.address is not None:
            _drop(self._addresses, held.address, held.session_id)

    def _opening(self, lease: Lease, now: float) -> float:
        """Charges the opening to user and address, or says how long to wait for both."""
        wait = self._by_user.wait(lease.user, now)
        if lease.address is not None:
            wait = max(wait, self._by_address.wait(lease.address, now))
        if wait > 0:
            return wait
        self._by_user.charge(lease.user, now)
        if lease.address is not None:
            self._by_address.charge(lease.address, now)
        return 0.0

    @staticmethod
    def _others(counted: dict[str, set[str]], key: str, lease: Lease) -> int:
        sessions = counted.get(key, set())
        return len(sessions) - (lease.session_id in sessions)


def _drop(counted: dict[str, set[str]], key: str, session_id: str) -> None:
    sessions = counted[key]
    sessions.discard(session_id)
    if not sessions:
        del counted[key]
