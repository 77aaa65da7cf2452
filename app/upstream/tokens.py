"""What an issuer of bearer tokens gives, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.upkeep.keeper import Fault


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. Both times are seconds since the epoch, as the issuer gives them."""

    value: str
    expires_on: float
    refresh_on: float | None = None

    def __repr__(self) -> str:
        return f"Token(value hidden, expires_on={self.expires_on}, refresh_on={self.refresh_on})"


class TokenRefused(Fault):
    """The issuer gave no token. `detail` is for the log and holds no secret."""


class TokenSource(Protocol):
    """Where tokens come from. Keeps none: every fetch asks the issuer."""

    async def fetch(self, scope: str) -> Token:
        """One token, fresh from the issuer. Raises TokenRefused. May be cancelled."""
