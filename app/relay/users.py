"""What each user may still use in this process: events, audio, responses.

Allowances belong to users, not to sessions: one that could be renewed by connecting again would be
none. They are remembered for a while after the last session has ended. How many sessions a user may
have, and open, is the store's affair: that holds over all replicas.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.session.limits import Limits
from app.session.meters import RESPONSE_WINDOW, Meters

KEPT_SECONDS = 2 * RESPONSE_WINDOW
"""How long an account without sessions is remembered: every allowance is whole again by then."""


@dataclass(slots=True)
class Account:
    """One user's meters, and how many sessions share them. `seen` is the loop's time."""

    meters: Meters
    seen: float
    sessions: int = 0


class Users:
    """The accounts by the user's hash. Times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accounts: dict[str, Account] = {}
        self._swept = 0.0

    def __len__(self) -> int:
        return len(self._accounts)

    def join(self, user: str, now: float) -> Account:
        """The user's account, made when there is none, for one session more. The caller owes a
        `leave`."""
        self._sweep(now)
        account = self._accounts.get(user)
        if account is None:
            account = self._accounts[user] = Account(Meters(self._limits, now), now)
        account.sessions += 1
        account.seen = now
        return account

    def leave(self, account: Account, now: float) -> None:
        """That session has ended."""
        account.sessions -= 1
        account.seen = now

    def _sweep(self, now: float) -> None:
        if now < self._swept + KEPT_SECONDS:
            return
        self._swept = now
        for user in [
            user
            for user, account in self._accounts.items()
            if not account.sessions and account.seen < now - KEPT_SECONDS
        ]:
            del self._accounts[user]
