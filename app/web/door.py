"""What the door's routes need, as one frozen value, and the way in that they have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from app.auth.authenticator import Authenticator
from app.auth.denied import Denied
from app.auth.handshake import Credential
from app.auth.origin import OriginRules
from app.auth.principal import Principal
from app.auth.tickets import Redeemed, Tickets, is_ticket
from app.protocol.close_reasons import CloseReason, close_text
from app.relay.registry import Opening
from app.store.store import StoreDown
from app.web.assets import Asset
from app.web.client_address import ClientAddresses
from app.web.models import Chooser, usual_model
from app.web.strangers import Strangers
from app.wire.wire import Wire

T = TypeVar("T")

STRANGER = "Too many bad credentials came from this address. Try again later, with a good one."

log = structlog.get_logger("web.door")

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
    must be false, because the relay has no page whose origin could be its own. `addresses` says
    which address a client counts for, `strangers` which of them are not heard for now; `obstacle`
    names what keeps every new session from being admitted, None where nothing does. `deployment`
    says what answers for a model; `query_credentials` that a credential may stand in the query;
    `minted_seconds` how long a ticket lives that an SDK asks for.
    """

    registry: Sessions
    authenticator: Authenticator
    tickets: Tickets
    origins: OriginRules
    describe: Callable[[Principal], dict[str, Any]]
    assets: Mapping[str, Asset] = field(default_factory=dict)
    addresses: ClientAddresses = field(default_factory=ClientAddresses)
    obstacle: Callable[[], str | None] = lambda: None
    strangers: Strangers = field(default_factory=lambda: Strangers(0, time.monotonic))
    deployment: Chooser = usual_model
    query_credentials: bool = False
    minted_seconds: float = 600.0

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


async def identify(
    door: Door, credential: Credential, origin: str | None, address: str | None = None
) -> Redeemed:
    """Who shows this credential: a ticket, or a user's own proof. `TurnedAway` if nobody, or if
    too many bad ones came from `address` lately."""
    if wait := door.strangers.wait(address):
        raise TurnedAway(Denied("door.strangers", STRANGER, CloseReason.RATE_LIMITED, wait))
    try:
        async with asyncio.timeout(IDENTITY_SECONDS), answered_by_store():
            if is_ticket(credential.value):
                return must(await door.tickets.redeem(credential.value, origin))
            return Redeemed(must(await door.authenticator.authenticate(credential.value)))
    except TurnedAway as away:
        if away.denied.reason is CloseReason.UNAUTHENTICATED:
            door.strangers.failed(address)
        raise


@asynccontextmanager
async def answered_by_store() -> AsyncIterator[None]:
    """Around a question to the store: `TurnedAway` where it does not answer."""
    try:
        yield
    except StoreDown as down:
        log.warning("door.store_down", why=str(down))
        raise TurnedAway(
            denied_for("store.down", CloseReason.STORE_UNAVAILABLE, down.retry_after)
        ) from None


def denied_for(rule: str, reason: CloseReason, retry_after: float | None = None) -> Denied:
    """A refusal in the close reason's own words."""
    return Denied(rule, close_text(reason), reason, retry_after)
