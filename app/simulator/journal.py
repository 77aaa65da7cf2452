"""What the server has seen, for whoever tests against it: counts and names, never content.

Header values, keys, audio and text have no place here; a client-chosen event type is counted as
"other".
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from app.protocol.names import ClientKind

OTHER = "other"
_REMEMBERED = 1_000
_KNOWN = frozenset(ClientKind)


@dataclass(slots=True)
class ConnectionRecord:
    """One WebSocket, or one refused handshake (`status` other than 101, never open).

    `credential` is where the credential stood: header, query, bearer, subprotocol; None if there
    was none or none that fits. `dialect` is what its path speaks; `api_version` is None in GA.
    Codes are None where no close frame went that way.
    """

    id: str
    path: str
    status: int
    credential: str | None = None
    dialect: str | None = None
    api_version: str | None = None
    deployment: str | None = None
    header_names: tuple[str, ...] = ()
    open: bool = False
    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    close_code_received: int | None = None
    close_code_sent: int | None = None

    def count_received(self, kind: object) -> None:
        """One client event; `kind` is its type as it came."""
        known = isinstance(kind, str) and kind in _KNOWN
        self.received[str(kind) if known else OTHER] += 1

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "path": self.path,
            "status": int(self.status),
            "credential": self.credential,
            "dialect": self.dialect,
            "api_version": self.api_version,
            "deployment": self.deployment,
            "header_names": list(self.header_names),
            "open": self.open,
            "received": dict(self.received),
            "sent": dict(self.sent),
            "close_code_received": self.close_code_received,
            "close_code_sent": self.close_code_sent,
        }


class Journal:
    """The latest connections, oldest first."""

    def __init__(self) -> None:
        self._records: deque[ConnectionRecord] = deque(maxlen=_REMEMBERED)

    @property
    def connections(self) -> list[ConnectionRecord]:
        """Accepted connections."""
        return [record for record in self._records if record.status == 101]

    @property
    def refusals(self) -> list[ConnectionRecord]:
        """Handshakes that were answered with an HTTP status."""
        return [record for record in self._records if record.status != 101]

    def add(self, record: ConnectionRecord) -> None:
        self._records.append(record)

    def describe(self) -> dict[str, Any]:
        return {
            "connections": [record.describe() for record in self.connections],
            "refusals": [record.describe() for record in self.refusals],
        }
