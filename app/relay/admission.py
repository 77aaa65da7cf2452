"""What passes between the door and the registry: who wants in, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.protocol.close_reasons import CloseReason
from app.protocol.names import Dialect
from app.relay.relay import Relay
from app.wire.wire import Wire


@dataclass(frozen=True, slots=True)
class Opening:
    """What the door knows of a client that may come in.

    `model` is the alias that the client asked for (None: it named none), `private_events` says
    whether it offered the subprotocol `relay-events.v1`. `address` is whom limits by address count
    it for. `deployment` is what answers for the model (empty: the usual one), `dialect` what the
    client speaks.
    """

    origin: str | None = None
    model: str | None = None
    private_events: bool = False
    address: str | None = field(default=None, compare=False, repr=False)
    deployment: str = ""
    dialect: Dialect = Dialect.PREVIEW


class Refused(Exception):  # noqa: N818  (it is an answer, not a fault)
    """No session for this client now. `retry_after` is in seconds, `limit` the name under which
    the registry counts such refusals."""

    def __init__(
        self, reason: CloseReason, retry_after: float | None = None, limit: str = ""
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.retry_after = retry_after
        self.limit = limit or reason.value


class LiveSession:
    """One admitted session. The door calls `attach` or `abandon`, once."""

    def __init__(self, relay: Relay, session_id: str) -> None:
        self._relay = relay
        self.id = session_id

    def attach(self, wire: Wire) -> None:
        """Hands over the accepted wire; the session dials upstream and lives on by itself."""
        self._relay.attach(wire)

    def abandon(self, reason: CloseReason) -> None:
        """The handshake failed after admission: gives the slot back."""
        self._relay.end(reason)
