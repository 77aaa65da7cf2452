"""An issuer's keys, there before somebody needs them.

    keeper (one task): fetch -- rest -- fetch -- rest, cut short by an unknown key -- fetch -- ...
                         |
    keys_for(kid) ------ the keys held, or a short wait for the flight in progress

Nobody waits while the key in question is held, and an issuer that is down is noticed by nobody for
a day. Tokens with key ids that nobody knows cost one fetch in half a minute, however many come.
All times are monotonic.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.auth.authenticator import Spawn
from app.auth.clock import Clock
from app.auth.discovery import discovery_url, keys_url
from app.auth.issuer_fault import IssuerFault
from app.auth.keys import SigningKeys, parse_keys

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


class KeysUnavailable(Exception):  # noqa: N818  (a state of the issuer, not an error in the relay)
    """The key is not held, and the issuer cannot be asked now.

    `retry_after` is the number of seconds after which another try is worthwhile.
    """

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class _Held:
    keys: SigningKeys
    until: float


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
        self._held: _Held | None = None
        self._keys_url: str | None = None
        self._flight: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._next_fetch = 0.0
        self._failures = 0
        self._last_detail = "its keys have not been fetched yet"
        self._forced_at = float("-inf")
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False

    def start(self, spawn: Spawn) -> None:
        """Begins to keep the keys. Call once, from within the loop; the caller owes a `close()`."""
        if self._keeper is not None or self._closed:
            raise RuntimeError("IssuerKeys.start() is called once")
        self._flight = asyncio.get_running_loop().create_future()
        self._keeper = spawn("issuer-keys", self._keep())

    async def keys_for(self, kid: str | None) -> SigningKeys:
        """The keys to judge a token with this key id by. Where the id is unknown, the issuer is
        asked again, if it was not just now. Raises `KeysUnavailable`, also where the id may be
        new and the issuer cannot be asked."""
        until = self._clock.monotonic() + self._timing.caller_deadline
        held = self._valid()
        if held is None or not held.knows(kid):
            await self._landing(until)
            held = self._valid()
        if held is not None and not held.knows(kid) and self._may_force():
            self._force()
            await self._landing(until)
            held = self._valid()
        unsure = self._flight is not None or self._failures > 0
        if held is None or (unsure and not held.knows(kid)):
            pause = max(self._next_fetch - self._clock.monotonic(), 1.0)
            raise KeysUnavailable(self._last_detail, retry_after=pause)
        return held

    async def examine(self) -> SigningKeys:
        """Fetches document and keys once, whatever is held. Raises `IssuerFault`."""
        try:
            async with asyncio.timeout(self._timing.fetch_deadline):
                keys, _ = await self._fetch_both()
        except TimeoutError:
            raise self._late() from None
        return keys

    async def close(self) -> None:
        """Ends the background work and forgets the keys. Nothing is left open."""
        self._closed = True
        self._held = None
        self._last_detail = "the relay is closing"
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,), timeout=self._timing.fetch_deadline)

    def _valid(self) -> SigningKeys | None:
        held = self._held
        fresh = held is not None and self._clock.monotonic() < held.until
        return held.keys if held is not None and fresh else None

    async def _landing(self, until: float) -> None:
        left = until - self._clock.monotonic()
        if self._flight is not None and left > 0:
            await asyncio.wait((self._flight,), timeout=left)

    def _may_force(self) -> bool:
        living = self._keeper is not None and not self._closed
        rested = self._clock.monotonic() - self._forced_at >= self._timing.force_pause
        return living and rested and self._flight is None

    def _force(self) -> None:
        self._forced_at = self._clock.monotonic()
        self._flight = asyncio.get_running_loop().create_future()
        self._wake.set()

    async def _keep(self) -> None:
        while True:
            forced = self._wake.is_set()
            self._wake.clear()
            await self._fly(forced=forced)
            await self._clock.wait(self._wake, self._next_fetch - self._clock.monotonic())

    async def _fly(self, *, forced: bool) -> None:
        """One flight. Whoever waits for `_flight` is told in any case."""
        flight = self._flight = self._flight or asyncio.get_running_loop().create_future()
        deadline = asyncio.timeout(self._timing.fetch_deadline)
        try:
            async with deadline:
                if forced and self._keys_url is not None and not self._failures:
                    keys = parse_keys(await self._fetch(self._keys_url))
                else:
                    keys, self._keys_url = await self._fetch_both()
            self._accept(keys)
        except IssuerFault as fault:
            self._fail(fault.detail)
        except Exception as error:
            # The message is left out: it is not ours, and it may quote an answer.
            late = self._late().detail
            self._fail(late if deadline.expired() else f"{type(error).__name__} in a fetch")
        finally:
            self._flight = None
            flight.set_result(None)

    async def _fetch_both(self) -> tuple[SigningKeys, str]:
        address = keys_url(await self._fetch(discovery_url(self._issuer)), self._issuer)
        return parse_keys(await self._fetch(address)), address

    def _late(self) -> IssuerFault:
        wait = self._timing.fetch_deadline
        return IssuerFault(f"{self._issuer} gave no answer in {wait:g} s")

    def _accept(self, keys: SigningKeys) -> None:
        if self._failures:
            log.warning("issuer.recovered", failures=self._failures)
        self._failures = 0
        if self._held is None or self._held.keys.kids() != keys.kids():
            log.info("issuer.keys_changed", keys=len(keys.keys), ignored=keys.ignored)
        now = self._clock.monotonic()
        self._held = _Held(keys, until=now + self._timing.stale)
        self._next_fetch = now + self._timing.rest * (1 - self._jitter() / 10)

    def _fail(self, detail: str) -> None:
        self._failures += 1
        self._last_detail = detail
        now, timing = self._clock.monotonic(), self._timing
        held = self._held if self._valid() is not None else None
        most = timing.backoff_without_keys if held is None else timing.backoff
        pause = min(most, timing.first_backoff * 2 ** min(self._failures - 1, 16))
        pause *= 0.5 + self._jitter() / 2
        self._next_fetch = now + pause
        log.warning(
            "issuer.fetch_failed",
            failures=self._failures,
            detail=detail,
            held_keys_serve_seconds=round(held.until - now) if held else 0,
            next_fetch_seconds=round(pause, 1),
        )
