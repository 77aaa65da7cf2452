"""What a response costs in tokens, and what is left of the rate limits.

Nothing here is a model's tokeniser: four characters of text, 100 ms of audio heard and 50 ms of
audio spoken count as one token each, which are the service's own rules of thumb. An image counts
the same whatever it shows. How usage is printed is a matter of the dialect.
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
_LOW_IMAGE_TOKENS = 85
_IMAGE_TOKENS = 765


def text_tokens(text: str) -> int:
    return math.ceil(len(text) / 4)


def heard_tokens(audio_ms: float) -> int:
    return math.ceil(audio_ms / 100)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Text, audio and image tokens of one direction."""

    text: int = 0
    audio: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image


def heard(instructions: str, tools: Iterable[Tool], items: Iterable[Item]) -> Tokens:
    """What a response reads: instructions, tools and the items of its context."""
    text = text_tokens(instructions) + sum(text_tokens(json.dumps(tool)) for tool in tools)
    audio = image = 0
    for item in items:
        text += text_tokens(item.arguments) + text_tokens(item.output)
        for part in item.content:
            if part.has_audio:
                audio += heard_tokens(part.audio_ms)
            elif part.image_url:
                image += _LOW_IMAGE_TOKENS if part.detail == "low" else _IMAGE_TOKENS
            else:
                text += text_tokens(part.text)
    return Tokens(text, audio, image)


def spoken(text: str, audio_ms: float) -> Tokens:
    """What a response has put out so far."""
    return Tokens(text_tokens(text), math.ceil(audio_ms / 50))


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
