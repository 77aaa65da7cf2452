"""What a response will put out, worked out whole before the first of it is streamed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from app.simulator.audio import BYTES_PER_MS

CHUNK_MS = 200
"""Audio in one delta: 9,600 bytes of pcm16, inside the 4,800 to 12,000 that the service sends."""
_LEAST_MS = 100
_WORDS = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio in the response's format, and what is said from which byte of it on."""

    audio: bytes
    words: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """Text in the pieces in which it is streamed."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calling:
    """A function call; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


Plan = Speech | Writing | Calling


@dataclass(frozen=True, slots=True)
class Chunk:
    """One delta's worth of speech: the words that begin in it, and its audio."""

    words: tuple[str, ...]
    audio: bytes


def chunks(speech: Speech, audio_format: str) -> list[Chunk]:
    """The speech cut into deltas; together they are exactly the speech."""
    edges = _edges(len(speech.audio), BYTES_PER_MS[audio_format])
    result: list[Chunk] = []
    to_come = list(speech.words)
    for begin, end in pairwise(edges):
        last = end == edges[-1]
        begun = [text for at, text in to_come if last or at < end]
        to_come = to_come[len(begun) :]
        result.append(Chunk(tuple(begun), speech.audio[begin:end]))
    return result or [Chunk(tuple(text for _, text in to_come), b"")]


def words(text: str) -> list[str]:
    """The words of a text, each with the space before it; they join to the same text."""
    return _WORDS.findall(text)


def pieces(text: str, size: int = 24) -> tuple[str, ...]:
    """Text cut at spaces into pieces of about `size` characters that join to the same text."""
    result: list[str] = []
    while text:
        cut = text.find(" ", size)
        cut = len(text) if cut < 0 or len(text) <= size else cut
        cut = min(cut, 4 * size)
        result.append(text[:cut])
        text = text[cut:]
    return tuple(result)


def _edges(length: int, per_ms: int) -> list[int]:
    """Where the audio is cut. A short rest shares with the chunk before it, so that no delta but
    an only one is under 100 ms."""
    size, least = CHUNK_MS * per_ms, _LEAST_MS * per_ms
    edges = [*range(0, length, size), length]
    if len(edges) > 2 and length - edges[-2] < least:
        middle = (edges[-3] + length) // 2
        edges[-2] = middle - middle % 2
    return edges
