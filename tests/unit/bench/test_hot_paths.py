"""What one relayed event costs, as a count that no machine disturbs: calls of functions.

A session runs over transports that only take bytes: two real wires, the relay and the gate between
them. Counted are calls of Python's and of C's functions, from `data_received` on one wire to
`write` on the other. A change that makes an event dearer shows here at once; one that makes it
cheaper should lower the number.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from types import FrameType
from typing import Any, cast

from websockets.frames import Opcode
from websockets.protocol import Side

from app.relay.notes import NoteLog
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.wire.framing import encode_frame
from app.wire.owned import OwnedWire
from app.wire.wire import CLIENT_WIRE, UPSTREAM_WIRE, WireLimits
from tests.unit.lane.test_equal import Line
from tests.unit.session.playbook import SESSION, Playbook

CALLS_PER_APPEND = 87
CALLS_PER_DELTA = 53
CALLS_PER_DELTA_IN_A_BURST = 13
SLACK = 1.15
"""Python's own versions differ a little."""


class UpstreamWireDouble(OwnedWire):
    """An upstream wire whose handshake is done."""

    request_id: str | None = None


def wire(side: Side, limits: WireLimits, kind: type[OwnedWire] = OwnedWire) -> OwnedWire:
    made = kind(side, limits, asyncio.get_running_loop())
    made._take(cast(asyncio.Transport, Line()))
    made._open()
    return made


class Dials:
    """Who dials gets this wire."""

    def __init__(self, leg: OwnedWire) -> None:
        self._leg = leg

    async def dial(self, **_: Any) -> Any:
        return self._leg


def frame(event: dict[str, Any] | bytes, *, masked: bool) -> bytes:
    text = event if isinstance(event, bytes) else json.dumps(event, separators=(",", ":")).encode()
    return encode_frame(Opcode.TEXT, text, masked)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Stage:
    """A session in the middle of an answer."""

    async def begin(self) -> Stage:
        self.tasks = Tasks()
        self.client = wire(Side.SERVER, CLIENT_WIRE)
        self.leg = wire(Side.CLIENT, UPSTREAM_WIRE, UpstreamWireDouble)
        self.play = Playbook(now=asyncio.get_running_loop().time())
        self.relay = Relay(self.play.gate, cast(Any, Dials(self.leg)), self.tasks, NoteLog())
        self.running = asyncio.create_task(self.relay.run())
        self.relay.attach(self.client)
        await turns()
        session = {**SESSION, "instructions": "Be brief."}
        item = {"id": "item_a", "type": "message", "role": "assistant", "content": []}
        for event in (
            {"type": "session.created", "session": session},
            {"type": "session.updated", "session": session},
            {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
            {"type": "response.output_item.added", "response_id": "resp_1", "item": item},
        ):
            self.leg.data_received(frame(event, masked=False))
            await turns()
        assert self.play.gate.passing is not None
        return self

    async def end(self) -> None:
        for each in (self.client, self.leg):
            each.connection_lost(None)
        await self.running
        await self.tasks.close()

    def calls(self, to: OwnedWire, chunk: bytes) -> int:
        """How many functions are called while `to` receives the chunk."""
        counted = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            to.data_received(chunk)
        finally:
            sys.setprofile(None)
        return counted


def delta(text: str) -> bytes:
    event = {
        "type": "response.audio.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_a",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
    }
    return frame(event, masked=False)


async def test_an_event_costs_no_more_calls_than_it_did() -> None:
    stage = await Stage().begin()
    try:
        sound = base64.b64encode(bytes(4800)).decode()
        append = frame({"type": "input_audio_buffer.append", "audio": sound}, masked=True)
        spoken = delta("A" * 8192)
        for chunk, to in ((append, stage.client), (spoken, stage.leg)):
            to.data_received(chunk)  # what is only done once
        counted = {
            "append": stage.calls(stage.client, append),
            "delta": stage.calls(stage.leg, spoken),
            "delta in a burst": stage.calls(stage.leg, spoken * 7) / 7,
        }
        assert counted["append"] <= CALLS_PER_APPEND * SLACK, counted
        assert counted["delta"] <= CALLS_PER_DELTA * SLACK, counted
        assert counted["delta in a burst"] <= CALLS_PER_DELTA_IN_A_BURST * SLACK, counted
        assert counted["append"] > CALLS_PER_APPEND * 0.8, f"lower the numbers: {counted}"
        assert counted["delta"] > CALLS_PER_DELTA * 0.8, f"lower the numbers: {counted}"
    finally:
        await stage.end()
