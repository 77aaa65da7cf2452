"""Which users are revoked in this process' memory, and who wants to hear of revocations."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import structlog

from app.store.store import Revocation, RevokedKind

log = structlog.get_logger("store")


class Revoked:
    """Revoked users, each until its time. At most `most`: beyond it, the one that would be free
    again soonest is. Times are monotonic seconds. A call costs as much as it forgets, and no more
    for a full house: the event loop waits for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[str, float] = {}
        self._by_end: list[tuple[float, str]] = []  # may name users that are free, or a former end

    def __len__(self) -> int:
        return len(self._until)

    def remember(self, revocation: Revocation, now: float) -> None:
        """Refuses the user's new sessions from now on; a later end holds."""
        if revocation.kind is not RevokedKind.USER or revocation.seconds <= 0:
            return
        self._sweep(now)
        user = revocation.name
        until = now + revocation.seconds
        if until <= self._until.get(user, 0.0):
            return
        if user not in self._until and len(self._until) >= self._most:
            del self._until[self._soonest()]
        self._until[user] = until
        heapq.heappush(self._by_end, (until, user))
        if len(self._by_end) > 2 * len(self._until) + 64:
            self._by_end = [(end, name) for name, end in self._until.items()]
            heapq.heapify(self._by_end)

    def left(self, user: str, now: float) -> float:
        """Seconds for which the user is refused; 0 if it is not."""
        until = self._until.get(user)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[user]
            return 0.0
        return until - now

    def _sweep(self, now: float) -> None:
        while self._by_end and self._by_end[0][0] <= now:
            until, user = heapq.heappop(self._by_end)
            if self._until.get(user) == until:
                del self._until[user]

    def _soonest(self) -> str:
        """Who would be free again first. There is somebody."""
        while True:
            until, user = heapq.heappop(self._by_end)
            if self._until.get(user) == until:
                return user


class Hearers:
    """Whom to tell of revocations. One that fails is logged, and the others are told all the
    same."""

    def __init__(self) -> None:
        self._hearers: list[Callable[[Revocation], None]] = []

    def add(self, heard: Callable[[Revocation], None]) -> None:
        """`heard` is told from now on."""
        self._hearers.append(heard)

    def tell(self, revocation: Revocation) -> None:
        """Tells everyone, now."""
        for heard in self._hearers:
            try:
                heard(revocation)
            except Exception as error:
                log.error("revocation.not_heard", kind=revocation.kind.value, exc_info=error)
