"""Turns for handshakes with upstream: so many at once and a second, first come first served.

turn --+-- expected too late: Full, at once
       +-- waits in line --+-- its turn: the block runs, and gives the turn back
                           +-- too late: Full
                           +-- `send_home`: SentHome

Each deployment has a line and an experience of its own, and all of a process share the places: one
that is slow may hold half of them, and leaves one to each that holds none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_LEAST_RETRY = 1.0
_WEIGHT = 0.2
"""How much the latest turn counts in what turns usually take."""


@dataclass(frozen=True, slots=True)
class DialLimits:
    """`at_once` handshakes may be under way, and `per_second` may begin."""

    at_once: int = 10
    per_second: float = 50.0


class Full(Exception):  # noqa: N818  (an answer, not a fault)
    """No turn in time. `retry_after` is in seconds."""

    def __init__(self, ahead: int, retry_after: float) -> None:
        super().__init__(f"{ahead} dials are ahead")
        self.ahead = ahead
        self.retry_after = retry_after


class SentHome(Exception):  # noqa: N818  (an answer, not a fault)
    """Nobody in line will have a turn."""


class DialQueue:
    """The line of one deployment. Holds no task, and a timer only until the next turn is due."""

    def __init__(
        self, limits: DialLimits | None = None, *, beside: DialQueue | None = None
    ) -> None:
        """`beside` is a line whose places this one shares, and the limits of these."""
        self._places: _Places = beside._places if beside else _Places(limits or DialLimits())
        self._line: deque[asyncio.Future[None]] = deque()
        self._running = 0
        self._usual: float | None = None
        self._places.lines.append(self)

    def beside(self) -> DialQueue:
        """The line of another deployment of the same process."""
        return DialQueue(beside=self)

    def full(self, within: float) -> Full | None:
        """What `turn(within)` would raise at once, if it would."""
        patience = self._patience(within)
        expected = self._expected(asyncio.get_running_loop().time())
        if expected <= patience:
            return None
        return Full(len(self._line), max(expected - patience, _LEAST_RETRY))

    @asynccontextmanager
    async def turn(self, within: float) -> AsyncIterator[None]:
        """Waits in line, and leaves of `within` seconds what a turn usually takes. The block should
        hold one handshake and nothing else. Raises Full or SentHome."""
        if (full := self.full(within)) is not None:
            raise full
        loop = asyncio.get_running_loop()
        await self._wait(loop.create_future(), self._patience(within))
        began = loop.time()
        try:
            yield
        finally:
            self._learn(loop.time() - began)
            self._give_back()

    def send_home(self) -> None:
        """Ends the waiting of everyone in this line with SentHome."""
        line, self._line = self._line, deque()
        for turn in line:
            if not turn.done():
                turn.set_exception(SentHome())

    async def _wait(self, turn: asyncio.Future[None], patience: float) -> None:
        self._line.append(turn)
        self._places.hand_out()
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, TimeoutError):
                raise Full(len(self._line), _LEAST_RETRY) from None
            raise

    def _leave(self, turn: asyncio.Future[None]) -> None:
        """Whoever goes without a turn; the turn may have come in the same moment."""
        if turn.done() and not turn.cancelled():
            if turn.exception() is None:
                self._give_back()
        elif turn in self._line:
            self._line.remove(turn)

    def _give_back(self) -> None:
        self._running -= 1
        self._places.hand_out()

    def _may_begin(self) -> bool:
        """Whether there is a place that the first in line may have."""
        while self._line and self._line[0].done():  # cancelled, and about to leave
            self._line.popleft()
        return bool(self._line) and self._places.has_one_for(self)

    def _begin(self) -> None:
        self._running += 1
        self._line.popleft().set_result(None)

    def _expected(self, now: float) -> float:
        """Seconds until one who comes now would have a turn. Nothing is guessed: before the first
        turn is over, only the rate counts."""
        ahead, share = len(self._line), self._places.share
        turns = ahead + self._places.between(self, ahead + 1)
        paced = max(self._places.next_start - now, 0.0) + turns / self._places.limits.per_second
        before = self._running + ahead + 1 - share  # must end before it can begin
        return max(paced, before / share * (self._usual or 0.0))

    def _patience(self, within: float) -> float:
        """How long to wait for a turn that must be over `within` seconds."""
        return within - min(self._usual or 0.0, within / 2)

    def _learn(self, seconds: float) -> None:
        if self._usual is None:
            self._usual = seconds
        else:
            self._usual += _WEIGHT * (seconds - self._usual)


class _Places:
    """What the lines of a process share. They are served in turn."""

    def __init__(self, limits: DialLimits) -> None:
        self.limits = limits
        self.lines: list[DialQueue] = []
        self.next_start = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def share(self) -> int:
        """How many places one line may hold."""
        most = self.limits.at_once
        return most if len(self.lines) == 1 else max(most // 2, 1)

    def has_one_for(self, line: DialQueue) -> bool:
        """Whether `line` may take a place: of the free ones, each line that holds none keeps one,
        half of all at most."""
        free = self.limits.at_once - sum(one._running for one in self.lines)
        if line._running == 0:
            return free > 0
        idle = sum(one._running == 0 for one in self.lines)
        return line._running < self.share and free > min(idle, self.limits.at_once // 2)

    def between(self, line: DialQueue, ahead: int) -> int:
        """How many of other lines may begin while `ahead` of this one do."""
        return sum(
            min(len(one._line), ahead)
            for one in self.lines
            if one is not line and one._running < self.share
        )

    def hand_out(self) -> None:
        """Gives turns to the first in the lines while there are any to give."""
        loop = asyncio.get_running_loop()
        while (line := next((one for one in self.lines if one._may_begin()), None)) is not None:
            now = loop.time()
            if now < self.next_start:
                self._look_again(loop)
                return
            self.lines.remove(line)
            self.lines.append(line)
            self.next_start = now + 1 / self.limits.per_second
            line._begin()

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None:
            self._timer = loop.call_at(self.next_start, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.hand_out()
