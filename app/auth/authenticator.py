"""What every way of authenticating users has in common."""

from __future__ import annotations

from typing import Protocol

from app.auth.denied import Denied
from app.auth.principal import Principal


class Authenticator(Protocol):
    """Turns a user's own proof (not a ticket) into a principal."""

    async def authenticate(self, bearer: str) -> Principal | Denied:
        """Who shows this bearer token. Keeps its own deadline; never raises for a bad token."""
