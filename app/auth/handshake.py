"""Where a credential may stand in a handshake, and which subprotocol is selected.

A credential stands in `Authorization: Bearer X`, or, since a browser cannot set headers on a
WebSocket, in the subprotocol `openai-insecure-api-key.X` as OpenAI's SDKs send it. Never in the
query: a query is written to access logs and browser histories on its way here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.auth.denied import Denied
from app.protocol.names import (
    CREDENTIAL_SUBPROTOCOL_PREFIX,
    PRIVATE_SUBPROTOCOL,
    REALTIME_SUBPROTOCOL,
)

_BEARER_VALUE = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750, section 2.1: b64token."""

WHERE = (
    "Send it as 'Authorization: Bearer ...', or from a browser as the subprotocol "
    f"'{CREDENTIAL_SUBPROTOCOL_PREFIX}...' beside '{REALTIME_SUBPROTOCOL}'."
)


class Place(StrEnum):
    """Where a credential stood."""

    HEADER = "header"
    SUBPROTOCOL = "subprotocol"


@dataclass(frozen=True, slots=True)
class Credential:
    """What the client showed. `value` is a secret: it is neither printed nor logged."""

    value: str = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Selection:
    """The subprotocol to answer with, None for none; and whether private events were asked for."""

    selected: str | None
    private_events: bool


def find_credential(
    authorizations: Sequence[str], subprotocols: Sequence[str] = ()
) -> Credential | Denied:
    """The one credential of a request.

    `authorizations` are all `Authorization` header values, `subprotocols` all that were offered.
    Two credentials are refused even if they are equal: which of them an intermediary or a log
    treats as the real one would be anybody's guess.
    """
    shown = [(text, Place.HEADER) for text in authorizations]
    shown += [
        (offered.removeprefix(CREDENTIAL_SUBPROTOCOL_PREFIX), Place.SUBPROTOCOL)
        for offered in subprotocols
        if offered.startswith(CREDENTIAL_SUBPROTOCOL_PREFIX)
    ]
    if not shown:
        return Denied("credential.missing", f"A credential is missing. {WHERE}")
    if len(shown) > 1:
        return Denied("credential.several", "There is more than one credential. Send exactly one.")
    text, place = shown[0]
    if place is Place.HEADER:
        scheme, _, text = text.strip(" \t").partition(" ")
        text = text.strip(" ")
        if scheme.lower() != "bearer":
            return Denied("credential.scheme", f"Only the Bearer scheme is accepted. {WHERE}")
    if not _BEARER_VALUE.fullmatch(text):
        return Denied(
            "credential.form", f"The credential is empty or has characters no token has. {WHERE}"
        )
    return Credential(text, place)


def select_subprotocol(offered: Sequence[str]) -> Selection:
    """`realtime` if it was offered, else nothing; never one that carries a credential.

    Browsers fail where a client offered some and none is selected, and SDKs that offered none
    fail where one is. Private events need both `relay-events.v1` and `realtime`.
    """
    if REALTIME_SUBPROTOCOL not in offered:
        return Selection(None, False)
    return Selection(REALTIME_SUBPROTOCOL, PRIVATE_SUBPROTOCOL in offered)
