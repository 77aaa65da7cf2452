"""Audio on the wire and inside: three formats outside, pcm16 at 24 kHz inside.

Lengths are counted in samples of the format at hand, never in wall time.
"""

from __future__ import annotations

import base64
import binascii

from app.simulator.errors import Rejected, invalid, too_long
from app.simulator.voice import g711

PCM16 = "pcm16"
FORMATS = (PCM16, "g711_ulaw", "g711_alaw")
BYTES_PER_MS = {PCM16: 48, "g711_ulaw": 8, "g711_alaw": 8}
MAX_APPEND_BYTES = 15 * 1024 * 1024
"""The most audio that one event may carry, decoded (API reference)."""

_EXPECTED = {
    PCM16: "mono PCM16 at 24kHz",
    "g711_ulaw": "mono G.711 u-law at 8kHz",
    "g711_alaw": "mono G.711 A-law at 8kHz",
}


def length_ms(data: bytes | bytearray, audio_format: str) -> float:
    return len(data) / BYTES_PER_MS[audio_format]


def to_pcm(data: bytes, audio_format: str) -> bytes:
    """Wire bytes as pcm16 at 24 kHz. A half sample at the end of pcm16 is kept as it is."""
    if audio_format == "g711_ulaw":
        return g711.to_24k(g711.decode_ulaw(data))
    if audio_format == "g711_alaw":
        return g711.to_24k(g711.decode_alaw(data))
    return data


def from_pcm(pcm: bytes, audio_format: str) -> bytes:
    """pcm16 at 24 kHz in the format that was asked for."""
    if audio_format == "g711_ulaw":
        return g711.encode_ulaw(g711.to_8k(pcm))
    if audio_format == "g711_alaw":
        return g711.encode_alaw(g711.to_8k(pcm))
    return pcm


def decoded(text: str, path: str, audio_format: str) -> bytes:
    """Base64 text as wire bytes. Raises `Rejected` for what is no base64, or is too long."""
    longest = (MAX_APPEND_BYTES + 2) // 3 * 4
    if len(text) > longest:
        raise too_long(path, longest, len(text))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _not_audio(path, audio_format) from None


def encoded(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode("ascii")


def _not_audio(path: str, audio_format: str) -> Rejected:
    return invalid(
        path,
        f"Invalid '{path}'. Expected base64-encoded audio bytes ({_EXPECTED[audio_format]}) "
        "but got an invalid value.",
    )
