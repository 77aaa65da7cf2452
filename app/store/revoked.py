"""Which users are revoked in this process' memory, and who wants to hear of revocations."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from app.store.store import Revocation, RevokedKind

log = structlog.get_logger("store")


class Revoked:
    """Revoked users, each until its time. At most `most`: beyond it, the one that would be free
    again soonest is. Times are monotonic seconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def remember(self, revocation: Revocation, now: float) -> None:
        """Refuses the user's new sessions from now on; a later end holds."""
        if revocation.kind is not RevokedKind.USER or revocation.seconds <= 0:
            return
        for user in [user for user, until in self._until.items() if until <= now]:
            del self._until[user]
        until = max(self._until.get(revocation.name, 0.0), now + revocation.seconds)
        if revocation.name not in self._until and len(self._until) >= self._most:
            del self._until[min(self._until, key=self._until.__getitem__)]
        self._until[revocation.name] = until

    def left(self, user: str, now: float) -> float:
        """Seconds for which the user is refused; 0 if it is not."""
        until = self._until.get(user)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[user]
            return 0.0
        return until - now


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
