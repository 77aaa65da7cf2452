"""What the relay shows upstream to be let in, and the two credentials that are a plain key.

The credential that lives, a Microsoft Entra token, is in `bearer`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from app.protocol.close_reasons import CloseReason
from app.upkeep.keeper import Spawn

__all__ = [
    "ApiKeyHeader",
    "ApiKeyQuery",
    "Credential",
    "CredentialUnavailable",
    "Presented",
    "Spawn",
]

_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Presented:
    """The credential's part of one handshake: headers, or one query parameter. A secret."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[str, str] | None = None

    def __repr__(self) -> str:
        names = [name for name, _ in self.headers]
        return f"Presented(headers={names}, query={self.query and self.query[0]!r}, values hidden)"


class CredentialUnavailable(Exception):  # noqa: N818  (a state of the relay, not an error in it)
    """There is no valid credential now. `detail` is for the log and holds no secret.

    `retry_after` is the number of seconds after which another try is worthwhile.
    """

    reason = CloseReason.CREDENTIAL_UNAVAILABLE

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Credential(Protocol):
    """How the relay signs in upstream. One object for the process."""

    def start(self, spawn: Spawn) -> None:
        """Begins to keep the credential fresh. Call once, from within the loop; the caller owes a
        `close()`."""

    async def present(self) -> Presented:
        """What to show now. Waits a few seconds at the most. Raises CredentialUnavailable."""

    async def renew(self, rejected: Presented) -> bool:
        """Upstream answered 401 to `rejected`. True when `present()` would now show another
        credential, so that one more try is worthwhile. Waits a few seconds at the most."""

    def fault(self) -> CredentialUnavailable | None:
        """What `present()` would raise right now, for the door; else None."""

    def held(self) -> bool:
        """Whether a valid credential is at hand this very moment, for `/readyz`: the door lets
        clients in to wait for the first one, but a balancer should not send them."""

    async def close(self) -> None:
        """Ends the background work. Nothing is left open."""


class _FixedCredential:
    """A credential that never changes. It cannot be renewed: a rejected key stays rejected."""

    def __init__(self, presented: Presented) -> None:
        self._presented = presented

    def start(self, spawn: Spawn) -> None:
        """Nothing has to be kept fresh."""

    async def present(self) -> Presented:
        return self._presented

    async def renew(self, rejected: Presented) -> bool:
        return rejected != self._presented

    def fault(self) -> CredentialUnavailable | None:
        return None

    def held(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing is open."""


class ApiKeyHeader(_FixedCredential):
    """The resource's key as the header `api-key`."""

    def __init__(self, key: str) -> None:
        super().__init__(Presented(headers=(("api-key", _checked_key(key)),)))


class ApiKeyQuery(_FixedCredential):
    """The resource's key as the query parameter `api-key`: hidden by TLS on the way, but visible
    to a gateway that logs URLs. For peers that read it nowhere else."""

    def __init__(self, key: str) -> None:
        super().__init__(Presented(query=("api-key", _checked_key(key))))


def _checked_key(key: str) -> str:
    if not is_visible_ascii(key):
        raise ValueError(
            "AZURE_OPENAI_API_KEY is empty or holds a space, a line break or a character outside "
            "ASCII: copy one of the resource's two keys again."
        )
    return key


def is_visible_ascii(text: str) -> bool:
    """Whether `text` can stand in a header without changing its meaning (RFC 9110, section 5.5)."""
    return _VISIBLE.fullmatch(text) is not None
