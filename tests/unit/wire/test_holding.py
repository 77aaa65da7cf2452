"""What a wire holds for an owner that has not started it, and for a peer that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode
from websockets.protocol import Side

from app.wire.framing import FrameCutter, encode_frame
from app.wire.inbox import Inbox
from app.wire.outbox import Outbox
from app.wire.pipe import Pipe
from app.wire.wire import WireFault, WireLimits


def filled(frames: list[bytes], **limits: Any) -> Inbox:
    cutter = FrameCutter(Side.SERVER, 1_000_000, lambda: 0.0)
    inbox = Inbox(cutter, WireLimits(**limits))
    inbox.push(b"".join(encode_frame(Opcode.TEXT, frame, masked=True) for frame in frames))
    while inbox.cut_some():
        pass
    return inbox


def test_sixty_four_frames_are_a_full_hold_and_one_less_is_not() -> None:
    assert not filled([b"x"] * 63).full
    assert filled([b"x"] * 64).full


def test_256_kib_are_a_full_hold_and_a_byte_less_is_not() -> None:
    assert not filled([b"x" * (256 * 1024 - 1)]).full
    assert filled([b"x" * 256 * 1024]).full


@pytest.mark.parametrize(("fragments", "fault"), [(5, None), (6, WireFault.PROTOCOL)])
def test_the_number_of_fragments_is_the_limits(fragments: int, fault: WireFault | None) -> None:
    cutter = FrameCutter(Side.CLIENT, 100, lambda: 0.0, max_fragments=5)
    cutter.feed(b"\x01\x01a" + b"\x00\x01b" * (fragments - 2) + b"\x80\x01c")
    assert cutter.fault is fault
    assert cutter.detail == ("" if fault is None else "too many fragments")


class Unread:
    """A transport whose peer takes nothing."""

    def __init__(self) -> None:
        self.waiting = b""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.waiting += data

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)


async def outbox(cap: int, stalled: Callable[[], None]) -> tuple[Outbox, Unread]:
    transport = Unread()
    pipe: Any = Pipe(transport)  # type: ignore[arg-type]
    limits = WireLimits(max_write_buffer=cap)
    loop = asyncio.get_running_loop()
    return Outbox(loop, pipe, limits, masked=False, stalled=stalled), transport


@pytest.mark.parametrize(("over", "kept"), [(0, 2), (1, 1)])
async def test_the_write_buffer_takes_what_fits_its_cap_and_not_a_byte_more(
    over: int, kept: int
) -> None:
    told: list[bool] = []
    box, transport = await outbox(2 * 102, lambda: told.append(True))
    box.text(b"x" * 100)
    box.text(b"x" * (100 + over))
    box.text(b"")  # nothing may follow what was dropped
    await asyncio.sleep(0)
    assert transport.waiting.count(b"x" * 100) == kept
    assert told == [True]
    assert box.overflown


async def test_pongs_do_not_pile_up_where_nothing_is_read() -> None:
    box, transport = await outbox(10**6, lambda: None)
    box.filled()
    before = len(transport.waiting)
    box.pongs([b"%d" % number for number in range(1000)])
    assert not box.ping()
    assert len(transport.waiting) == before
    box.drained()
    assert transport.waiting[before:] == encode_frame(Opcode.PONG, b"999", masked=False)
