"""How one embedded upstream is started: addresses, credentials, limits, pace. A frozen value."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

DEPLOYMENTS = (
    "gpt-4o-realtime-preview",
    "gpt-4o-mini-realtime-preview",
    "gpt-realtime",
    "gpt-realtime-mini",
)
"""The models that Microsoft's how-to and migration guide name, as deployments of the same name.
Either dialect serves all of them."""


def _new_key() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Options:
    """What the server does and accepts. Durations in seconds unless the name says otherwise.

    `port` 0 asks the system for a free one. `key` is random per start; it opens the door as an
    `api-key` header, as an `api-key` query parameter and, while `key_as_bearer` holds, as a bearer
    token beside `bearer_tokens`, or in GA as the subprotocol in which browsers carry one.

    `pace` is a multiple of real time for audio going out, after `burst_ms` of audio that leaves at
    once; None sends everything as fast as the peer reads. `control` opens `GET /control/journal`
    on loopback; `stop_with_parent` ends `run()` when its standard input reaches its end.

    Raises `ValueError` with the field's name for a value that cannot work.
    """

    host: str = "127.0.0.1"
    port: int = 0
    key: str = field(default_factory=_new_key, repr=False)
    bearer_tokens: tuple[str, ...] = field(default=(), repr=False)
    key_as_bearer: bool = True
    deployments: tuple[str, ...] = DEPLOYMENTS
    session_seconds: float = 1800.0
    pace: float | None = 4.0
    burst_ms: int = 400
    conversation_created: bool = False
    control: bool = False
    stop_with_parent: bool = False
    close_seconds: float = 2.0
    max_message_bytes: int = 24 * 1024 * 1024

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("key: it must not be empty, or everyone could connect")
        if not self.deployments:
            raise ValueError("deployments: name at least one")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: {self.port} is not between 0 and 65535")
        if self.pace is not None and self.pace <= 0:
            raise ValueError(f"pace: {self.pace} is not above 0; None means as fast as possible")
        if self.session_seconds <= 0:
            raise ValueError(f"session_seconds: {self.session_seconds} is not above 0")
        if self.burst_ms < 0 or self.close_seconds <= 0 or self.max_message_bytes <= 0:
            raise ValueError("burst_ms, close_seconds, max_message_bytes: must not be negative")
