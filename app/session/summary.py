"""Plain counters of one session, for the line that is logged when it ends."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """What passed and what the policy said. Bytes are payload bytes of whole frames."""

    client_events: int = 0
    client_bytes: int = 0
    client_events_forwarded: int = 0
    upstream_events: int = 0
    upstream_bytes: int = 0
    upstream_events_passed: int = 0
    upstream_events_unknown: int = 0
    errors_to_client: int = 0
    audio_ms_from_client: float = 0.0
    responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    verdicts: dict[str, int] = msgspec.field(default_factory=dict)

    def verdict(self, rule: str) -> None:
        """Counts one verdict under its rule."""
        self.verdicts[rule] = self.verdicts.get(rule, 0) + 1
