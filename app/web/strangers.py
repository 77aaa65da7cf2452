"""How often an address may show a bad credential, before it is refused without a look at it.

A program that connects for ever with a dead token, and somebody who tries tokens, cost a signature
or a question to the store each time. Kept in this process alone: a replica protects itself.
"""

from __future__ import annotations

from collections.abc import Callable

from app.session.meters import Bucket

MOST_ADDRESSES = 10_000


class Strangers:
    """The addresses that failed lately, at most `MOST_ADDRESSES`; the one that failed longest ago
    is forgotten first. `a_minute` of 0 means no limit; `clock` gives monotonic seconds."""

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._failed: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._failed)

    def wait(self, address: str | None) -> float:
        """Seconds until this address is heard again; 0 now. None is no address, and always is."""
        bucket = None if address is None else self._failed.get(address)
        if bucket is None or bucket.has(1, self._clock()):
            return 0.0
        return 60 / self._a_minute

    def failed(self, address: str | None) -> None:
        """A credential from there was bad."""
        if address is None or not self._a_minute:
            return
        now = self._clock()
        bucket = self._failed.pop(address, None) or Bucket(self._a_minute / 60, self._a_minute, now)
        bucket.charge(1, now)
        self._failed[address] = bucket  # behind all others
        if len(self._failed) > MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
