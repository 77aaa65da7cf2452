"""The interface behind which replicas share what they must share: tickets, leases, revocations.

A store keeps bytes; what they mean is its caller's affair. Every method is a coroutine, so that a
store on another machine slots in, and keeps its own deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

Spawn = Callable[[str, Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""`Tasks.spawn` of the relay: a name and a coroutine give a task that the process owns."""


class StoreFull(Exception):  # noqa: N818  (it is an answer, not a fault)
    """A cap would be exceeded. `retry_after` is in seconds; the text is fit for the client."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TicketStore(Protocol):
    """Keeps live tickets, each under the hash of its value: the values themselves stay outside."""

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        """Keeps `record` under the fresh `key` for `seconds` of real time.

        `owner` is whom the ticket counts for, as a hash. Raises `StoreFull` where the owner or the
        store has too many live ones; the caller turns that into a refusal.
        """

    async def take_ticket(self, key: str) -> bytes | None:
        """Removes and returns the record. Of any number of callers exactly one gets it; None for
        a key that is unknown, taken or expired."""


class StoreDown(Exception):  # noqa: N818  (it is an answer, not a fault)
    """The store does not answer now; what was asked may or may not have happened, or may happen
    later. Where `untouched`, it certainly has not and will not.

    `retry_after` is in seconds. The text names the store for the operator's log, never for a
    client.
    """

    def __init__(self, message: str, retry_after: float = 5.0, *, untouched: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.untouched = untouched


class Full(StrEnum):
    """Which limit a session would exceed."""

    USER = "sessions_per_user"
    ADDRESS = "sessions_per_ip"
    OPENINGS = "openings_per_minute"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """What `LeaseStore.enter` holds, over all replicas. Each is at least 1."""

    sessions_per_user: int
    sessions_per_address: int
    openings_per_minute: int


@dataclass(frozen=True, slots=True)
class Lease:
    """One session's claim to be counted. `user` and `address` are opaque to the store (the user a
    hash); an `address` of None counts for no address."""

    session_id: str
    user: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class NoLease:
    """Why there is no lease, and after how many seconds one might be had."""

    full: Full
    retry_after: float


class LeaseStore(Protocol):
    """Counts live sessions and openings over all replicas.

    A lease counts while its process is alive: a process that dies without `leave` is forgotten
    within 60 s.
    """

    async def enter(self, lease: Lease) -> NoLease | None:
        """Takes a lease, in one step with all its checks, in this order: revoked, openings, user,
        address. Only an attempt that the openings allow is charged to them, whatever comes of it,
        so that whoever waits as told gets in.

        None: granted, and the caller must `leave`. Raises `StoreDown`; whatever it raises, there
        is no lease.
        """

    async def leave(self, lease: Lease) -> None:
        """Gives the lease back; harmless when it is gone already. Never raises `StoreDown`: a
        lease that could not be given back is given back by a later heartbeat."""


class RevokedKind(StrEnum):
    """What a revocation names."""

    USER = "user"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Revocation:
    """Ends the sessions of a user (by its hash), or one session, on every replica; a user's new
    sessions are refused for `seconds` more."""

    kind: RevokedKind
    name: str
    seconds: float


class RevocationStore(Protocol):
    """Tells every replica about revocations, within 5 s, also those that were cut off meanwhile."""

    async def revoke(self, revocation: Revocation) -> None:
        """Publishes. Raises `StoreDown` where that is not certain."""

    def on_revoked(self, heard: Callable[[Revocation], None]) -> None:
        """`heard` is called, on the loop, for each revocation from now on, on this replica too;
        one that is told twice is harmless."""


class Store(TicketStore, LeaseStore, RevocationStore, Protocol):
    """All of it, and a life of its own."""

    def start(self, spawn: Spawn) -> None:
        """Begins what runs in the background (heartbeat, listening) in tasks made by `spawn`."""

    async def close(self) -> None:
        """Gives everything back within a second or two; never raises."""
