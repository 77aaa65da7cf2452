"""One response: what it goes by, what has come of it, and how the service prints it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.items import Item
from app.simulator.response_options import ResponseOptions
from app.simulator.usage import Tokens, described, spoken


@dataclass(slots=True)
class Response:
    """`status` is in_progress until it is completed, cancelled, incomplete or failed.

    `text` and `audio_ms` count what has been streamed, and nothing that was only planned.
    """

    id: str
    options: ResponseOptions
    conversation_id: str | None
    taken: Tokens
    status: str = "in_progress"
    status_details: dict[str, Any] | None = None
    output: list[Item] = field(default_factory=list)
    text: str = ""
    audio_ms: float = 0.0

    @property
    def given(self) -> Tokens:
        return spoken(self.text, self.audio_ms)

    def affords(self, text: str, audio_ms: float) -> bool:
        """Whether the limit of output tokens leaves room for this as well."""
        limit = self.options.max_output_tokens
        if isinstance(limit, str):
            return True
        return spoken(self.text + text, self.audio_ms + audio_ms).total <= limit

    def spend(self, text: str, audio_ms: float = 0.0) -> None:
        self.text += text
        self.audio_ms += audio_ms

    def describe(self) -> dict[str, Any]:
        """The object of `response.created` and `response.done`; `usage` comes with the end."""
        options = self.options
        running = self.status == "in_progress"
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": self.status_details,
            "output": [item.describe() for item in self.output],
            "conversation_id": self.conversation_id,
            "modalities": list(options.modalities),
            "voice": options.voice,
            "output_audio_format": options.output_audio_format,
            "temperature": options.temperature,
            "max_output_tokens": options.max_output_tokens,
            "usage": None if running else described(self.taken, self.given),
            "metadata": options.metadata,
        }
