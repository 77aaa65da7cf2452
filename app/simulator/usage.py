"""What a response costs in tokens, and what is left of the rate limits.

Nothing here is a model's tokeniser: four characters of text, 100 ms of audio heard and 50 ms of
audio spoken count as one token each, which are the service's own rules of thumb.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.simulator.items import Item
from app.simulator.tools import Tool

_REQUESTS_PER_MINUTE = 1_000
_TOKENS_PER_MINUTE = 100_000
_WINDOW_SECONDS = 60.0


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Text and audio tokens of one direction."""

    text: int = 0
    audio: int = 0

    @property
    def total(self) -> int:
        return self.text + self.audio


def heard(instructions: str, tools: Iterable[Tool], items: Iterable[Item]) -> Tokens:
    """What a response reads: instructions, tools and the items of its context."""
    text = text_tokens(instructions) + sum(text_tokens(json.dumps(tool)) for tool in tools)
    audio = 0
    for item in items:
        text += text_tokens(item.arguments) + text_tokens(item.output)
        for part in item.content:
            if part.has_audio:
                audio += math.ceil(part.audio_ms / 100)
            else:
                text += text_tokens(part.text)
    return Tokens(text, audio)


def spoken(text: str, audio_ms: float) -> Tokens:
    """What a response has put out so far."""
    return Tokens(text_tokens(text), math.ceil(audio_ms / 50))


def described(taken: Tokens, given: Tokens) -> dict[str, Any]:
    """The `usage` of `response.done`, with all details; nothing is ever cached here."""
    return {
        "total_tokens": taken.total + given.total,
        "input_tokens": taken.total,
        "output_tokens": given.total,
        "input_token_details": {
            "cached_tokens": 0,
            "text_tokens": taken.text,
            "audio_tokens": taken.audio,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0},
        },
        "output_token_details": {"text_tokens": given.text, "audio_tokens": given.audio},
    }


class RateLimits:
    """A minute's allowance, as the service reports it. Nothing is refused: reports alone."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._requests = 0
        self._tokens = 0

    def report(self, tokens: int, now: float) -> list[dict[str, Any]]:
        """The `rate_limits` after a response that used `tokens`; `now` in monotonic seconds."""
        if self._began is None or now - self._began >= _WINDOW_SECONDS:
            self._began, self._requests, self._tokens = now, 0, 0
        self._requests += 1
        self._tokens += tokens
        reset = round(max(0.0, self._began + _WINDOW_SECONDS - now), 3)
        used = (
            ("requests", _REQUESTS_PER_MINUTE, self._requests),
            ("tokens", _TOKENS_PER_MINUTE, self._tokens),
        )
        return [
            {
                "name": name,
                "limit": limit,
                "remaining": max(0, limit - spent),
                "reset_seconds": reset,
            }
            for name, limit, spent in used
        ]
