"""One upstream WebSocket: dialled, authenticated, tried again where that can help.

    dial -- present -- connect --+-- wire
              ^           |      +-- 401: renew once, and once more
              |           |      +-- 429: wait as told (5 s at most), and once more
              +-----------+------+-- 5xx, not reachable: twice more, after a random pause
                                 +-- anything else: DialFailed

All of it happens inside one deadline.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from app import __version__
from app.protocol.close_reasons import CloseReason
from app.upstream.credential import Credential, CredentialUnavailable, Presented
from app.upstream.endpoint import Endpoint
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

_RETRIES = 2
_FIRST_PAUSE = 0.25
_LONGEST_RETRY_AFTER = 5.0
_SHORTEST_TRY = 0.2


class DialFailed(Exception):  # noqa: N818  (an outcome that ends a session, with its reason)
    """No upstream. `detail` is for the log: status, request ids, kind; never a secret.

    `retry_after` is the number of seconds that upstream, or the token's issuer, asks for.
    """

    def __init__(self, reason: CloseReason, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


@dataclass(slots=True)
class _Dial:
    """The state of one dial."""

    request_id: str
    deadline: float
    retries: int = _RETRIES
    may_renew: bool = True
    may_obey: bool = True

    def left(self) -> float:
        return self.deadline - monotonic()


class Dialler:
    """Dials one endpoint with one credential. Holds no connection and no task of its own.

    `tls` comes from `tls_context` and is None for a `ws` endpoint alone. `jitter` gives numbers
    from 0 to 1.
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
    ) -> None:
        if (endpoint.scheme == "wss") != (tls is not None):
            raise ValueError("a wss endpoint needs a TLS context, and a ws endpoint takes none")
        self._endpoint = endpoint
        self._credential = credential
        self._limits = limits
        self._tls = tls
        self._proxy = proxy
        self._jitter = jitter

    async def dial(self, *, timeout: float, request_id: str | None = None) -> UpstreamWire:  # noqa: ASYNC109
        """One upstream wire within `timeout` seconds. The caller owns it: it must close or abort
        it. `request_id` goes along as `x-ms-client-request-id`. Raises DialFailed."""
        dial = _Dial(request_id or str(uuid.uuid4()), monotonic() + timeout)
        while True:
            presented = await self._presented(dial)
            try:
                return await connect(
                    self._target(presented, dial), self._limits, timeout=max(dial.left(), 0.0)
                )
            except HandshakeRefused as refused:
                await self._after_refusal(refused, presented, dial)
            except Unreachable as unreachable:
                detail = f"{unreachable.kind}: {unreachable.detail}"
                await self._pause_or_fail(dial, detail, None)
            except TlsRejected as rejected:
                detail = f"TLS: {rejected.detail}"
                raise self._failed(CloseReason.UPSTREAM_REFUSED, dial, detail) from None

    async def _presented(self, dial: _Dial) -> Presented:
        try:
            async with asyncio.timeout(dial.left()):
                return await self._credential.present()
        except CredentialUnavailable as unavailable:
            raise self._failed(
                unavailable.reason, dial, unavailable.detail, unavailable.retry_after
            ) from None
        except TimeoutError:
            detail = "no credential before the deadline of the dial"
            raise self._failed(CloseReason.CREDENTIAL_UNAVAILABLE, dial, detail) from None

    def _target(self, presented: Presented, dial: _Dial) -> Target:
        return Target(
            host=self._endpoint.host,
            port=self._endpoint.port,
            request_target=self._endpoint.request_target(presented.query),
            headers=(
                *presented.headers,
                ("User-Agent", f"realtime-relay/{__version__}"),
                ("x-ms-client-request-id", dial.request_id),
            ),
            tls=self._tls,
            host_header=self._endpoint.host_header,
            proxy=self._proxy,
        )

    async def _after_refusal(
        self, refused: HandshakeRefused, presented: Presented, dial: _Dial
    ) -> None:
        """Returns when one more try is worthwhile, else raises DialFailed."""
        status, retry_after = refused.status, refused.retry_after
        detail = f"status {status}, request id {refused.request_id or 'none'}"
        if status >= 500:
            await self._pause_or_fail(dial, detail, retry_after)
        elif status == 429:
            await self._obey_or_fail(dial, detail, retry_after)
        elif not (status == 401 and await self._renewed(presented, dial)):
            raise self._failed(CloseReason.UPSTREAM_REFUSED, dial, detail)

    async def _renewed(self, rejected: Presented, dial: _Dial) -> bool:
        if not dial.may_renew:
            return False
        dial.may_renew = False
        try:
            async with asyncio.timeout(dial.left()):
                return await self._credential.renew(rejected)
        except TimeoutError:
            return False

    async def _obey_or_fail(self, dial: _Dial, detail: str, retry_after: float | None) -> None:
        """The wait that a 429 asks for, once, if it is short."""
        fits = retry_after is not None and retry_after <= _LONGEST_RETRY_AFTER
        if retry_after is None or not (
            fits and dial.may_obey and retry_after + _SHORTEST_TRY < dial.left()
        ):
            raise self._failed(CloseReason.UPSTREAM_UNAVAILABLE, dial, detail, retry_after)
        dial.may_obey = False
        await asyncio.sleep(retry_after)

    async def _pause_or_fail(self, dial: _Dial, detail: str, retry_after: float | None) -> None:
        """A random pause (full jitter over a window that doubles) before one more try."""
        pause = _FIRST_PAUSE * 2 ** (_RETRIES - dial.retries) * self._jitter()
        if retry_after is not None:
            pause = max(pause, retry_after)
        if not dial.retries or pause + _SHORTEST_TRY >= dial.left():
            raise self._failed(CloseReason.UPSTREAM_UNAVAILABLE, dial, detail, retry_after)
        dial.retries -= 1
        await asyncio.sleep(pause)

    def _failed(
        self, reason: CloseReason, dial: _Dial, detail: str, retry_after: float | None = None
    ) -> DialFailed:
        where = f"{self._endpoint.display}, client request id {dial.request_id}"
        return DialFailed(reason, f"{detail} ({where})", retry_after)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The context for all dials of a process: verification on, TLS 1.2 or newer, HTTP/1.1.

    With `ca_file` only the authorities in it are trusted, else the system's. Unlike
    `ssl.create_default_context` it does not read `SSLKEYLOGFILE`. Raises ValueError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise ValueError(
            f"RELAY_UPSTREAM_CA_FILE ({ca_file}) holds no certificate in PEM form: name a file "
            "that begins with -----BEGIN CERTIFICATE-----."
        ) from None
    except OSError as error:
        raise ValueError(
            f"RELAY_UPSTREAM_CA_FILE ({ca_file}) cannot be read ({error.strerror}): check the path "
            "and who may read it."
        ) from None
    return context
