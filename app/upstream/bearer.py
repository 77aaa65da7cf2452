"""A Microsoft Entra token that is always there before somebody needs it.

    keeper (one task): fetch -- rest until half of the token's life -- fetch -- ...
                         |
    present() ---------- the token held, or a short wait for the flight in progress

Users never wait for a token while a valid one is held, and a failing token endpoint is noticed by
nobody until the last token has really expired. All times are monotonic; the wall clock is asked
once per token, to turn its `expires_on` into a life.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.upstream.clock import Clock, SystemClock
from app.upstream.credential import CredentialUnavailable, Presented, Spawn, is_visible_ascii
from app.upstream.tokens import Token, TokenRefused, TokenSource

log = structlog.get_logger("upstream.token")


@dataclass(frozen=True, slots=True)
class BearerTiming:
    """Durations in seconds.

    `margin`: a token counts as expired so long before it is. `fetch_deadline`: for one flight.
    `present_deadline`: how long a caller waits for a flight. `renew_pause`: between two forced
    refreshes. `refresh_pause`: between two refreshes ahead of need, since an issuer may hand out
    the same token for a while. `first_backoff`, doubled up to `backoff` while a valid token is
    held, up to `backoff_without_token` while none is.
    """

    margin: float = 30.0
    fetch_deadline: float = 20.0
    present_deadline: float = 4.0
    renew_pause: float = 10.0
    refresh_pause: float = 30.0
    first_backoff: float = 1.0
    backoff: float = 60.0
    backoff_without_token: float = 5.0


@dataclass(frozen=True, slots=True)
class _Held:
    presented: Presented
    until: float


class EntraBearer:
    """The header `Authorization: Bearer ...`, kept fresh by one task of its own."""

    def __init__(
        self,
        source: TokenSource,
        scope: str,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
        timing: BearerTiming | None = None,
    ) -> None:
        self._source = source
        self._scope = scope
        self._clock: Clock = clock or SystemClock()
        self._jitter = jitter
        self._timing = timing or BearerTiming()
        self._held: _Held | None = None
        self._flight: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._next_fetch = 0.0
        self._failures = 0
        self._last_detail = "no token has been fetched yet"
        self._renewed_at = float("-inf")
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False

    def start(self, spawn: Spawn) -> None:
        if self._keeper is not None or self._closed:
            raise RuntimeError("EntraBearer.start() is called once")
        self._flight = asyncio.get_running_loop().create_future()
        self._keeper = spawn("upstream-token", self._keep())

    async def present(self) -> Presented:
        held = self._valid()
        if held is None:
            await self._landing()
            held = self._valid()
        if held is None:
            raise self._unavailable()
        return held.presented

    async def renew(self, rejected: Presented) -> bool:
        if self._differs(rejected):
            return True
        now = self._clock.monotonic()
        if self._flight is None:
            if self._keeper is None or self._closed:
                return False
            if now - self._renewed_at < self._timing.renew_pause:
                return False
            self._renewed_at = now
            self._flight = asyncio.get_running_loop().create_future()
            self._wake.set()
        await self._landing()
        return self._differs(rejected)

    def fault(self) -> CredentialUnavailable | None:
        if self._valid() is not None or (self._flight is not None and not self._failures):
            return None
        return self._unavailable()

    def held(self) -> bool:
        return self._valid() is not None

    async def close(self) -> None:
        self._closed = True
        self._held = None
        self._last_detail = "the relay is closing"
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,), timeout=self._timing.fetch_deadline)

    def _unavailable(self) -> CredentialUnavailable:
        pause = max(self._next_fetch - self._clock.monotonic(), 1.0)
        return CredentialUnavailable(self._last_detail, retry_after=pause)

    def _valid(self) -> _Held | None:
        held = self._held
        return held if held is not None and self._clock.monotonic() < held.until else None

    def _differs(self, rejected: Presented) -> bool:
        held = self._valid()
        return held is not None and held.presented != rejected

    async def _landing(self) -> None:
        if self._flight is not None:
            await asyncio.wait((self._flight,), timeout=self._timing.present_deadline)

    async def _keep(self) -> None:
        while True:
            await self._fly()
            await self._clock.wait(self._wake, self._next_fetch - self._clock.monotonic())
            self._wake.clear()

    async def _fly(self) -> None:
        """One fetch. Whoever waits for `_flight` is told in any case."""
        flight = self._flight = self._flight or asyncio.get_running_loop().create_future()
        deadline = asyncio.timeout(self._timing.fetch_deadline)
        try:
            async with deadline:
                token = await self._source.fetch(self._scope)
            self._accept(token)
        except TokenRefused as refused:
            self._fail(refused.detail)
        except Exception as error:
            # The message is left out: it is not ours, and it may quote a response with a token.
            late = deadline.expired()
            wait = self._timing.fetch_deadline
            self._fail(f"no answer in {wait:g} s" if late else f"{type(error).__name__} in a fetch")
        finally:
            self._flight = None
            flight.set_result(None)

    def _accept(self, token: Token) -> None:
        if not is_visible_ascii(token.value):
            raise TokenRefused("the issuer's token holds characters that no header can carry")
        life = token.expires_on - self._clock.wall()
        if life <= self._timing.margin:
            raise TokenRefused(
                f"the issuer's token expires in {life:.0f} s: if that is wrong, set the clock of "
                "this machine"
            )
        if self._failures:
            log.warning("token.recovered", failures=self._failures)
        self._failures = 0
        now = self._clock.monotonic()
        headers = (("Authorization", f"Bearer {token.value}"),)
        self._held = _Held(Presented(headers=headers), until=now + life - self._timing.margin)
        pause = self._refresh_after(token, life)
        self._next_fetch = now + pause
        log.info("token.fetched", lives_seconds=round(life), next_fetch_seconds=round(pause))

    def _refresh_after(self, token: Token, life: float) -> float:
        """Seconds from now to the next fetch: the issuer's wish, or half of the token's life."""
        half = life / 2
        wish = half if token.refresh_on is None else token.refresh_on - self._clock.wall()
        earliest = min(half, self._timing.refresh_pause)
        return min(max(wish, earliest), life - self._timing.margin)

    def _fail(self, detail: str) -> None:
        self._failures += 1
        self._last_detail = f"no Entra token: {detail}"
        now = self._clock.monotonic()
        held = self._valid()
        timing = self._timing
        most = timing.backoff_without_token if held is None else timing.backoff
        pause = min(most, timing.first_backoff * 2 ** min(self._failures - 1, 16))
        pause *= 0.5 + self._jitter() / 2
        serves = 0.0
        if held is not None:
            serves = held.until - now
            pause = min(pause, max(serves, timing.first_backoff))
        self._next_fetch = now + pause
        log.warning(
            "token.fetch_failed",
            failures=self._failures,
            detail=detail,
            held_token_serves_seconds=round(serves),
            next_fetch_seconds=round(pause, 1),
        )
