"""What the operator's routes need, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.auth.principal import Principal
from app.relay.live import SessionView
from app.store.store import Revocation, RevocationStore


class Sessions(Protocol):
    """What the operator's routes need of the `Registry`."""

    @property
    def draining(self) -> bool:
        """Whether new sessions are refused."""

    @property
    def refused(self) -> Mapping[str, int]:
        """How many sessions were refused, by the limit that refused them."""

    def __len__(self) -> int:
        """How many sessions live here."""

    def sessions(self) -> list[SessionView]:
        """The live sessions of this process."""

    def count(self, revocation: Revocation) -> int:
        """How many of them the revocation would end."""

    def revoked(self, revocation: Revocation) -> None:
        """Ends them."""

    def refuse_new(self) -> None:
        """Takes no new sessions from now on."""


@dataclass(frozen=True, slots=True)
class AdminRules:
    """Who is heard. `token` of None asks for none: for loopback alone. `hosts` are names, in lower
    case, by which the listener may be called beside `localhost` and bare addresses."""

    token: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the routes act on. `hash_user` gives the name of a user in log lines."""

    registry: Sessions
    store: RevocationStore
    hash_user: Callable[[Principal], str]
    rules: AdminRules = AdminRules()
