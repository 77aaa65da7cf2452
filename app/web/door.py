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
from app.web.mint_rates import MintRates
from app.web.models import Chooser, usual_model
from app.web.refusal_lines import RefusalLines
from app.web.strangers import Look, Strangers, Unheard
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
    `minted_seconds` how long a ticket lives that an SDK asks for, `mint_rates` how many there may
    be; `lines` writes refusals to the log.
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
    mint_rates: MintRates = field(default_factory=lambda: MintRates(time.monotonic))
    lines: RefusalLines = field(default_factory=RefusalLines)

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
    somebody would have to be asked and too many bad ones came from `address` lately."""
    value = credential.value
    if not is_ticket(value) and (judged := door.authenticator.judge(value)) is not None:
        return Redeemed(must(judged))
    if (known := door.strangers.recall(value)) is not None:
        raise TurnedAway(known)
    try:
        async with asyncio.timeout(IDENTITY_SECONDS), door.strangers.look(address) as look:
            found = await _asked(door, value, origin, look)
    except Unheard as unheard:
        wait = unheard.retry_after
        raise TurnedAway(
            Denied("door.strangers", STRANGER, CloseReason.RATE_LIMITED, wait)
        ) from None
    if isinstance(found, Denied):
        if found.reason is CloseReason.UNAUTHENTICATED:
            door.strangers.remember(value, found)
        raise TurnedAway(found)
    return found


async def _asked(door: Door, value: str, origin: str | None, look: Look) -> Redeemed | Denied:
    """What the store or the issuer says. Spared is who is good, and who found nobody to ask."""
    async with answered_by_store(look.spare):
        if is_ticket(value):
            found = await door.tickets.redeem(value, origin)
        else:
            judged = await door.authenticator.authenticate(value)
            found = judged if isinstance(judged, Denied) else Redeemed(judged)
    if not isinstance(found, Denied):
        look.spare()
    return found


@asynccontextmanager
async def answered_by_store(untouched: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Around a question to the store: `TurnedAway` where it does not answer. `untouched` is called
    where it was not even asked."""
    try:
        yield
    except StoreDown as down:
        if down.untouched:
            untouched()
        log.warning("door.store_down", why=str(down))
        raise TurnedAway(
            denied_for("store.down", CloseReason.STORE_UNAVAILABLE, down.retry_after)
        ) from None


def denied_for(rule: str, reason: CloseReason, retry_after: float | None = None) -> Denied:
    """A refusal in the close reason's own words."""
    return Denied(rule, close_text(reason), reason, retry_after)
