"""One upstream WebSocket: dialled, authenticated, tried again where that can help.

    dial -- breaker -- credential -- turn -- connect --+-- wire
                          ^                            |
                          +--- another try can help ---+-- DialFailed

All of it happens inside one deadline. A dial that fails by the endpoint's doing is news for the
breaker: when it opens, the dials that wait for a turn end too.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import structlog

from app import __version__
from app.protocol.close_reasons import CloseReason
from app.upstream.breaker import Breaker, BreakerLimits, Pass, Shut
from app.upstream.credential import Credential, CredentialUnavailable, Presented
from app.upstream.dial_queue import DialQueue, Full, SentHome
from app.upstream.endpoint import Endpoint
from app.upstream.failed import DialFailed, NotTried
from app.upstream.tries import SHORTEST_TRY, Tries
from app.wire.upstream import (
    HandshakeRefused,
    Proxy,
    Target,
    TlsRejected,
    Unreachable,
    UpstreamWire,
    connect,
)
from app.wire.wire import UPSTREAM_WIRE, WireLimits

__all__ = ["DialFailed", "Dialler"]

log = structlog.get_logger("upstream.dial")

_LONGEST_TRY = 5.0
_LATE_RETRY = 1.0
_SHARE = 0.9
"""A dial's part of the time that it is given: a wire that comes later could not be configured, and
a dial that its caller cancels at the deadline could not tell the breaker why."""


class Dialler:
    """Dials one endpoint with one credential. Holds no connection and no task of its own.

    `tls` comes from `tls_context` and is None for a `ws` endpoint alone. `jitter` gives numbers
    from 0 to 1. `breaker` and `queue` serve this endpoint alone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credential: Credential,
        *,
        limits: WireLimits = UPSTREAM_WIRE,
        tls: ssl.SSLContext | None,
        proxy: Proxy | None = None,
        jitter: Callable[[], float] = random.random,
        breaker: Breaker | None = None,
        queue: DialQueue | None = None,
    ) -> None:
        if (endpoint.scheme == "wss") != (tls is not None):
            raise ValueError("a wss endpoint needs a TLS context, and a ws endpoint takes none")
        self._endpoint = endpoint
        self._credential = credential
        self._limits = limits
        self._tls = tls
        self._proxy = proxy
        self._jitter = jitter
        self._breaker = breaker or Breaker(BreakerLimits(), jitter)
        self._queue = queue or DialQueue()

    def to(self, deployment: str) -> Dialler:
        """A dialler of another deployment of the same resource: a breaker and a line of its own,
        beside this one's, because a process dials only so much at once."""
        return Dialler(
            replace(self._endpoint, deployment=deployment),
            self._credential,
            limits=self._limits,
            tls=self._tls,
            proxy=self._proxy,
            jitter=self._jitter,
            queue=self._queue.beside(),
        )

    def fault(self, *, timeout: float) -> DialFailed | None:
        """What `dial` would raise at once, for a door that then need not let a client in.

        It must not make a replica unready: every replica dials the same endpoint, so all would
        leave their balancer together, and nobody would be left to tell clients when to come back,
        or to find out that the endpoint works again. A missing credential does (`Credential.held`):
        it is fetched whether or not anybody comes.
        """
        if (shut := self._breaker.shut(monotonic())) is not None:
            return _shut_out(shut)
        if (full := self._queue.full(timeout * _SHARE - SHORTEST_TRY)) is not None:
            return _crowded(full)
        if (unavailable := self._credential.fault()) is not None:
            return NotTried(unavailable.reason, unavailable.detail, unavailable.retry_after)
        return None

    async def dial(self, *, timeout: float, request_id: str | None = None) -> UpstreamWire:  # noqa: ASYNC109
        """One upstream wire within nine tenths of `timeout` seconds: the rest is for what comes
        next. The caller owns it: it must close or abort it. `request_id` goes along as
        `x-ms-client-request-id`. Raises DialFailed."""
        passed = self._breaker.enter(monotonic())
        if isinstance(passed, Shut):
            raise _shut_out(passed)
        tries = Tries(
            monotonic() + timeout * _SHARE,
            place=self._endpoint.display,
            request_id=request_id or str(uuid.uuid4()),
            single=passed.trial,
            jitter=self._jitter,
        )
        try:
            wire = await self._connected(tries, passed)
        except DialFailed as failed:
            self._report(failed, passed)
            raise
        except BaseException:
            self._breaker.abandoned(passed)
            raise
        if self._breaker.succeeded(passed):
            log.warning("breaker.closed", endpoint=self._endpoint.display)
        return wire

    def _report(self, failed: DialFailed, passed: Pass) -> None:
        """Tells the breaker. If that opens it, whoever waits for a turn is told now."""
        if isinstance(failed, NotTried):
            self._breaker.abandoned(passed)
            return
        seconds = self._breaker.failed(passed, monotonic(), failed.reason, failed.retry_after)
        if seconds is None:
            return
        if failed.reason is CloseReason.UPSTREAM_UNAVAILABLE:
            failed.retry_after = max(seconds, failed.retry_after or 0.0)
        log.error(
            "breaker.opened",
            endpoint=self._endpoint.display,
            reason=failed.reason,
            detail=failed.detail,
            seconds=round(seconds, 1),
        )
        self._queue.send_home()

    async def _connected(self, tries: Tries, passed: Pass) -> UpstreamWire:
        while True:
            presented = await self._presented(tries)
            try:
                return await self._try(presented, tries, passed)
            except HandshakeRefused as refused:
                await tries.after_refusal(refused, presented, self._credential)
            except Unreachable as unreachable:
                await tries.after_silence(unreachable)
            except TlsRejected as rejected:
                tries.trouble = f"TLS: {rejected.detail}"
                raise tries.failed(CloseReason.UPSTREAM_REFUSED) from None
            except SentHome:
                self._must_be_closed(passed)

    async def _try(self, presented: Presented, tries: Tries, passed: Pass) -> UpstreamWire:
        """One handshake, when its turn has come."""
        came = monotonic()
        try:
            async with self._queue.turn(max(tries.left() - SHORTEST_TRY, 0.0)):
                self._must_be_closed(passed)
                waited, given = monotonic() - came, min(tries.left(), _LONGEST_TRY)
                target = self._target(presented, tries.request_id)
                return await connect(target, self._limits, timeout=given)
        except Full as full:
            if tries.trouble:
                raise tries.failed(CloseReason.UPSTREAM_UNAVAILABLE) from None
            raise _crowded(full) from None
        except Unreachable as unreachable:
            if unreachable.kind == "timeout" and waited > given and not tries.trouble:
                raise _late(tries.told(unreachable.detail), waited) from None
            raise

    def _must_be_closed(self, passed: Pass) -> None:
        """Raises if the breaker has opened since the dial began."""
        if (shut := self._breaker.recalled(passed, monotonic())) is not None:
            raise _shut_out(shut)

    async def _presented(self, tries: Tries) -> Presented:
        try:
            async with asyncio.timeout(tries.left()):
                return await self._credential.present()
        except CredentialUnavailable as unavailable:
            detail = tries.told(unavailable.detail)
            raise NotTried(unavailable.reason, detail, unavailable.retry_after) from None
        except TimeoutError:
            detail = tries.told("no credential before the deadline of the dial")
            raise NotTried(CloseReason.CREDENTIAL_UNAVAILABLE, detail) from None

    def _target(self, presented: Presented, request_id: str) -> Target:
        return Target(
            host=self._endpoint.host,
            port=self._endpoint.port,
            request_target=self._endpoint.request_target(presented.query),
            headers=(
                *presented.headers,
                ("User-Agent", f"realtime-relay/{__version__}"),
                ("x-ms-client-request-id", request_id),
            ),
            tls=self._tls,
            host_header=self._endpoint.host_header,
            proxy=self._proxy,
        )


def _shut_out(shut: Shut) -> NotTried:
    """In the words of the failure that opened the breaker: a client that must not come back by
    itself is not told when to."""
    detail = f"not dialled: the breaker is open for {shut.retry_after:.1f} s"
    helps = shut.reason is CloseReason.UPSTREAM_UNAVAILABLE
    return NotTried(shut.reason, detail, shut.retry_after if helps else None)


def _late(detail: str, waited: float) -> NotTried:
    """The line's doing: what it left of the time proves nothing about the endpoint."""
    said = f"after {waited:.1f} s in line: {detail}"
    return NotTried(CloseReason.UPSTREAM_UNAVAILABLE, said, _LATE_RETRY)


def _crowded(full: Full) -> NotTried:
    detail = f"not dialled: no turn in time, {full}"
    return NotTried(CloseReason.UPSTREAM_UNAVAILABLE, detail, full.retry_after)
