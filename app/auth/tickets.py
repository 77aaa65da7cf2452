"""Tickets: short-lived, single-use proofs with which a browser opens its WebSocket.

A page shows its user's token to `POST /tickets` and gets a ticket; the ticket stands in the
WebSocket handshake, where a token would be seen by more eyes and be good for longer.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.protocol.close_reasons import CloseReason
from app.store.store import StoreFull, TicketStore

PREFIX = "ek_"
"""What SDKs demand of a key that may be used in a browser."""

_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh ticket. `value` is a secret, shown once; `expires_at` is in Unix seconds."""

    value: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose ticket it was, and the model that it was made for (None: for any)."""

    principal: Principal
    model: str | None = None


class _Record(msgspec.Struct, frozen=True):
    """What the store keeps: never the value."""

    user: str
    issuer: str
    identity_expires_at: float | None
    origin: str | None
    claims: tuple[tuple[str, str], ...] = ()
    model: str | None = None


class Tickets:
    """Mints and redeems.

    `seconds` is a ticket's usual life, kept by the store on its own clock; `clock` gives Unix
    seconds and serves only what is about the wall clock: the identity's end and `expires_at`.
    `hash_user` gives the name that the store counts a user's tickets by: not in clear, because it
    stands in a key there, and keys show in more places than what they hold.
    """

    def __init__(
        self,
        store: TicketStore,
        seconds: float,
        clock: Callable[[], float],
        hash_user: Callable[[Principal], str] = lambda principal: _hash(principal.key),
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._hash_user = hash_user

    async def mint(
        self,
        principal: Principal,
        origin: str | None,
        *,
        seconds: float | None = None,
        model: str | None = None,
    ) -> Minted | Denied:
        """A ticket for `principal`, which lives no longer than its proof does, nor than `seconds`
        (None: the usual life). `model` is what a handshake asks for that names none itself.

        Minted for an Origin, it is good for that Origin alone. Minted without one (by a server,
        for a page of its own), it is good for any that the door lets in, and for none.
        """
        now = self._clock()
        seconds = self._seconds if seconds is None else seconds
        if principal.expires_at is not None:
            seconds = min(seconds, principal.expires_at - now)
            if seconds <= 0:
                return _expired()
        value = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        record = _Record(
            principal.user, principal.issuer, principal.expires_at, origin, principal.claims, model
        )
        try:
            await self._store.put_ticket(
                _hash(value),
                owner=self._hash_user(principal),
                record=msgspec.json.encode(record),
                seconds=seconds,
            )
        except StoreFull as full:
            return Denied("ticket.full", str(full), CloseReason.RATE_LIMITED, full.retry_after)
        return Minted(value, int(now + seconds))

    async def redeem(self, value: str, origin: str | None) -> Redeemed | Denied:
        """Whom and what the ticket was minted for. The ticket is spent by being shown, also at the
        wrong Origin: one that has been seen elsewhere is no secret any more.
        """
        found = await self._store.take_ticket(_hash(value))
        if found is None:
            return Denied(
                "ticket.unknown",
                "The ticket is unknown, expired or already used; each opens one connection. "
                "Get a new one from POST /tickets.",
            )
        record = msgspec.json.decode(found, type=_Record)
        if record.origin is not None and record.origin != origin:
            return Denied(
                "ticket.origin",
                "The ticket was made for a page of another origin. Get one from the page itself.",
                CloseReason.FORBIDDEN,
            )
        expires_at = record.identity_expires_at
        if expires_at is not None and expires_at <= self._clock():
            return _expired()
        principal = Principal(record.user, record.issuer, expires_at, record.claims)
        return Redeemed(principal, record.model)


def is_ticket(value: str) -> bool:
    """Whether a credential claims to be a ticket. Users' tokens never begin like one."""
    return value.startswith(PREFIX)


def _expired() -> Denied:
    return Denied("ticket.identity_expired", "Your sign-in has expired. Sign in again.")


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
