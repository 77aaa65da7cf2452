"""The tries of one dial: what one that failed means, and whether another one can help.

401: renew the credential once       429: wait as told, 5 s at most, once
5xx, not reachable: twice more, after a random pause             anything else: DialFailed
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from app.protocol.close_reasons import CloseReason
from app.upstream.credential import Credential, Presented
from app.upstream.failed import DialFailed
from app.wire.upstream import HandshakeRefused, Unreachable

_RETRIES = 2
_FIRST_PAUSE = 0.25
_LONGEST_RETRY_AFTER = 5.0
SHORTEST_TRY = 0.2
"""Seconds: with less than this before the deadline no try is begun."""


class Tries:
    """One dial's tries until `deadline` (monotonic). `place` is the endpoint as a log may show it.

    A `single` one is not repeated, but for a credential that has run out. `trouble` is what the
    last try ran into, "" before the first.
    """

    def __init__(
        self,
        deadline: float,
        *,
        place: str,
        request_id: str,
        single: bool,
        jitter: Callable[[], float],
    ) -> None:
        self.request_id = request_id
        self.trouble = ""
        self._deadline = deadline
        self._place = place
        self._jitter = jitter
        self._retries = 0 if single else _RETRIES
        self._may_obey = not single
        self._may_renew = True

    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self._deadline - monotonic(), 0.0)

    def told(self, detail: str) -> str:
        """`detail` for the log, with what the service's support asks for."""
        return f"{detail} ({self._place}, client request id {self.request_id})"

    def failed(self, reason: CloseReason, retry_after: float | None = None) -> DialFailed:
        """The end of this dial by the endpoint's doing."""
        return DialFailed(reason, self.told(self.trouble), retry_after)

    async def after_refusal(
        self, refused: HandshakeRefused, presented: Presented, credential: Credential
    ) -> None:
        """Returns when one more try is worthwhile, else raises DialFailed."""
        status, retry_after = refused.status, refused.retry_after
        self.trouble = f"status {status}, request id {refused.request_id or 'none'}"
        if status >= 500:
            await self._pause_or_fail(retry_after)
        elif status == 429:
            await self._obey_or_fail(retry_after)
        elif not (status == 401 and await self._renewed(presented, credential)):
            raise self.failed(CloseReason.UPSTREAM_REFUSED)

    async def after_silence(self, unreachable: Unreachable) -> None:
        """Returns when one more try is worthwhile, else raises DialFailed."""
        self.trouble = f"{unreachable.kind}: {unreachable.detail}"
        await self._pause_or_fail(None)

    async def _renewed(self, rejected: Presented, credential: Credential) -> bool:
        if not self._may_renew:
            return False
        self._may_renew = False
        try:
            async with asyncio.timeout(self.left()):
                return await credential.renew(rejected)
        except TimeoutError:
            return False

    async def _obey_or_fail(self, retry_after: float | None) -> None:
        """The wait that a 429 asks for, once, if it is short."""
        fits = retry_after is not None and retry_after <= _LONGEST_RETRY_AFTER
        if retry_after is None or not (
            fits and self._may_obey and retry_after + SHORTEST_TRY < self.left()
        ):
            raise self.failed(CloseReason.UPSTREAM_UNAVAILABLE, retry_after)
        self._may_obey = False
        await asyncio.sleep(retry_after)

    async def _pause_or_fail(self, retry_after: float | None) -> None:
        """A random pause (full jitter over a window that doubles) before one more try."""
        pause = _FIRST_PAUSE * 2 ** (_RETRIES - self._retries) * self._jitter()
        if retry_after is not None:
            pause = max(pause, retry_after)
        if not self._retries or pause + SHORTEST_TRY >= self.left():
            raise self.failed(CloseReason.UPSTREAM_UNAVAILABLE, retry_after)
        self._retries -= 1
        await asyncio.sleep(pause)
