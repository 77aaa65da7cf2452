"""Who the client is, after authentication. PURE."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated user.

    `user` is unique within `issuer` and stable over time; both together are the identity that
    limits are kept for. Neither is ever logged in clear (`telemetry.logs.user_hash`).
    `expires_at` is the wall-clock end (Unix seconds) of the proof, None where it has none.
    """

    user: str
    issuer: str
    expires_at: float | None = None

    @property
    def key(self) -> str:
        """The identity as one string, for limits and hashes."""
        return f"{self.issuer}|{self.user}"
