"""How much a store keeps, and what it allows where nothing else was said."""

from __future__ import annotations

from dataclasses import dataclass

from app.store.store import LeaseLimits

DEFAULT_LEASES = LeaseLimits(sessions_per_user=2, sessions_per_address=50, openings_per_minute=10)

ADDRESS_OPENINGS = 10
"""An address may open as often as this many users: behind one, there may be a whole office."""

SESSION_WAIT = 5.0
"""Seconds after which to come back where a session must end first: nobody knows when it will."""

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Caps, each at least 1: live tickets per owner and in all, and in a store in memory the users
    and addresses whose openings it remembers, and the revoked users."""

    tickets_per_owner: int = 20
    tickets: int = 10_000
    openers: int = 50_000
    revoked: int = 50_000


def owner_full(live: int) -> str:
    """What an owner is told who has `live` unused tickets."""
    return f"You have {live} unused tickets. Use one, or wait until one expires."


ALL_FULL = "Too many unused tickets are open at the moment. Try again later."
