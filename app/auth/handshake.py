"""Where a credential may stand in a handshake, and which subprotocol is selected.

A credential stands in `Authorization: Bearer X` or `api-key: X`, or, since a browser cannot set
headers on a WebSocket, in the subprotocol `openai-insecure-api-key.X` as OpenAI's SDKs send it.

In the query (`api-key=X`, `Authorization=Bearer X`, as Azure's browser SDKs send it) it is refused
unless the operator allows it: a query is written to access logs and browser histories on its way
here. Refused or not, it counts as one: a request has exactly one credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
    "Send it as 'Authorization: Bearer ...' or 'api-key: ...', from a browser as the subprotocol "
    f"'{CREDENTIAL_SUBPROTOCOL_PREFIX}...' beside '{REALTIME_SUBPROTOCOL}'."
)

_NO_KEY = frozenset({"null", "undefined", "None"})
"""What SDKs write into the place of a key that they were not given."""


class Place(StrEnum):
    """Where a credential stood."""

    HEADER = "header"
    API_KEY = "api-key header"
    SUBPROTOCOL = "subprotocol"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Credential:
    """What the client showed. `value` is a secret: it is neither printed nor logged."""

    value: str = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class Shown:
    """Every place of a request in which a credential may stand: all values, in order.

    `query` is the decoded query. Secrets may stand in each of them.
    """

    authorizations: Sequence[str] = field(default=(), repr=False)
    api_keys: Sequence[str] = field(default=(), repr=False)
    subprotocols: Sequence[str] = field(default=(), repr=False)
    query: Mapping[str, list[str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """The subprotocol to answer with, None for none; and whether private events were asked for."""

    selected: str | None
    private_events: bool


def find_credential(shown: Shown, *, in_query: bool = False) -> Credential | Denied:
    """The one credential of a request; `in_query` says that it may stand in the query.

    Two credentials are refused even if they are equal: which of them an intermediary or a log
    treats as the real one would be anybody's guess.
    """
    found = list(_found(shown))
    if not in_query and any(place is Place.QUERY for _, place, _ in found):
        return Denied(
            "credential.query",
            "A credential stands in the query string, which is written to logs and histories. "
            f"Remove it there. {WHERE} (An operator who has weighed that allows it with "
            "RELAY_QUERY_CREDENTIALS.)",
        )
    if not found:
        return Denied("credential.missing", f"A credential is missing. {WHERE}")
    if len(found) > 1:
        return Denied("credential.several", "There is more than one credential. Send exactly one.")
    text, place, has_scheme = found[0]
    if has_scheme:
        scheme, _, text = text.strip(" \t").partition(" ")
        text = text.strip(" ")
        if scheme.lower() != "bearer":
            return Denied("credential.scheme", f"Only the Bearer scheme is accepted. {WHERE}")
    if text in _NO_KEY:
        return Denied(
            "credential.no_key",
            f"The credential is the word '{text}': the SDK was given no key. Give it a ticket from "
            "POST /tickets, or the user's own token, as its API key.",
        )
    if not _BEARER_VALUE.fullmatch(text):
        return Denied(
            "credential.form", f"The credential is empty or has characters no token has. {WHERE}"
        )
    return Credential(text, place)


def _found(shown: Shown) -> Iterator[tuple[str, Place, bool]]:
    """Whatever looks like a credential: the text, its place, and whether a scheme stands in it."""
    for text in shown.authorizations:
        yield text, Place.HEADER, True
    for text in shown.api_keys:
        yield text, Place.API_KEY, False
    for offered in shown.subprotocols:
        if offered.startswith(CREDENTIAL_SUBPROTOCOL_PREFIX):
            yield offered.removeprefix(CREDENTIAL_SUBPROTOCOL_PREFIX), Place.SUBPROTOCOL, False
    for name, texts in shown.query.items():
        if name.lower() in ("api-key", "authorization"):
            for text in texts:
                yield text, Place.QUERY, name.lower() == "authorization"


def select_subprotocol(offered: Sequence[str]) -> Selection:
    """`realtime` if it was offered, else nothing; never one that carries a credential.

    Browsers fail where a client offered some and none is selected, and SDKs that offered none
    fail where one is. Private events need both `relay-events.v1` and `realtime`.
    """
    if REALTIME_SUBPROTOCOL not in offered:
        return Selection(None, False)
    return Selection(REALTIME_SUBPROTOCOL, PRIVATE_SUBPROTOCOL in offered)
