"""Raw audio as the Realtime API carries it: 16-bit little-endian mono samples.

Everything in the simulator that looks into audio reads it through this module, so the byte order
is decided in one place. Rates are in samples a second, levels in dB below full scale (dBFS).
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from operator import mul

RATE = 24_000
"""Sample rate of `pcm16` in the Realtime API."""
TELEPHONE_RATE = 8_000
"""Sample rate of `g711_ulaw` and `g711_alaw`."""
FULL_SCALE = 32_768
SILENCE_DB = -100.0
"""What an exactly silent stretch measures: lower levels are not told apart."""

_SWAP = sys.byteorder == "big"


def samples(pcm: bytes | bytearray | memoryview) -> array[int]:
    """The samples in `pcm`. A trailing half sample is dropped; callers that stream keep it."""
    decoded = array("h")
    decoded.frombytes(bytes(pcm[: len(pcm) - len(pcm) % 2]))
    if _SWAP:
        decoded.byteswap()
    return decoded


def to_bytes(decoded: array[int]) -> bytes:
    """The inverse of `samples`, for an `array("h")`."""
    if _SWAP:
        decoded = decoded[:]
        decoded.byteswap()
    return decoded.tobytes()


def silence(seconds: float) -> bytes:
    """Digital silence at 24 kHz, a whole number of samples."""
    return bytes(2 * round(seconds * RATE))


def level_db(decoded: Sequence[int]) -> float:
    """The level of a stretch in dBFS (RMS), with any constant offset taken out."""
    count = len(decoded)
    if not count:
        return SILENCE_DB
    mean = sum(decoded) / count
    power = sum(map(mul, decoded, decoded)) / count - mean * mean
    if power <= 0:
        return SILENCE_DB
    return max(SILENCE_DB, 10 * math.log10(power / FULL_SCALE**2))
