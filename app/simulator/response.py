"""One response: what it goes by and what has come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.items import Item
from app.simulator.response_options import ResponseOptions
from app.simulator.usage import Tokens, spoken


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
    def running(self) -> bool:
        return self.status == "in_progress"

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
