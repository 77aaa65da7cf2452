"""Who shows a proof in the middle of a conversation: the door's own question, asked once more."""

from __future__ import annotations

from collections.abc import Callable

from app.auth.authenticator import Authenticator
from app.auth.denied import Denied
from app.auth.principal import Principal
from app.auth.tickets import Tickets, is_ticket
from app.protocol.close_reasons import ENDINGS, CloseReason, close_text
from app.session.identity import Proven, Unproven
from app.store.store import StoreDown

RETRY_AFTER_SECONDS = 5.0
"""What a client is told where waiting helps and nobody knows for how long."""


class Prover:
    """A `relay.proving.Verify`: a user's own token, or a ticket made with it.

    `clock` gives Unix seconds. It is read once for each proof, so that a wall clock that jumps
    later moves nothing.
    """

    def __init__(
        self, authenticator: Authenticator, tickets: Tickets, clock: Callable[[], float]
    ) -> None:
        self._authenticator = authenticator
        self._tickets = tickets
        self._clock = clock

    async def __call__(self, token: str, origin: str | None) -> Proven | Unproven:
        """Whose proof it is, or why nobody can say."""
        try:
            found = await self._ask(token, origin)
        except StoreDown as down:
            return Unproven(close_text(CloseReason.STORE_UNAVAILABLE), down.retry_after)
        if isinstance(found, Denied):
            if not ENDINGS[found.reason].retry:
                return Unproven(found.message)
            return Unproven(found.message, found.retry_after or RETRY_AFTER_SECONDS)
        expires_at = found.expires_at
        seconds = None if expires_at is None else expires_at - self._clock()
        return Proven(found.key, seconds, expires_at)

    async def _ask(self, token: str, origin: str | None) -> Principal | Denied:
        if not is_ticket(token):
            return await self._authenticator.authenticate(token)
        redeemed = await self._tickets.redeem(token, origin)
        return redeemed if isinstance(redeemed, Denied) else redeemed.principal
