"""An issuer's keys, there before somebody needs them.

Tokens with key ids that nobody knows cost one fetch in half a minute, however many come. See
`upkeep.keeper` for the rest: with keys that serve for a day, an issuer that is down is noticed by
nobody for as long.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.auth.authenticator import Spawn
from app.auth.discovery import discovery_url, keys_url
from app.auth.issuer_fault import IssuerFault
from app.auth.keys import SigningKeys, parse_keys
from app.upkeep.clock import Clock
from app.upkeep.keeper import Fetched, Keeper, Pace, Words

log = structlog.get_logger("auth.issuer")

Fetch = Callable[[str], Awaitable[bytes]]
"""The body at an address. Raises `IssuerFault`."""


@dataclass(frozen=True, slots=True)
class KeysTiming:
    """Durations in seconds.

    `rest`: between two fetches ahead of need, less up to a tenth, so that replicas do not ask in
    step. `stale`: how long keys serve after the last good fetch. `force_pause`: between two fetches
    for unknown keys. `fetch_deadline`: for one flight. `caller_deadline`: how long a caller waits
    for flights, less than the door gives it. `first_backoff`, doubled up to `backoff` while keys
    are held, up to `backoff_without_keys` while none are.
    """

    rest: float = 600.0
    stale: float = 24 * 3600.0
    force_pause: float = 30.0
    fetch_deadline: float = 10.0
    caller_deadline: float = 4.0
    first_backoff: float = 1.0
    backoff: float = 60.0
    backoff_without_keys: float = 5.0

    def pace(self) -> Pace:
        return Pace(
            self.fetch_deadline, self.first_backoff, self.backoff, self.backoff_without_keys
        )


class KeysUnavailable(Exception):  # noqa: N818  (a state of the issuer, not an error in the relay)
    """The key is not held, and the issuer cannot be asked now.

    `retry_after` is the number of seconds after which another try is worthwhile.
    """

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class IssuerKeys:
    """The keys of one issuer, kept fresh by one task of its own."""

    def __init__(
        self,
        issuer: str,
        fetch: Fetch,
        *,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        timing: KeysTiming | None = None,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._jitter = jitter
        self._timing = timing or KeysTiming()
        self._keys_url: str | None = None
        self._known: frozenset[str] | None = None
        self._late = f"{issuer} gave no answer"
        self._keeper: Keeper[SigningKeys] = Keeper(
            self._fetched,
            pace=self._timing.pace(),
            words=Words(
                task="issuer-keys",
                logger="auth.issuer",
                failed="issuer.fetch_failed",
                recovered="issuer.recovered",
                unfetched="its keys have not been fetched yet",
                late=self._late,
            ),
            clock=clock,
            jitter=jitter,
        )

    def start(self, spawn: Spawn) -> None:
        """Begins to keep the keys. Call once, from within the loop; the caller owes a `close()`."""
        self._keeper.start(spawn)

    async def close(self) -> None:
        """Ends the background work and forgets the keys. Nothing is left open."""
        await self._keeper.close()

    def held_for(self, kid: str | None) -> SigningKeys | None:
        """The keys to judge a token with this key id by, None where the issuer must be asked."""
        held = self._keeper.value
        return held if held is not None and held.knows(kid) else None

    async def keys_for(self, kid: str | None) -> SigningKeys:
        """The keys to judge a token with this key id by. Where the id is unknown, the issuer is
        asked again, if it was not just now. Raises `KeysUnavailable`, also where the id may be
        new and the issuer cannot be asked."""
        keeper, until = self._keeper, self._clock.monotonic() + self._timing.caller_deadline
        held = keeper.value
        if held is None or not held.knows(kid):
            await keeper.landing(until - self._clock.monotonic())
            held = keeper.value
        unknown = held is not None and not held.knows(kid)
        if unknown and keeper.force(self._timing.force_pause):
            await keeper.landing(until - self._clock.monotonic())
            held = keeper.value
        unsure = keeper.flying or keeper.failures > 0
        if held is None or (unsure and not held.knows(kid)):
            raise KeysUnavailable(keeper.detail, keeper.retry_after)
        return held

    async def examine(self) -> SigningKeys:
        """Fetches document and keys once, whatever is held. Raises `IssuerFault`."""
        try:
            async with asyncio.timeout(self._timing.fetch_deadline):
                keys, _ = await self._fetch_both()
        except TimeoutError:
            wait = self._timing.fetch_deadline
            raise IssuerFault(f"{self._late} in {wait:g} s") from None
        return keys

    async def _fetched(self, forced: bool) -> Fetched[SigningKeys]:
        """The keys; their address is asked for again, unless an unknown key is in a hurry."""
        if forced and self._keys_url is not None and not self._keeper.failures:
            keys = parse_keys(await self._fetch(self._keys_url))
        else:
            keys, self._keys_url = await self._fetch_both()
        if self._known != keys.kids():
            self._known = keys.kids()
            log.info("issuer.keys_changed", keys=len(keys.keys), ignored=keys.ignored)
        rest = self._timing.rest * (1 - self._jitter() / 10)
        return Fetched(keys, serves=self._timing.stale, rest=rest)

    async def _fetch_both(self) -> tuple[SigningKeys, str]:
        address = keys_url(await self._fetch(discovery_url(self._issuer)), self._issuer)
        return parse_keys(await self._fetch(address)), address
