"""What the door's routes need, as one frozen value, and the way in that they have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from app.auth.authenticator import Authenticator
from app.auth.denied import Denied
from app.auth.handshake import Credential
from app.auth.origin import OriginRules
from app.auth.principal import Principal
from app.auth.tickets import Tickets, is_ticket
from app.protocol.close_reasons import CloseReason, close_text
from app.relay.registry import Opening
from app.web.assets import Asset
from app.wire.wire import Wire

T = TypeVar("T")

IDENTITY_SECONDS = 5.0
"""How long it may take to find out who a client is, whatever authenticator or store does."""


class Admitted(Protocol):
    """What the door needs of a `LiveSession`: exactly one of these calls, once."""

    def attach(self, wire: Wire) -> None:
        """Hands over the accepted wire."""

    def abandon(self, reason: CloseReason) -> None:
        """The handshake failed after admission."""


class Sessions(Protocol):
    """What the door needs of the `Registry`."""

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused because the process is about to end."""

    async def open(self, principal: Principal, opening: Opening) -> Admitted:
        """Admits one session, or raises `app.relay.registry.Refused`."""


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that stands between the network and the registry.

    `describe` gives what `POST /tickets` tells a user beside the ticket: a dict with `session` and
    `relay`. `assets` is the demo page by path, empty where it is not served; then `origins.own`
    must be false, because the relay has no page whose origin could be its own.
    """

    registry: Sessions
    authenticator: Authenticator
    tickets: Tickets
    origins: OriginRules
    describe: Callable[[Principal], dict[str, Any]]
    assets: Mapping[str, Asset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.origins.own and not self.assets:
            raise ValueError(
                "OriginRules.own is true but no demo page is served: nothing has that origin"
            )


class TurnedAway(Exception):  # noqa: N818  (it is an answer, not a fault)
    """A check said no; the route answers with `denied`."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.rule)
        self.denied = denied


def must(answer: T | Denied) -> T:
    """The answer of a check that said yes; `TurnedAway` where it said no."""
    if isinstance(answer, Denied):
        raise TurnedAway(answer)
    return answer


def must_be_open(door: Door) -> None:
    """`TurnedAway` while the process drains."""
    if door.registry.draining:
        raise TurnedAway(denied_for("door.draining", CloseReason.DRAINING))


async def identify(door: Door, credential: Credential, origin: str | None) -> Principal:
    """Who shows this credential: a ticket, or a user's own proof. `TurnedAway` if nobody."""
    async with asyncio.timeout(IDENTITY_SECONDS):
        if is_ticket(credential.value):
            return must(await door.tickets.redeem(credential.value, origin))
        return must(await door.authenticator.authenticate(credential.value))


def denied_for(rule: str, reason: CloseReason, retry_after: float | None = None) -> Denied:
    """A refusal in the close reason's own words."""
    return Denied(rule, close_text(reason), reason, retry_after)
