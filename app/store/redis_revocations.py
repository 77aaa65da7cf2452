"""Revocations in Redis: a stream that every heartbeat reads on, and a message that wakes it.

The message says nothing but "look": what was lost with a connection is found by the next heartbeat,
in the same way and in order.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable

import msgspec
import structlog

from app.store.redis_calls import RedisCalls
from app.store.redis_line import Refused, Unanswered
from app.store.redis_scripts import CHANNEL, PREFIX, REVOCATIONS, REVOKE
from app.store.revoked import Hearers, Revoked
from app.store.store import Revocation, RevokedKind

log = structlog.get_logger("store")

KEPT = 10_000
KEPT_MILLISECONDS = 24 * 60 * 60 * 1000
"""What the stream keeps for a replica that is cut off: a session does not live that long."""

LATER = 1_000
"""The most revocations that wait for Redis to come back; beyond it, the oldest is dropped."""


class RedisRevocations:
    """A `RevocationStore` that all replicas share. `nudge` asks for a heartbeat now."""

    def __init__(
        self,
        calls: RedisCalls,
        clock: Callable[[], float],
        nudge: Callable[[], None],
        most: int,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._nudge = nudge
        self._since = clock()
        self._last = ""
        self._later: deque[tuple[Revocation, float]] = deque(maxlen=LATER)
        self._told: dict[tuple[bytes, bytes], None] = {}  # in the order of hearing
        self._revoked = Revoked(most)
        self.hearers = Hearers()

    @property
    def footprint(self) -> int:
        """Entries held in all: to be published when Redis is back, heard, and in force."""
        return len(self._later) + len(self._told) + len(self._revoked)

    def left(self, user: str) -> float:
        """Seconds for which this process knows the user to be revoked; 0 if it does not."""
        return self._revoked.left(user, self._clock())

    def start_over(self) -> None:
        """Looks again at all since this process began: Redis may not be the one that it was. What
        was told is not told again."""
        self._last = ""

    def position(self) -> tuple[str, int]:
        """The last one heard, or '' and how many milliseconds back to look. The replica's first
        second is looked at twice, because two clocks never agree quite."""
        return self._last, round((self._clock() - self._since) * 1000) + 1000

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationStore.revoke`."""
        keys: tuple[str, ...] = (REVOCATIONS,)
        if revocation.kind is RevokedKind.USER:
            keys = (REVOCATIONS, f"{PREFIX}revoked:{revocation.name}")
        told = json.dumps([revocation.kind.value, revocation.name, revocation.seconds])
        life = max(0, round(revocation.seconds * 1000))
        arguments = (told, life, KEPT, KEPT_MILLISECONDS, CHANNEL)
        number: bytes = await self._calls.run(REVOKE, keys, arguments)
        self._tell(number, told.encode(), 0.0)
        self._nudge()

    def revoke_later(self, revocation: Revocation) -> None:
        """Publishes it when Redis is back, if this process lives to see that."""
        self._later.append((revocation, self._clock()))

    async def catch_up(self) -> None:
        """Publishes what waits. Raises `StoreDown`."""
        while self._later:
            revocation, since = self._later[0]
            left = max(0.0, revocation.seconds - (self._clock() - since))
            await self.revoke(Revocation(revocation.kind, revocation.name, left))
            self._later.popleft()

    def heard(self, now: int, last: bytes, news: list[tuple[bytes, list[bytes]]]) -> None:
        """Tells what a heartbeat has found after `last`, at `now` by Redis' clock."""
        self._last = last.decode()
        for number, fields in news:
            self._last = number.decode()
            age = max(0.0, (now - int(number.partition(b"-")[0])) / 1000)
            self._tell(number, fields[-1], age)

    def _tell(self, number: bytes, text: bytes, age: float) -> None:
        """Tells and remembers a revocation that is `age` seconds old, unless that was done."""
        key = (number, text)
        if key in self._told:
            return
        try:
            kind, name, seconds = msgspec.json.decode(text, type=tuple[RevokedKind, str, float])
        except msgspec.MsgspecError as error:
            log.error("revocation.unreadable", number=number.decode(), why=type(error).__name__)
            return
        if len(self._told) >= KEPT:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        self._revoked.remember(Revocation(kind, name, seconds - age), self._clock())
        self.hearers.tell(Revocation(kind, name, seconds))

    async def listen(self) -> None:
        """Nudges at each message, for ever, over a connection of its own."""
        silence = self._calls.timings.silence
        while True:
            line = self._calls.line()
            try:
                async with asyncio.timeout(self._calls.timings.call):
                    await line.subscribe(CHANNEL)
                self._nudge()  # for what was published before
                while True:
                    if await line.heard(silence):
                        self._nudge()
            except (Unanswered, TimeoutError):
                pause = max(self._calls.wait(), self._calls.timings.first_pause)
            except Refused as error:
                pause = 60.0
                log.warning(
                    "store.not_listening",
                    why=str(error),
                    hint="revocations are heard by heartbeat, a few seconds later",
                )
            finally:
                line.abort()
            await asyncio.sleep(pause)
