"""Telephone audio: mu-law and A-law as ITU-T Recommendation G.711 defines them.

One byte holds one sample at 8 kHz. Encoders and decoders are tables, so a second of audio costs
well under a millisecond; `to_8k` and `to_24k` bridge to the 24 kHz that `pcm16` has.
"""

from __future__ import annotations

from array import array
from functools import cache

from app.simulator.voice import pcm as pcm16

_ULAW_BIAS = 132
_ULAW_CLIP = 32_635
_STEP = pcm16.RATE // pcm16.TELEPHONE_RATE


def encode_ulaw(pcm: bytes) -> bytes:
    """mu-law bytes for 16-bit samples at the same rate, one byte a sample."""
    return _encode(pcm, _ulaw_codes())


def decode_ulaw(data: bytes) -> bytes:
    """16-bit samples at the same rate for mu-law bytes. Every byte has a meaning."""
    return _decode(data, *_ulaw_halves())


def encode_alaw(pcm: bytes) -> bytes:
    """A-law bytes for 16-bit samples at the same rate, one byte a sample."""
    return _encode(pcm, _alaw_codes())


def decode_alaw(data: bytes) -> bytes:
    """16-bit samples at the same rate for A-law bytes. Every byte has a meaning."""
    return _decode(data, *_alaw_halves())


def to_8k(pcm24k: bytes) -> bytes:
    """24 kHz to 8 kHz: each output sample is a weighted mean of the five samples around it.

    The weights (1, 2, 3, 2, 1) are two running means of three, which damp what would fold back
    into the telephone band. Up to two samples at the end that fill no output sample are dropped.
    """
    source = pcm16.samples(pcm24k)
    count = len(source) // _STEP
    if not count:
        return b""
    left = array("h", [source[0]]) + source[2::_STEP]
    here = (source[k::_STEP] for k in range(_STEP))
    right = source[_STEP::_STEP]
    right.append(source[-1])
    mixed = (
        (before + 2 * a + 3 * b + 2 * c + after) // 9
        for before, a, b, c, after in zip(left, *here, right, strict=False)
    )
    return pcm16.to_bytes(array("h", mixed)[:count])


def to_24k(pcm8k: bytes) -> bytes:
    """8 kHz to 24 kHz by linear interpolation; the last sample is held."""
    source = pcm16.samples(pcm8k)
    if not source:
        return b""
    following = source[1:]
    following.append(source[-1])
    result = array("h", bytes(2 * _STEP * len(source)))
    result[0::_STEP] = source
    pairs = list(zip(source, following, strict=True))
    result[1::_STEP] = array("h", [(2 * a + b) // 3 for a, b in pairs])
    result[2::_STEP] = array("h", [(a + 2 * b) // 3 for a, b in pairs])
    return pcm16.to_bytes(result)


def _encode(pcm: bytes, codes: bytes) -> bytes:
    return bytes([codes[sample] for sample in pcm16.samples(pcm)])


def _decode(data: bytes, low: bytes, high: bytes) -> bytes:
    result = bytearray(2 * len(data))
    result[0::2] = data.translate(low)
    result[1::2] = data.translate(high)
    return bytes(result)


def _ulaw_value(code: int) -> int:
    """G.711, table 2: sign, three bits of segment, four of step, all inverted on the line."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _ULAW_BIAS << (code >> 4 & 7)) - _ULAW_BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw_value(code: int) -> int:
    """G.711, table 1: even bits inverted on the line, a set sign bit means positive."""
    code ^= 0x55
    segment = code >> 4 & 7
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = magnitude + 256 << segment - 1
    return magnitude if code & 0x80 else -magnitude


def _ulaw_code(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> segment + 3 & 0x0F) & 0xFF


def _alaw_code(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = sample if sample >= 0 else ~sample
    segment = max(0, magnitude.bit_length() - 8)
    step = magnitude >> (segment + 3 if segment else 4) & 0x0F
    return (sign | segment << 4 | step) ^ 0x55


@cache
def _ulaw_codes() -> bytes:
    """Codes by sample; negative samples index from the end, as Python's do."""
    return bytes(map(_ulaw_code, [*range(pcm16.FULL_SCALE), *range(-pcm16.FULL_SCALE, 0)]))


@cache
def _alaw_codes() -> bytes:
    return bytes(map(_alaw_code, [*range(pcm16.FULL_SCALE), *range(-pcm16.FULL_SCALE, 0)]))


@cache
def _ulaw_halves() -> tuple[bytes, bytes]:
    return _halves([_ulaw_value(code) for code in range(256)])


@cache
def _alaw_halves() -> tuple[bytes, bytes]:
    return _halves([_alaw_value(code) for code in range(256)])


def _halves(values: list[int]) -> tuple[bytes, bytes]:
    """Low and high bytes of each value, as tables for `bytes.translate`."""
    return bytes(v & 0xFF for v in values), bytes(v >> 8 & 0xFF for v in values)
