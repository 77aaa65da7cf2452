"""A Microsoft Entra token that is always there before somebody needs it.

It is renewed at half of its life, by one task (see `upkeep.keeper`), so that a failing token
endpoint is noticed by nobody until the last token has really expired. All times are monotonic; the
wall clock is asked once per token, to turn its `expires_on` into a life.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.upkeep.clock import Clock, SystemClock
from app.upkeep.keeper import Fetched, Keeper, Pace, Words
from app.upstream.credential import CredentialUnavailable, Presented, Spawn, is_visible_ascii
from app.upstream.tokens import Token, TokenRefused, TokenSource

log = structlog.get_logger("upstream.token")

WORDS = Words(
    task="upstream-token",
    logger="upstream.token",
    failed="token.fetch_failed",
    recovered="token.recovered",
    unfetched="no token has been fetched yet",
    late="no answer",
)


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

    def pace(self) -> Pace:
        return Pace(
            self.fetch_deadline, self.first_backoff, self.backoff, self.backoff_without_token
        )


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
        self._timing = timing or BearerTiming()
        self._keeper: Keeper[Presented] = Keeper(
            self._fetched,
            pace=self._timing.pace(),
            words=WORDS,
            clock=self._clock,
            jitter=jitter,
        )

    def start(self, spawn: Spawn) -> None:
        self._keeper.start(spawn)

    async def present(self) -> Presented:
        if self._keeper.value is None:
            await self._keeper.landing(self._timing.present_deadline)
        held = self._keeper.value
        if held is None:
            raise self._unavailable()
        return held

    async def renew(self, rejected: Presented) -> bool:
        if self._differs(rejected):
            return True
        if not self._keeper.flying and not self._keeper.force(self._timing.renew_pause):
            return False
        await self._keeper.landing(self._timing.present_deadline)
        return self._differs(rejected)

    def fault(self) -> CredentialUnavailable | None:
        keeper = self._keeper
        if keeper.value is not None or (keeper.flying and not keeper.failures):
            return None
        return self._unavailable()

    def held(self) -> bool:
        return self._keeper.value is not None

    async def close(self) -> None:
        await self._keeper.close()

    def _unavailable(self) -> CredentialUnavailable:
        detail = f"no Entra token: {self._keeper.detail}"
        return CredentialUnavailable(detail, retry_after=self._keeper.retry_after)

    def _differs(self, rejected: Presented) -> bool:
        held = self._keeper.value
        return held is not None and held != rejected

    async def _fetched(self, _forced: bool) -> Fetched[Presented]:
        token = await self._source.fetch(self._scope)
        if not is_visible_ascii(token.value):
            raise TokenRefused("the issuer's token holds characters that no header can carry")
        life = token.expires_on - self._clock.wall()
        if life <= self._timing.margin:
            raise TokenRefused(
                f"the issuer's token expires in {life:.0f} s: if that is wrong, set the clock of "
                "this machine"
            )
        pause = self._refresh_after(token, life)
        log.info("token.fetched", lives_seconds=round(life), next_fetch_seconds=round(pause))
        presented = Presented(headers=(("Authorization", f"Bearer {token.value}"),))
        return Fetched(presented, serves=life - self._timing.margin, rest=pause)

    def _refresh_after(self, token: Token, life: float) -> float:
        """Seconds from now to the next fetch: the issuer's wish, or half of the token's life."""
        half = life / 2
        wish = half if token.refresh_on is None else token.refresh_on - self._clock.wall()
        earliest = min(half, self._timing.refresh_pause)
        return min(max(wish, earliest), life - self._timing.margin)
