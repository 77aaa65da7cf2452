"""Audio in a client's event: strict base64 of whole samples, and how long it lasts. PURE.

Audio is charged in milliseconds of the format in force, wherever it stands: by bytes, g711 would
get six times the allowance of pcm16.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.policy.base64_text import decoded_size
from app.policy.findings import Fault, too_long, wrong_type, wrong_value

BYTES_PER_MS = {"pcm16": 48, "g711_ulaw": 8, "g711_alaw": 8}
SAMPLE_BYTES = {"pcm16": 2, "g711_ulaw": 1, "g711_alaw": 1}


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio that may go on: its base64 text as it was sent, and its duration (0: it is empty)."""

    text: str
    milliseconds: float


def measure(value: object, input_format: str, max_bytes: int, path: str) -> Audio | Fault:
    """`value` as audio in `input_format` (`pcm16`, `g711_ulaw`, `g711_alaw`)."""
    if not isinstance(value, str):
        return wrong_type(path, "a base64 string")
    size = decoded_size(value)
    if size is None:
        return wrong_value(path, "base64, padded, without line breaks")
    if size > max_bytes:
        return too_long(path, max_bytes, "decoded bytes")
    if size % SAMPLE_BYTES[input_format]:
        return wrong_value(path, "whole samples (an even number of bytes for pcm16)")
    return Audio(value, size / BYTES_PER_MS[input_format])
