"""How many tickets may be made a minute, for a user and for an address, and how many live long.

The store has room for so many live tickets in all, and those that SDKs ask for live for minutes:
without rates, a few hundred users could fill it for everybody. Kept in this process alone: what
replicas share is the store's count of a user's live tickets.
"""

from __future__ import annotations

from collections.abc import Callable

from app.session.meters import Bucket

MOST_NAMES = 10_000

LONG_KEYS = 4
LONG_SECONDS = 600.0
"""So many keys a user gets in so many seconds that live longer than `SHORT_SECONDS`. Further ones
live that long: enough for who connects at once, and each answer says when its key ends."""

SHORT_SECONDS = 60.0


class MintRates:
    """`clock` gives monotonic seconds. `user` and `address` are tickets a minute, which may come at
    once; each is at least 1."""

    def __init__(self, clock: Callable[[], float], *, user: int = 20, address: int = 100) -> None:
        self._clock = clock
        self._users = _Buckets(user / 60, user)
        self._addresses = _Buckets(address / 60, address)
        self._long = _Buckets(LONG_KEYS / LONG_SECONDS, LONG_KEYS)

    def __len__(self) -> int:
        """How much is remembered."""
        return len(self._users) + len(self._addresses) + len(self._long)

    def wait(self, user: str, address: str | None) -> float:
        """Seconds until another ticket may be made; 0: now, and it is charged. An `address` of None
        is none, and has no rate."""
        now = self._clock()
        asked = [(self._users, user)]
        if address is not None:
            asked.append((self._addresses, address))
        if (longest := max(buckets.wait(name, now) for buckets, name in asked)) > 0:
            return longest
        for buckets, name in asked:
            buckets.charge(name, now)
        return 0.0

    def seconds(self, user: str, wanted: float) -> float:
        """How long a key for this user lives that should live `wanted` seconds."""
        if wanted <= SHORT_SECONDS:
            return wanted
        now = self._clock()
        if self._long.wait(user, now) > 0:
            return SHORT_SECONDS
        self._long.charge(user, now)
        return wanted


class _Buckets:
    """One for each name; the one that was charged longest ago is forgotten first."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, name: str, now: float) -> float:
        """Seconds until one more could be charged."""
        bucket = self._buckets.get(name)
        if bucket is None or bucket.has(1, now):
            return 0.0
        wait = bucket.charge(1, now)
        bucket.charge(-1, now)  # it was only asked
        return wait

    def charge(self, name: str, now: float) -> None:
        """Takes one."""
        bucket = self._buckets.pop(name, None) or Bucket(self._rate, self._burst, now)
        bucket.charge(1, now)
        self._buckets[name] = bucket  # behind all others
        if len(self._buckets) > MOST_NAMES:
            del self._buckets[next(iter(self._buckets))]
