"""Events as values: what a decoded frame is, on either side. PURE.

`client_frames` and `server_frames` turn frames into these and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from app.protocol.names import ClientKind, ServerKind
from app.protocol.paths import Spelling


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """One event of a client. `body` is in the internal spelling, with `type`, without `event_id`.

    `kind` is a plain string for a type that the protocol does not know; the policy refuses it.
    `sent` names fields as this client spelled them.
    """

    kind: ClientKind | str
    event_id: str | None
    body: dict[str, Any]
    sent: Spelling


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why a frame is no event, as the values of the `error` that answers it."""

    code: str
    message: str
    param: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of upstream, wholly decoded. `body` is in the internal spelling, with `type`."""

    kind: ServerKind
    body: dict[str, Any]


class ServerHead(msgspec.Struct, frozen=True):
    """The names in an event of upstream, read without decoding the rest."""

    kind: ServerKind
    response_id: str | None = None
    item_id: str | None = None
