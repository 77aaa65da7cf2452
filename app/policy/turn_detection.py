"""How upstream notices that a person has finished, as the operator chose it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class TurnKind(StrEnum):
    """Who decides that a turn is over."""

    NONE = "none"  # the client: push to talk
    SERVER_VAD = "server_vad"  # silence
    SEMANTIC_VAD = "semantic_vad"  # what was said


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """The operator's turn detection. None leaves a value to upstream.

    `threshold`, `prefix_ms` and `silence_ms` mean something for `server_vad` alone, `eagerness`
    for `semantic_vad` alone; the flags for both.
    """

    kind: TurnKind = TurnKind.SERVER_VAD
    threshold: float | None = None
    prefix_ms: int | None = None
    silence_ms: int | None = None
    eagerness: str | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None

    def setting(self) -> dict[str, Any] | None:
        """The value of `turn_detection` in a session object; None: switched off."""
        if self.kind is TurnKind.NONE:
            return None
        known = {
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_ms,
            "silence_duration_ms": self.silence_ms,
            "eagerness": self.eagerness,
            "create_response": self.create_response,
            "interrupt_response": self.interrupt_response,
        }
        said = {name: value for name, value in known.items() if value is not None}
        return {"type": self.kind.value, **said}
