"""Calls to Redis: bounded in number and in time, refused at once while it is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.store.address import RedisAddress
from app.store.redis_breaker import RedisBreaker
from app.store.redis_line import (
    Answer,
    Argument,
    Line,
    Refused,
    Script,
    Unanswered,
    tls_context,
)
from app.store.store import StoreDown

log = structlog.get_logger("store")


@dataclass(frozen=True, slots=True)
class RedisTimings:
    """Seconds, but `lines`. A process that died is forgotten `lease` after its last heartbeat,
    found by another's within `beat`: together at most 60."""

    call: float = 1.0
    """Deadline of one operation, however many commands it needs."""
    beat: float = 3.0
    """Between two heartbeats; also how late a revocation is heard where the message was lost."""
    lease: float = 45.0
    """How long a process counts as alive after its last heartbeat."""
    first_pause: float = 0.5
    longest_pause: float = 2.0
    """How long calls are refused after one that was not answered: the first, and the longest."""
    idle: float = 20.0
    """An unused connection is closed then, before something in between forgets it in silence."""
    silence: float = 10.0
    """After which a listening connection is asked whether it still is one."""
    lines: int = 16
    """The most connections at once, beside the one that listens."""


FAIR = 0.5
"""Which part of a call's time an answer must have had before its lack says anything of Redis."""


NOTHING = Script("return 1", int)
"""Stands for whatever is refused before anybody has asked for it."""


@dataclass(slots=True)
class _Attempt:
    """One call, and whether Redis may have got it."""

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[Argument, ...]
    asked: bool = False


class RedisCalls:
    """The connections of one process to one Redis. `clock` gives monotonic seconds."""

    def __init__(
        self, address: RedisAddress, timings: RedisTimings, clock: Callable[[], float]
    ) -> None:
        self.address = address
        self.timings = timings
        self._clock = clock
        self._context = tls_context(address)
        self._breaker = RedisBreaker(clock, timings.first_pause, timings.longest_pause)
        self._slots = asyncio.Semaphore(timings.lines)
        self._idle: list[Line] = []
        self._busy: set[Line] = set()
        self._closed = False
        self._failing = False
        self._refused: Script | None = None

    @property
    def failing(self) -> bool:
        """Whether the last call failed, or one was refused and none since shows that it would be
        granted now: a full Redis still answers whatever needs no room."""
        return self._failing

    @property
    def lines(self) -> int:
        """How many connections are open or being opened."""
        return len(self._idle) + len(self._busy)

    def until(self) -> float:
        """The deadline, on the loop's clock, of an operation that begins now."""
        return asyncio.get_running_loop().time() + self.timings.call

    def wait(self) -> float:
        """Seconds until a call could go through."""
        return self._breaker.wait()

    def line(self) -> Line:
        """A connection of one's own; the caller must `abort` it."""
        return Line(self.address, self._context)

    async def run(
        self,
        script: Script,
        keys: tuple[str, ...],
        arguments: tuple[Argument, ...],
        until: float | None = None,
    ) -> Answer:
        """Runs a script within the deadline `until` (by default a whole one from now).

        Raises `StoreDown`. Where that or a cancellation ends it, the script may or may not have
        run, or may run later still.
        """
        if self._closed:
            raise StoreDown("Redis is not asked any more: this process is ending.", untouched=True)
        trial = self._breaker.enter()
        attempt = _Attempt(script, keys, arguments)
        until = self.until() if until is None else until
        try:
            await self._queue(until)
            try:
                answer = await self._in_time(attempt, until)
            finally:
                self._slots.release()
        except Unanswered as error:
            raise self._unanswered(str(error), attempt) from error
        except Refused as error:
            self._breaker.answered()
            self._refused = script
            raise self._failed(str(error), untouched=True) from error
        finally:
            self._breaker.ended(trial)
        self._breaker.answered()
        self._granted(script)
        return answer

    def room(self, *, there: bool) -> None:
        """A heartbeat has tried whether Redis takes anything at all."""
        if there:
            if self._refused is not None:
                self._granted(self._refused)
            return
        self._refused = self._refused or NOTHING
        self._failed("its memory is full, or it may only be read", untouched=True)

    async def _queue(self, until: float) -> None:
        """Takes a slot, which the caller must release. A queue that is too long is our own, and
        says nothing about Redis. Raises `StoreDown`."""
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        except TimeoutError as error:
            raise self._crowded() from error

    async def _in_time(self, attempt: _Attempt, until: float) -> Answer:
        """Raises `Unanswered` and `Refused`, and `StoreDown` where the queue left too little time
        to learn anything about Redis."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout_at(until):
                return await self._on_a_line(attempt)
        except TimeoutError as error:
            if until - began < self.timings.call * FAIR:
                raise self._crowded(untouched=not attempt.asked) from error
            raise Unanswered(f"no answer within {self.timings.call:g} s") from error

    def _crowded(self, *, untouched: bool = True) -> StoreDown:
        why = f"all {self.timings.lines} connections to it are in use"
        return StoreDown(f"Redis at {self.address}: {why}.", 1.0, untouched=untouched)

    def _granted(self, script: Script) -> None:
        if script is self._refused:
            self._refused = None
        if self._failing and self._refused is None:
            self._failing = False
            log.warning("store.up", redis=str(self.address))

    async def _on_a_line(self, attempt: _Attempt) -> Answer:
        line = await self._take()
        self._busy.add(line)
        whole = False
        try:
            answer = await line.run(attempt.script, attempt.keys, attempt.arguments)
            whole = True
            return answer
        finally:
            attempt.asked = line.asked
            self._busy.discard(line)
            if whole and not self._closed:
                line.used = self._clock()
                self._idle.append(line)
            else:
                line.abort()

    async def _take(self) -> Line:
        """The connection that was used last, if it is still one; else a new one."""
        self.prune()
        while self._idle:
            line = self._idle.pop()
            if not await line.stale():
                return line
            line.abort()
        return self.line()

    def prune(self) -> None:
        """Closes what has been idle for long. The first in the list has been for longest."""
        while self._idle and self._idle[0].used < self._clock() - self.timings.idle:
            self._idle.pop(0).abort()

    def _unanswered(self, why: str, attempt: _Attempt) -> StoreDown:
        if not self._closed:
            self._breaker.failed(f"Redis at {self.address} is down: {why}.")
        return self._failed(why, untouched=not attempt.asked)

    def _failed(self, why: str, *, untouched: bool) -> StoreDown:
        if not self._failing and not self._closed:
            self._failing = True
            log.error("store.down", redis=str(self.address), why=why)
        wait = max(1.0, self.wait())
        return StoreDown(f"Redis at {self.address}: {why}.", wait, untouched=untouched)

    async def close(self) -> None:
        """Closes every connection; calls under way end with `StoreDown`."""
        self._closed = True
        for line in [*self._idle, *self._busy]:
            line.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next round
