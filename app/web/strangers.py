"""How often an address may show a credential that is bad and that only somebody else can judge.

A program that connects for ever with a dead ticket, and somebody who tries tickets, cost a question
to the store or the issuer each time. So an address pays before the question, and is paid back when
the credential was good: its good ones are free, however many they are. A bad one that comes again
is known for a while, and costs nothing. Kept in this process alone: a replica protects itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.auth.denied import Denied
from app.session.meters import Bucket

MOST_ADDRESSES = 10_000
MOST_KNOWN = 10_000
KNOWN_SECONDS = 30.0
"""Short, because what nobody knows while the store or the issuer is away may be good afterwards."""


class Unheard(Exception):  # noqa: N818  (an answer, not a fault)
    """The address has shown too many bad credentials. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"not heard for {retry_after:g} s")
        self.retry_after = retry_after


class Look:
    """One question about a credential, paid for; `spare` where it need not be."""

    spared = False

    def spare(self) -> None:
        """The credential was good, or nobody was asked."""
        self.spared = True


@dataclass(slots=True)
class _Address:
    bucket: Bucket
    looking: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def wake(self, most: int) -> None:
        """Lets the first `most` of those that wait see for themselves."""
        while most > 0 and self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                most -= 1


class Strangers:
    """The addresses that failed lately, at most `MOST_ADDRESSES`; the one that came longest ago is
    forgotten first. `a_minute` of 0 means no limit; `clock` gives monotonic seconds."""

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._addresses: dict[str, _Address] = {}
        self._known: dict[bytes, tuple[Denied, float]] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    @property
    def known(self) -> int:
        """How many bad credentials are remembered."""
        return len(self._known)

    def recall(self, credential: str) -> Denied | None:
        """What this credential was refused with a moment ago, if it was."""
        denied, until = self._known.get(_hash(credential), (None, 0.0))
        return denied if self._clock() < until else None

    def remember(self, credential: str, denied: Denied) -> None:
        """It is bad, whoever shows it, and will be so for a while. Its hash is what is kept."""
        if not self._a_minute:
            return
        key = _hash(credential)
        self._known.pop(key, None)
        self._known[key] = (denied, self._clock() + KNOWN_SECONDS)
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    @asynccontextmanager
    async def look(self, address: str | None) -> AsyncIterator[Look]:
        """Around one question: charged at its beginning, given back at its end where it was spared.

        Who comes while all that is left is held by questions under way waits for their end; the
        caller keeps a deadline. Raises `Unheard`. None is no address, and is never charged.
        """
        look = Look()
        if address is None or not self._a_minute:
            yield look
            return
        found = await self._charged(address)
        try:
            yield look
        finally:
            self._ended(address, found, look)

    async def _charged(self, address: str) -> _Address:
        while True:
            now = self._clock()
            found = self._addresses.pop(address, None) or _Address(
                Bucket(self._a_minute / 60, self._a_minute, now)
            )
            self._addresses[address] = found  # behind all others
            if len(self._addresses) > MOST_ADDRESSES:
                del self._addresses[next(iter(self._addresses))]
            if found.bucket.has(1, now):
                found.bucket.charge(1, now)
                found.looking += 1
                return found
            if not found.looking:
                raise Unheard(60 / self._a_minute)
            await self._wait(found)

    async def _wait(self, found: _Address) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        found.waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                found.wake(1)  # in its place
            raise

    def _ended(self, address: str, found: _Address, look: Look) -> None:
        now = self._clock()
        found.looking -= 1
        if look.spared:
            found.bucket.charge(-1, now)
        found.wake(1 if found.looking else len(found.waiting))
        whole = not found.looking and found.bucket.has(self._a_minute, now)
        if whole and self._addresses.get(address) is found:
            del self._addresses[address]


def _hash(credential: str) -> bytes:
    return hashlib.sha256(credential.encode()).digest()
