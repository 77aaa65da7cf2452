"""Something of somebody else's, such as a token or keys, that is there before it is needed.

    keeper (one task): fetch -- rest -- fetch -- rest, cut short by `force` -- fetch -- ...
                         |
    value -------------- what is held, or after a short `landing` what the flight has brought

Nobody waits while a valid value is held, and a source that is down is noticed by nobody until the
last value has run out. All times are monotonic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from app.upkeep.clock import Clock

T = TypeVar("T")

Spawn = Callable[[str, Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Makes a supervised task with a name. Whoever spawned a task cancels and awaits it."""


class Fault(Exception):  # noqa: N818  (a state of the source, not an error in the relay)
    """The source gave nothing that can be used. `detail` is the end of a sentence without a full
    stop, for the log, and holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """What a fetch has brought. It serves for `serves` seconds, and the next fetch begins after
    `rest`."""

    value: T
    serves: float
    rest: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Durations in seconds. `deadline`: for one fetch. After one that failed `first_backoff`,
    doubled up to `backoff` while something is held, up to `backoff_without` while nothing is."""

    deadline: float
    first_backoff: float
    backoff: float
    backoff_without: float


@dataclass(frozen=True, slots=True)
class Words:
    """How the keeper speaks of its task and to the log. `unfetched` is the detail before the first
    fetch has ended, `late` with the deadline that of a fetch that took too long."""

    task: str
    logger: str
    failed: str
    recovered: str
    unfetched: str
    late: str


class Keeper(Generic[T]):
    """One value and the one task that keeps it. `fetch(forced)` brings a new one or raises `Fault`;
    it is cancelled at the deadline. `jitter` gives numbers from 0 to 1."""

    def __init__(
        self,
        fetch: Callable[[bool], Awaitable[Fetched[T]]],
        *,
        pace: Pace,
        words: Words,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._pace = pace
        self._words = words
        self._clock = clock
        self._jitter = jitter
        self._log = structlog.get_logger(words.logger)
        self._held: tuple[T, float] | None = None
        self._flight: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._next_fetch = 0.0
        self._forced_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.failures = 0
        self.detail = words.unfetched

    @property
    def value(self) -> T | None:
        """What is held, None once it has run out."""
        if self._held is None or self._clock.monotonic() >= self._held[1]:
            return None
        return self._held[0]

    @property
    def flying(self) -> bool:
        """Whether a fetch is under way."""
        return self._flight is not None

    @property
    def retry_after(self) -> float:
        """Seconds after which it is worthwhile to ask for the value again."""
        return max(self._next_fetch - self._clock.monotonic(), 1.0)

    def start(self, spawn: Spawn) -> None:
        """Begins. Call once, from within the loop; the caller owes a `close()`."""
        if self._task is not None or self._closed:
            raise RuntimeError(f"start() of the keeper of {self._words.task} is called once")
        self._flight = asyncio.get_running_loop().create_future()
        self._task = spawn(self._words.task, self._keep())

    async def close(self) -> None:
        """Ends the background work and forgets the value. Nothing is left open."""
        self._closed = True
        self._held = None
        self.detail = "the relay is closing"
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=self._pace.deadline)

    async def landing(self, seconds: float) -> None:
        """Waits for the flight in progress, if there is one, so long at most."""
        if self._flight is not None and seconds > 0:
            await asyncio.wait((self._flight,), timeout=seconds)

    def force(self, pause: float) -> bool:
        """Begins a flight before its time. False: one is under way, the last one that was forced
        is not `pause` seconds old, or nobody flies any more."""
        now = self._clock.monotonic()
        living = self._task is not None and not self._closed
        if not living or self._flight is not None or now - self._forced_at < pause:
            return False
        self._forced_at = now
        self._flight = asyncio.get_running_loop().create_future()
        self._wake.set()
        return True

    async def _keep(self) -> None:
        while True:
            forced = self._wake.is_set()
            self._wake.clear()
            await self._fly(forced)
            await self._clock.wait(self._wake, self._next_fetch - self._clock.monotonic())

    async def _fly(self, forced: bool) -> None:
        """One fetch. Whoever waits for `_flight` is told in any case."""
        flight = self._flight = self._flight or asyncio.get_running_loop().create_future()
        deadline = asyncio.timeout(self._pace.deadline)
        try:
            async with deadline:
                fetched = await self._fetch(forced)
            self._accept(fetched)
        except Fault as fault:
            self._fail(fault.detail)
        except Exception as error:
            # The message is left out: it is not ours, and it may quote an answer with a secret.
            late = f"{self._words.late} in {self._pace.deadline:g} s"
            self._fail(late if deadline.expired() else f"{type(error).__name__} in a fetch")
        finally:
            self._flight = None
            flight.set_result(None)

    def _accept(self, fetched: Fetched[T]) -> None:
        if self.failures:
            self._log.warning(self._words.recovered, failures=self.failures)
        self.failures = 0
        now = self._clock.monotonic()
        self._held = (fetched.value, now + fetched.serves)
        self._next_fetch = now + fetched.rest

    def _fail(self, detail: str) -> None:
        self.failures += 1
        self.detail = detail
        now, pace = self._clock.monotonic(), self._pace
        serves = 0.0 if self._held is None else max(0.0, self._held[1] - now)
        most = pace.backoff if serves else pace.backoff_without
        pause = min(most, pace.first_backoff * 2 ** min(self.failures - 1, 16))
        pause *= 0.5 + self._jitter() / 2
        if serves:  # there again when it runs out
            pause = min(pause, max(serves, pace.first_backoff))
        self._next_fetch = now + pause
        self._log.warning(
            self._words.failed,
            failures=self.failures,
            detail=detail,
            serves_seconds=round(serves),
            next_fetch_seconds=round(pause, 1),
        )
