"""Ids that the relay itself gives to events, items and requests.

They begin with `rly_`, which no id of a client's may (`policy`), and with a per-session seed, so
that two sessions never share one. Ids that a client sees pass through here: identity today.
"""

from __future__ import annotations

from app.protocol.names import RELAY_ID_PREFIX


class Ids:
    """A counter behind a seed. `seed` is random text that the creator of the session gives."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def next(self) -> str:
        """A fresh id, at most 32 characters as the API wants for items."""
        self._count += 1
        return f"{RELAY_ID_PREFIX}{self._seed}_{self._count}"

    def item(self) -> str:
        """A fresh id for an item of the client's, without the prefix that hides our own."""
        self._count += 1
        return f"item_{self._seed}_{self._count}"
