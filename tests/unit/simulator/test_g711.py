"""G.711 against values of ITU-T's tables, and the way between 8 and 24 kHz."""

from __future__ import annotations

import math
import time
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.voice import g711
from app.simulator.voice import pcm as pcm16

# ITU-T G.711, tables 1 and 2: the decoder's output values, scaled to 16 bits.
ULAW = {0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8, 0xF0: 120, 0xEF: 132, 0xE0: 372, 0xD0: 876}
ULAW |= {0xC0: 1884, 0xB0: 3900, 0xA0: 7932, 0x90: 15996, 0x80: 32124, 0x00: -32124, 0x01: -31100}
ALAW = {0xD5: 8, 0x55: -8, 0xD4: 24, 0x54: -24, 0xC5: 264, 0xF5: 528, 0xE5: 1056, 0x95: 2112}
ALAW |= {0x85: 4224, 0xB5: 8448, 0xA5: 16896, 0xAA: 32256, 0x2A: -32256}


def pcm(*values: int) -> bytes:
    return pcm16.to_bytes(array("h", values))


def values(data: bytes) -> list[int]:
    return pcm16.samples(data).tolist()


def tone(hertz: float, rate: int, seconds: float = 0.5, peak: int = 10_000) -> bytes:
    count = round(rate * seconds)
    return pcm(*(round(peak * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count)))


@pytest.mark.parametrize(("code", "value"), ULAW.items())
def test_mu_law_codes_decode_to_the_values_of_the_recommendation(code: int, value: int) -> None:
    assert values(g711.decode_ulaw(bytes([code]))) == [value]


@pytest.mark.parametrize(("code", "value"), ALAW.items())
def test_a_law_codes_decode_to_the_values_of_the_recommendation(code: int, value: int) -> None:
    assert values(g711.decode_alaw(bytes([code]))) == [value]


def test_silence_and_full_scale_encode_to_the_codes_of_the_recommendation() -> None:
    assert g711.encode_ulaw(pcm(0, 32767, -32768)) == bytes([0xFF, 0x80, 0x00])
    assert g711.encode_alaw(pcm(0, -1, 32767, -32768)) == bytes([0xD5, 0x55, 0xAA, 0x2A])


def test_every_mu_law_code_survives_decoding_and_encoding_but_for_negative_zero() -> None:
    codes = bytes(range(256))
    assert g711.encode_ulaw(g711.decode_ulaw(codes)) == codes.replace(b"\x7f", b"\xff")


def test_every_a_law_code_survives_decoding_and_encoding() -> None:
    codes = bytes(range(256))
    assert g711.encode_alaw(g711.decode_alaw(codes)) == codes


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_decoding_what_was_encoded_is_monotonic_and_near_over_the_whole_range(law: str) -> None:
    encode, decode = getattr(g711, f"encode_{law}"), getattr(g711, f"decode_{law}")
    every = list(range(-32768, 32768))
    heard = values(decode(encode(pcm(*every))))
    assert all(a <= b for a, b in pairwise(heard))
    assert all(
        abs(a - b) <= 16 + abs(a) / 16 for a, b in zip(every, heard, strict=True) if a < 32636
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_audio_and_half_a_sample_is_dropped(data: bytes) -> None:
    assert len(g711.encode_ulaw(data)) == len(g711.encode_alaw(data)) == len(data) // 2
    assert len(g711.decode_ulaw(data)) == len(g711.decode_alaw(data)) == 2 * len(data)
    assert len(g711.to_8k(data)) == len(data) // 2 // 3 * 2
    assert len(g711.to_24k(data)) == len(data) // 2 * 6


def test_a_constant_stays_what_it_is_at_either_rate() -> None:
    assert values(g711.to_8k(pcm(*[1234] * 30))) == [1234] * 10
    assert values(g711.to_24k(pcm(*[-1234] * 10))) == [-1234] * 30


def test_interpolation_lies_evenly_between_samples_and_holds_the_last() -> None:
    assert values(g711.to_24k(pcm(0, 300, 0))) == [0, 100, 200, 300, 200, 100, 0, 0, 0]


def test_a_voice_band_tone_survives_to_8k_and_back() -> None:
    there = g711.to_8k(tone(500, 24_000))
    assert pcm16.level_db(pcm16.samples(there)) == pytest.approx(
        pcm16.level_db(pcm16.samples(tone(500, 8_000))), abs=0.5
    )
    back, wanted = values(g711.to_24k(there)), values(tone(500, 24_000))
    # The output sample stands in the middle of its three: one sample later than it is played.
    error = [a - b for a, b in zip(back[30:-31], wanted[31:-30], strict=True)]
    assert pcm16.level_db(error) < pcm16.level_db(wanted) - 25


@pytest.mark.parametrize("hertz", [7_000, 8_000, 9_000])
def test_what_would_fold_into_the_telephone_band_is_damped(hertz: int) -> None:
    source = tone(hertz, 24_000)
    damped = pcm16.level_db(pcm16.samples(g711.to_8k(source)))
    assert damped < pcm16.level_db(pcm16.samples(source)) - 15


def test_a_minute_of_audio_is_coded_in_a_small_part_of_a_minute() -> None:
    minute = tone(300, 24_000, 1.0) * 60
    g711.encode_ulaw(pcm(0))
    began = time.perf_counter()
    g711.to_24k(g711.decode_ulaw(g711.encode_ulaw(g711.to_8k(minute))))
    assert time.perf_counter() - began < 3
