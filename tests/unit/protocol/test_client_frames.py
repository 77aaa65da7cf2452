"""What it may cost to read a client's frame."""

from __future__ import annotations

import time

import pytest

from app.protocol.client_frames import decode_client
from app.protocol.events import Malformed
from app.protocol.names import Dialect


def test_numbers_that_are_dear_to_read_cost_little() -> None:
    worst = b'{"type":"x","a":[' + b"1e308," * 16_000 + b"1]}"
    began = time.perf_counter()
    decode_client(worst, Dialect.PREVIEW)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    "values",
    [
        b"1," * 20_000 + b"1",
        b"[[[[[[[[[]]]]]]]]]," * 2_000 + b"1",
        b'{"a":{"a":{}}},' * 5_000 + b"1",
        b"[" * 20_000 + b"]" * 20_000,
    ],
)
def test_more_values_than_anybody_needs_are_not_even_read(values: bytes) -> None:
    frame = b'{"type":"x","a":[' + values + b"]}"
    answer = decode_client(frame, Dialect.PREVIEW)
    assert isinstance(answer, Malformed)
    assert "16384" in answer.message


@pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
def test_a_number_beyond_all_bounds_is_no_number(number: bytes) -> None:
    assert isinstance(
        decode_client(b'{"type":"x","a":' + number + b"}", Dialect.PREVIEW), Malformed
    )
