"""Who the client is, after authentication. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated user.

    `user` is unique within `issuer` and stable over time; both together are the identity that
    limits are kept for. Neither is ever logged in clear (`telemetry.logs.user_hash`).
    `expires_at` is the wall-clock end (Unix seconds) of the proof, None where it has none.
    `claims` are those that the operator asked for, as the issuer set them: a claim with several
    values stands there once for each; one that is neither a text nor a list of texts, not at all.
    """

    user: str
    issuer: str
    expires_at: float | None = None
    claims: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    @property
    def key(self) -> str:
        """The identity as one string, for limits and hashes."""
        return f"{self.issuer}|{self.user}"

    def claim(self, name: str) -> str | None:
        """The value of a claim; None where it is absent or has several values."""
        values = [value for known, value in self.claims if known == name]
        return values[0] if len(values) == 1 else None
