"""What a session is opened with. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.policy.policy import Configuration, Policy
from app.protocol.names import Dialect
from app.session.limits import Limits


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is opened with, fixed for its life.

    `model` is the alias the client asked for, `expires_at` the wall-clock end in Unix seconds,
    `seed` random text for the relay's own ids, `upstream_name` "azure" or "embedded". `user` is the
    principal's key, and `identity_seconds` the time from opening until that user's proof expires
    (None: never). `deployment` is what is dialled (empty: the usual one): no client ever sees it.
    """

    session_id: str
    seed: str
    policy: Policy
    configuration: Configuration
    limits: Limits
    expires_at: int
    model: str
    upstream_name: str = "azure"
    private_events: bool = False
    client_dialect: Dialect = Dialect.PREVIEW
    upstream_dialect: Dialect = Dialect.PREVIEW
    user: str = field(default="", repr=False)
    identity_seconds: float | None = None
    deployment: str = ""
