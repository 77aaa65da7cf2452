"""Cutting and writing frames, without any socket."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Side

from app.wire.framing import (
    CONTROL_BURST,
    CONTROL_PER_SECOND,
    ControlBudget,
    FrameCutter,
    PeerClose,
    Ping,
    encode_close,
    encode_frame,
)
from app.wire.inbox import Inbox
from app.wire.wire import WireFault, WireLimits


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def cutter(side: Side = Side.SERVER, limit: int = 100_000) -> FrameCutter:
    return FrameCutter(side, limit, Clock())


texts = st.lists(st.text(max_size=300).map(str.encode), max_size=8)


@settings(deadline=None, max_examples=60)
@given(messages=texts, sizes=st.lists(st.integers(1, 400), min_size=1), masked=st.booleans())
def test_what_is_written_is_cut_again_however_the_bytes_arrive(
    messages: list[bytes], sizes: list[int], masked: bool
) -> None:
    raw = b"".join(encode_frame(Opcode.TEXT, message, masked) for message in messages)
    raw += encode_frame(Opcode.PING, b"?", masked) + encode_close(4000, "bye", masked)
    inbox = Inbox(cutter(Side.SERVER if masked else Side.CLIENT), WireLimits())
    turn = 0
    while raw:
        size = sizes[turn % len(sizes)]
        inbox.push(raw[:size])
        raw, turn = raw[size:], turn + 1
        while inbox.cut_some():
            pass
    assert list(inbox.frames) == messages
    assert inbox.pongs == [b"?"]
    assert inbox.close_frame == PeerClose(4000, "bye")
    assert inbox.bytes_in == sum(map(len, messages))


@settings(deadline=None, max_examples=200)
@given(raw=st.binary(max_size=200))
def test_no_garbage_makes_the_cutter_raise(raw: bytes) -> None:
    for side in Side:
        subject = cutter(side, limit=1000)
        subject.feed(raw)
        subject.feed(raw)
        for item in subject.cut:
            if isinstance(item, bytes):
                item.decode()


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_each_form_of_the_length_is_written_as_the_standard_says(length: int) -> None:
    raw = encode_frame(Opcode.TEXT, b"x" * length, masked=False)
    header = {
        0: b"\x81\x00",
        125: b"\x81\x7d",
        126: b"\x81\x7e\x00\x7e",
        65535: b"\x81\x7e\xff\xff",
        65536: b"\x81\x7f" + struct.pack("!Q", 65536),
    }[length]
    assert raw == header + b"x" * length


def test_a_masked_frame_hides_its_payload_behind_a_fresh_key() -> None:
    one, two = (encode_frame(Opcode.TEXT, b"secret text", masked=True) for _ in range(2))
    assert one[1] == 0x80 | 11
    assert one[2:6] != two[2:6]
    assert bytes(b ^ one[2 + i % 4] for i, b in enumerate(one[6:])) == b"secret text"


def test_a_large_frame_is_fed_in_two_pieces_and_tiny_ones_in_many() -> None:
    big = Inbox(cutter(), WireLimits())
    big.push(encode_frame(Opcode.TEXT, b"x" * 50_000, masked=True))
    assert [big.cut_some() for _ in range(3)] == [True, True, False]
    small = Inbox(cutter(), WireLimits())
    small.push(encode_frame(Opcode.TEXT, b"", masked=True) * 5000)
    pieces = 0
    while small.cut_some():
        pieces += 1
    assert pieces == 8  # 30 kB in pieces of 4 KiB
    assert len(small.frames) == 5000


def test_after_a_fault_nothing_is_cut_any_more() -> None:
    inbox = Inbox(cutter(), WireLimits())
    inbox.push(b"\xf1\x80abcd" + encode_frame(Opcode.TEXT, b"later", masked=True))
    while inbox.cut_some():
        pass
    inbox.push(encode_frame(Opcode.TEXT, b"later still", masked=True))
    assert not inbox.cut_some()
    assert inbox.end is not None
    assert inbox.end.fault is WireFault.PROTOCOL
    assert not inbox.frames


def test_a_ping_fits_between_fragments_that_fill_the_limit() -> None:
    subject = cutter(limit=10)
    subject.feed(
        b"\x01\x8a"
        + bytes(4)
        + b"0123456789"  # not final
        + encode_frame(Opcode.PING, b"x" * 125, masked=True)
        + b"\x80\x80"
        + bytes(4)
    )
    assert subject.fault is None
    assert subject.cut == [Ping(b"x" * 125), b"0123456789"]


def test_the_control_budget_refills_with_time_and_counts_unread_time_in_full() -> None:
    clock = Clock()
    budget = ControlBudget(clock)
    assert all(budget.take() for _ in range(int(CONTROL_BURST)))
    assert not budget.take()
    clock.now += 1.0
    assert sum(budget.take() for _ in range(100)) == int(CONTROL_PER_SECOND) - 1
    clock.now += 1000.0
    assert sum(budget.take() for _ in range(100)) == int(CONTROL_BURST)
    budget.allow_for(60.0)
    assert sum(budget.take() for _ in range(3000)) >= int(60 * CONTROL_PER_SECOND) - 70
