"""With the lane and without it: the same messages, answers and endings, in the same order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Side

from app.lane.cut import Passing
from app.lane.lane import Run
from app.wire.framing import FrameCutter, encode_frame
from app.wire.owned import OwnedWire
from app.wire.wire import UPSTREAM_WIRE, WireEnd

from .frames import PASSING, delta, streams

LIMITS = replace(UPSTREAM_WIRE, max_message=80_000, high_water=2**30)


class Line:
    """The peer: takes what is written, reads nothing by itself."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> None:
        return None

    def can_write_eof(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        if name in {"pause_reading", "resume_reading", "set_write_buffer_limits", "close", "abort"}:
            return lambda *_, **__: None
        raise AttributeError(name)


@dataclass
class Listener:
    """Notes all that it is told, and pauses after some messages. `runs` counts those by run."""

    wire: OwnedWire
    pauses: set[int]
    may_pass: Passing | None
    heard: list[bytes] = field(default_factory=list)
    ends: list[WireEnd] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    runs: int = 0

    @property
    def passing(self) -> Passing | None:
        return self.may_pass

    def on_frame(self, frame: bytes) -> None:
        self.heard.append(frame)
        if len(self.heard) in self.pauses:
            self.wire.pause()

    def on_run(self, run: Run) -> None:
        cutter = FrameCutter(Side.CLIENT, 10**6, lambda: 0.0)
        cutter.feed(run.frames)
        messages = cast("list[bytes]", cutter.cut)
        count = run.messages
        assert len(messages) == count
        assert sum(map(len, messages)) == run.came == run.goes
        assert all(message.startswith(PASSING.beginnings) for message in messages)
        assert all(PASSING.naming in message for message in messages)
        self.heard += messages
        self.runs += count
        if self.pauses & set(range(len(self.heard) - count + 1, len(self.heard) + 1)):
            self.wire.pause()

    def on_end(self, end: WireEnd) -> None:
        self.ends.append(end)

    def on_pressure(self, full: bool) -> None: ...
    def on_closed(self) -> None: ...
    def on_error(self, error: Exception) -> None:
        self.errors.append(error)


async def told(
    chunks: list[bytes], *, side: Side, fast: bool, pauses: set[int], passing: Passing | None
) -> tuple[Listener, bytes, int]:
    """What a wire makes of the chunks: its listener, what it wrote, and its count of bytes."""
    loop = asyncio.get_running_loop()
    wire = OwnedWire(side, replace(LIMITS, fast_lane=fast), loop)
    line = Line()
    wire._take(cast(asyncio.Transport, line))
    wire._open()
    listener = Listener(wire, pauses, passing)
    wire.attach(listener)
    wire.start()
    await asyncio.sleep(0)
    for chunk in chunks:
        wire.data_received(chunk)
        await asyncio.sleep(0)
        wire.resume()
        await asyncio.sleep(0)
    for _ in range(40):
        wire.resume()
        await asyncio.sleep(0)
    written, count = line.written, wire.bytes_in
    wire.abort()
    wire.connection_lost(None)
    return listener, written, count


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(stream) + 1) for point in at), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges) if a < b]


async def equal(
    chunks: list[bytes], side: Side, pauses: set[int], passing: Passing | None
) -> Listener:
    """Asserts that lane and parser agree; what the lane's listener heard."""
    given = {"side": side, "pauses": pauses, "passing": passing}
    fast, fast_wrote, fast_bytes = await told(chunks, fast=True, **given)  # type: ignore[arg-type]
    slow, slow_wrote, slow_bytes = await told(chunks, fast=False, **given)  # type: ignore[arg-type]
    assert fast.heard == slow.heard
    assert fast.ends == slow.ends
    assert fast_bytes == slow_bytes
    assert slow.runs == 0
    assert not fast.errors + slow.errors
    if side is Side.SERVER:  # what a client writes is masked anew each time
        assert fast_wrote == slow_wrote
    else:
        assert len(fast_wrote) == len(slow_wrote)
    return fast


@settings(deadline=None, max_examples=250)
@given(
    side=st.sampled_from(list(Side)),
    data=st.data(),
    at=st.lists(st.integers(0, 10**6), max_size=8),
    pauses=st.sets(st.integers(1, 8), max_size=2),
)
def test_any_stream_cut_anywhere(
    side: Side, data: st.DataObject, at: list[int], pauses: set[int]
) -> None:
    stream = data.draw(streams(masked=side is Side.SERVER))
    passing = PASSING if side is Side.CLIENT else None
    asyncio.run(equal(cut(stream, at), side, pauses, passing))


@pytest.mark.parametrize("side", list(Side))
async def test_one_stream_cut_at_every_offset(side: Side) -> None:
    masked = side is Side.SERVER
    text = [delta(), b"{}", delta("text", text="grüße"), delta("audio", "resp_b"), b"", delta()]
    stream = b"".join(encode_frame(Opcode.TEXT, message, masked) for message in text)
    stream = stream + encode_frame(Opcode.PING, b"?", masked) + stream
    for offset in range(1, len(stream)):
        heard = await equal([stream[:offset], stream[offset:]], side, set(), PASSING)
        assert heard.heard == text * 2
        if side is Side.CLIENT:
            assert heard.runs >= 5  # a frame whose head was cut in two takes the parser


async def test_a_burst_goes_on_in_one_piece() -> None:
    stream = encode_frame(Opcode.TEXT, delta(), masked=False) * 150
    heard, _, _ = await told([stream], side=Side.CLIENT, fast=True, pauses=set(), passing=PASSING)
    assert heard.runs == 150


async def test_where_nothing_passes_there_are_no_runs() -> None:
    stream = encode_frame(Opcode.TEXT, delta(), masked=False) * 5
    heard, _, _ = await told([stream], side=Side.CLIENT, fast=True, pauses=set(), passing=None)
    assert heard.runs == 0
    assert len(heard.heard) == 5
