"""What every way of authenticating users has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.upkeep.keeper import Spawn

__all__ = ["Authenticator", "Examined", "LivingAuthenticator", "Spawn"]


class Authenticator(Protocol):
    """Turns a user's own proof (not a ticket) into a principal."""

    def judge(self, bearer: str) -> Principal | Denied | None:
        """Who shows this bearer token, as far as what is held here can tell: it asks nobody and
        takes a millisecond at the most. None where somebody must be asked: `authenticate` does."""

    async def authenticate(self, bearer: str) -> Principal | Denied:
        """Who shows this bearer token. Keeps its own deadline; never raises for a bad token."""


@dataclass(frozen=True, slots=True)
class Examined:
    """Whether users could sign in, and a sentence about it for the operator."""

    fine: bool
    said: str


class LivingAuthenticator(Authenticator, Protocol):
    """An authenticator as the composition root sees it: with a life as long as the process."""

    def start(self, spawn: Spawn) -> None:
        """Begins its background work. Call once, from within the loop; the caller owes a
        `close()`."""

    async def examine(self) -> Examined:
        """Tries what sign-in depends on, once and now, for `realtime-relay check`. Needs no
        `start()`; never raises for a fault of the issuer's."""

    async def close(self) -> None:
        """Ends the background work. Nothing is left open."""
