"""What each user has going on in this process: sessions, and what they may still use.

Allowances belong to users, not to sessions: one that could be renewed by connecting again would be
none. They are remembered for a while after the last session has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.session.limits import Limits
from app.session.meters import RESPONSE_WINDOW, Bucket, Meters

KEPT_SECONDS = 2 * RESPONSE_WINDOW
"""How long an account without sessions is remembered: every allowance is whole again by then."""


@dataclass(slots=True)
class Account:
    """One user's sessions, meters and openings. `seen` is the loop's time."""

    meters: Meters
    openings: Bucket
    seen: float
    sessions: int = 0


class Users:
    """The accounts by the principal's key. Times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accounts: dict[str, Account] = {}
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._accounts)

    def account(self, key: str, now: float) -> Account:
        """The user's account, made when there is none."""
        self._sweep(now)
        account = self._accounts.get(key)
        if account is None:
            a_minute = self._limits.openings_per_minute
            openings = Bucket(a_minute / 60, a_minute, now)
            account = Account(Meters(self._limits, now), openings, now)
            self._accounts[key] = account
        account.seen = now
        return account

    def _sweep(self, now: float) -> None:
        if now < self._swept + KEPT_SECONDS:
            return
        self._swept = now
        for key in [
            key
            for key, account in self._accounts.items()
            if not account.sessions and account.seen < now - KEPT_SECONDS
        ]:
            del self._accounts[key]
