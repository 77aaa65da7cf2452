"""The relay's two ends: who owns which wire, what its endings mean, who holds whom back.

A full write buffer on one side stops reading on the other: no queue stands between them.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Protocol

from app.lane.cut import Passing
from app.lane.lane import Run
from app.protocol.close_reasons import CloseReason
from app.session.commands import LegId
from app.wire.wire import CLIENT_WIRE, Receiver, Wire, WireEnd, WireFault

CLIENT_FAULTS: dict[WireFault, CloseReason] = {
    WireFault.CLOSED: CloseReason.CLIENT_CLOSED,
    WireFault.GONE: CloseReason.CLIENT_GONE,
    WireFault.STALLED: CloseReason.SLOW_CLIENT,
    WireFault.TOO_BIG: CloseReason.MESSAGE_TOO_BIG,
    WireFault.BINARY: CloseReason.BINARY,
    WireFault.BAD_TEXT: CloseReason.INVALID_TEXT,
    WireFault.PROTOCOL: CloseReason.PROTOCOL_ERROR,
}

GOING_AWAY = 1001
TIME_LIMIT_WORDS = "maximum duration"
"""How the service ends a session at its limit, where its `error` event did not come first: the code
alone also means that it is being restarted."""


class Hold(Enum):
    """Why a side is not read."""

    PRESSURE = auto()  # the other side's write buffer is full
    ALLOWANCE = auto()  # the client has used up what it may send


def upstream_reason(end: WireEnd) -> CloseReason:
    """Why the session ends when upstream's wire has ended like this."""
    match end.fault:
        case WireFault.CLOSED if end.code == GOING_AWAY and TIME_LIMIT_WORDS in end.text:
            return CloseReason.SESSION_TIME_LIMIT
        case WireFault.CLOSED | WireFault.GONE:
            return CloseReason.UPSTREAM_LOST
        case WireFault.STALLED:
            return CloseReason.SLOW_UPSTREAM
        case _:
            return CloseReason.UPSTREAM_PROTOCOL


class Ends(Protocol):
    """What the two sides report to."""

    client: ClientSide
    leg: LegSide

    def from_client(self, frame: bytes) -> None: ...
    def from_leg(self, leg: LegId, frame: bytes) -> None: ...

    @property
    def passing(self) -> Passing | None: ...
    def run_from_leg(self, leg: LegId, run: Run) -> None: ...
    def client_ended(self, end: WireEnd) -> None: ...
    def leg_ended(self, leg: LegId, end: WireEnd) -> None: ...
    def failed(self, error: Exception) -> None: ...


class Side(Receiver):
    """One owned wire, or none yet: calls without a wire do nothing."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._wire: Wire | None = None
        self._held_back: set[Hold] = set()
        self.frames_sent = 0
        self.ended: WireEnd | None = None
        self.sent_close: tuple[int, str] | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.close_seconds = CLIENT_WIRE.close_seconds

    @property
    def owned(self) -> bool:
        return self._wire is not None

    @property
    def received(self) -> tuple[int, str] | None:
        """The peer's close frame, for the log."""
        return self._wire.received if self._wire is not None else None

    @property
    def traffic(self) -> tuple[int, int]:
        """Payload bytes received and sent."""
        return (self._wire.bytes_in, self._wire.bytes_out) if self._wire is not None else (0, 0)

    def own(self, wire: Wire) -> None:
        self._wire = wire
        if self._held_back:
            wire.pause()
        wire.attach(self)

    def start(self) -> None:
        if self._wire is not None:
            self._wire.start()

    def send(self, frame: bytes) -> None:
        if self._wire is not None:
            self.frames_sent += 1
            self._wire.send(frame)

    def forward(self, run: Run) -> None:
        if self._wire is not None:
            self.frames_sent += run.messages
            self._wire.forward(run.frames, run.goes)

    def hold_back(self, cause: Hold, hold: bool) -> None:
        """Stops reading for this cause; reads again when no cause is left."""
        before = bool(self._held_back)
        if hold:
            self._held_back.add(cause)
        else:
            self._held_back.discard(cause)
        if self._wire is None or bool(self._held_back) is before:
            return
        if hold:
            self._wire.pause()
        else:
            self._wire.resume()

    def farewell(self, code: int, text: str) -> None:
        """Closes politely; a peer that has gone is only let go of."""
        if self._wire is None:
            return
        if self.ended is not None and self.ended.fault is WireFault.GONE:
            self._wire.abort()
            return
        self.sent_close = (code, text)
        self._wire.close(code, text)

    def abort(self) -> None:
        if self._wire is not None:
            self._wire.abort()

    def on_closed(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    def on_error(self, error: Exception) -> None:
        self._ends.failed(error)


class ClientSide(Side):
    """The client's end."""

    def on_frame(self, frame: bytes) -> None:
        self._ends.from_client(frame)

    def on_end(self, end: WireEnd) -> None:
        self.ended = end
        self._ends.client_ended(end)

    def on_pressure(self, full: bool) -> None:
        self._ends.leg.hold_back(Hold.PRESSURE, full)


class LegSide(Side):
    """One upstream leg's end."""

    def __init__(self, ends: Ends, leg: LegId) -> None:
        super().__init__(ends)
        self.leg_id = leg

    def on_frame(self, frame: bytes) -> None:
        self._ends.from_leg(self.leg_id, frame)

    @property
    def passing(self) -> Passing | None:
        return self._ends.passing

    def on_run(self, run: Run) -> None:
        self._ends.run_from_leg(self.leg_id, run)

    def on_end(self, end: WireEnd) -> None:
        self.ended = end
        self._ends.leg_ended(self.leg_id, end)

    def on_pressure(self, full: bool) -> None:
        self._ends.client.hold_back(Hold.PRESSURE, full)


async def see_off(*sides: Side) -> None:
    """Waits until the wires are gone. They abort by their own deadline; the wait here is half a
    second longer, and then nothing is left to good will."""
    gone = [side.gone for side in sides if side.owned]
    if not gone:
        return
    longest = max(side.close_seconds for side in sides)
    _, left = await asyncio.wait(gone, timeout=longest + 0.5)
    if left:
        for side in sides:
            side.abort()
        await asyncio.wait(left, timeout=0.5)
