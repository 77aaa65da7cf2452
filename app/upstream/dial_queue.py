"""Turns for handshakes with upstream: so many at once and a second, first come first served.

turn --+-- expected too late: Full, at once
       +-- waits in line --+-- its turn: the block runs, and gives the turn back
                           +-- too late: Full
                           +-- `send_home`: SentHome
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
    """The line of one process. Holds no task, and a timer only until the next turn is due."""

    def __init__(self, limits: DialLimits | None = None) -> None:
        self._limits = limits or DialLimits()
        self._line: deque[asyncio.Future[None]] = deque()
        self._running = 0
        self._next_start = 0.0
        self._usual: float | None = None
        self._timer: asyncio.TimerHandle | None = None

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
        """Ends the waiting of everyone in line with SentHome."""
        line, self._line = self._line, deque()
        for turn in line:
            if not turn.done():
                turn.set_exception(SentHome())

    async def _wait(self, turn: asyncio.Future[None], patience: float) -> None:
        self._line.append(turn)
        self._hand_out()
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
        self._hand_out()

    def _hand_out(self) -> None:
        """Gives turns to the first in line while there are any to give."""
        loop = asyncio.get_running_loop()
        while self._line and self._running < self._limits.at_once:
            now = loop.time()
            if now < self._next_start:
                self._look_again(loop)
                return
            turn = self._line.popleft()
            if turn.done():  # cancelled, and about to leave
                continue
            self._running += 1
            self._next_start = now + 1 / self._limits.per_second
            turn.set_result(None)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None:
            self._timer = loop.call_at(self._next_start, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._hand_out()

    def _expected(self, now: float) -> float:
        """Seconds until one who comes now would have a turn. Nothing is guessed: before the first
        turn is over, only the rate counts."""
        ahead = len(self._line)
        paced = max(self._next_start - now, 0.0) + ahead / self._limits.per_second
        before = self._running + ahead + 1 - self._limits.at_once  # must end before it can begin
        return max(paced, before / self._limits.at_once * (self._usual or 0.0))

    def _patience(self, within: float) -> float:
        """How long to wait for a turn that must be over `within` seconds."""
        return within - min(self._usual or 0.0, within / 2)

    def _learn(self, seconds: float) -> None:
        if self._usual is None:
            self._usual = seconds
        else:
            self._usual += _WEIGHT * (seconds - self._usual)
