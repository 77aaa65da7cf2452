"""Recorded speech as a client would send it: 24 kHz pcm16, cut into `append` events.

The recordings are those of the browser test (48 kHz, see `tests/browser/speech/README.md`); pairs
of samples become one. Audio goes out as fast as the socket takes it: what listens counts samples.
"""

from __future__ import annotations

import base64
import sys
import wave
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.harness.client import Client

RATE = 24_000
BYTES_PER_MS = 2 * RATE // 1000
TURN_SILENCE_MS = 400
"""Silence that ends a turn where 200 ms of it are asked for, with room to spare."""

_RECORDINGS = Path(__file__).parents[1] / "browser" / "speech"


@cache
def recording(name: str) -> bytes:
    """A whole recording, pcm16 at 24 kHz, little-endian."""
    with wave.open(str(_RECORDINGS / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        samples = array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    halved = array("h", ((a + b) // 2 for a, b in zip(samples[::2], samples[1::2], strict=False)))
    if sys.byteorder == "big":
        halved.byteswap()
    return halved.tobytes()


def cut(name: str, start_ms: int, end_ms: int) -> bytes:
    """The part of a recording between two positions."""
    return recording(name)[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS]


def hello() -> bytes:
    """ "Hello there, can you hear me?", 1.5 seconds, with a breath of silence before it."""
    return cut("hello.wav", 1_900, 3_500)


def stop_it() -> bytes:
    """ "Stop it please.", 0.9 seconds, with a breath of silence before it."""
    return cut("interruption.wav", 9_140, 10_140)


def silence(ms: int) -> bytes:
    """So much of nothing."""
    return bytes(BYTES_PER_MS * ms)


def turn(said: bytes) -> bytes:
    """What was said, and the silence that ends the turn."""
    return said + silence(TURN_SILENCE_MS)


def appends(pcm: bytes, chunk_ms: int = 100) -> Iterator[dict[str, Any]]:
    """The `input_audio_buffer.append` events of some audio."""
    size = chunk_ms * BYTES_PER_MS
    for start in range(0, len(pcm), size):
        yield append(pcm[start : start + size])


def append(audio: bytes) -> dict[str, Any]:
    """One event with this audio, in whatever format it is."""
    text = base64.b64encode(audio).decode("ascii")
    return {"type": "input_audio_buffer.append", "audio": text}


async def speak(client: Client, pcm: bytes, chunk_ms: int = 100) -> None:
    """Sends the audio, faster than real time."""
    for event in appends(pcm, chunk_ms):
        await client.send(event)
