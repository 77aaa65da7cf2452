"""The machinery of a wire, the same on both sides: hold, back-pressure, liveness and ending.

    transport -- data_received --> Inbox ---> Owner -- on_frame, on_end ... --> receiver
    transport <-- write --------- Outbox <--- OwnedWire <-- send, close, pause ... -- receiver

Everything happens on the loop's thread, synchronously: no queue between tasks, no task per frame.
The receiver is never called from inside one of its own calls: what those cause comes by
`call_soon`.

Longer than 250 lines because what each event does in each phase is one thought.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from websockets.protocol import Side

from app.lane.lane import Lane

from .framing import FrameCutter
from .inbox import Inbox
from .intake import Intake
from .outbox import Outbox
from .owner import Owner
from .pipe import Pipe
from .wire import WireEnd, WireFault, WireLimits

FRAMES_A_TURN = 200
LARGE_READ = 64 * 1024
"""Bytes of one read beyond which more is probably waiting in the socket."""
SIP_SECONDS = 0.01
"""What is only dropped is read this seldom: a peer that goes on sending after its fault may not
cost us what serving it would."""

_GONE = WireEnd(WireFault.GONE)
_STALLED = WireEnd(WireFault.STALLED)


class Phase(Enum):
    """Where a connection stands."""

    OPENING = auto()  # the handshake is not finished
    OPEN = auto()
    CLOSING = auto()  # our close frame is written, or nothing more will be said
    LOST = auto()


class Flow(asyncio.Protocol):
    """One WebSocket, seen from its transport; `OwnedWire` adds what the owner calls.

    A subclass does the handshake, calls `_take(transport)` when it has the transport and `_open()`
    when the handshake is done.
    """

    _pipe: Pipe
    _outbox: Outbox
    _intake: Intake

    def __init__(self, side: Side, limits: WireLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._limits = limits
        self._side = side
        cutter = FrameCutter(side, limits.max_message, loop.time, limits.max_fragments)
        self._inbox = Inbox(cutter, limits)
        self._lane: Lane | None = None
        if limits.fast_lane:
            self._lane = Lane(masked=side is Side.SERVER, most=limits.max_message)
        self._owner = Owner(loop, self._drop)
        self._phase = Phase.OPENING
        self._started = self._paused = False
        self._flowing = False  # frames may be delivered: see `_refresh`
        self._running = False  # inside `_run`
        self._due = False  # a `_catch_up` is scheduled
        self._resting = False  # reading pauses until the next turn of the loop
        self._late: WireEnd | Exception | None = None  # happened before there was an owner
        self._deadline: asyncio.TimerHandle | None = None

    # -- the transport's side

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer: any of them is a sign of life."""
        self._intake.heard()
        try:
            self._inbox.push(data)
            self._run(FRAMES_A_TURN)
        except Exception as error:
            self._fail(error)
        if self._inbox.deaf:
            self._rest(SIP_SECONDS)
        elif len(data) >= LARGE_READ:
            self._rest()

    def eof_received(self) -> None:
        """The peer sends no more. The transport now closes itself behind what is buffered."""
        self._arm_deadline()
        self._guard(self._lose, _GONE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The end of the transport."""
        self._phase = Phase.LOST
        self._pipe.drop()
        self._stop_clocks()
        if self._deadline is not None:
            self._deadline.cancel()
        self._late = self._late or _GONE
        self._catch_up()

    def pause_writing(self) -> None:
        """The write buffer is over its high mark. Comes from inside `send`."""
        if self._phase is Phase.OPEN:
            self._outbox.filled()
            self._soon(self._tell_pressure)

    def resume_writing(self) -> None:
        """The write buffer is below its low mark."""
        if self._phase is Phase.OPEN:
            self._outbox.drained()
            self._intake.excuse()
            self._soon(self._tell_pressure)

    # -- for subclasses

    def _take(self, transport: asyncio.Transport) -> None:
        self._pipe = Pipe(transport)
        self._outbox = Outbox(
            self._loop,
            self._pipe,
            self._limits,
            masked=self._side is Side.CLIENT,
            stalled=lambda: self._guard(self._lose, _STALLED),
        )
        self._intake = Intake(
            self._loop,
            self._pipe,
            self._outbox,
            self._limits,
            gone=lambda: self._guard(self._lose, _GONE),
        )

    def _open(self) -> None:
        self._phase = Phase.OPEN
        limits = self._limits
        self._pipe.tune(limits.high_water, limits.low_water, limits.not_sent_low_water)
        self._intake.open()

    def _linger(self) -> None:
        """All has been said: ends the connection without a reset that could overtake our words."""
        self._finish(deaf=True)
        self._arm_deadline()
        self._settle()
        self._pipe.half_close()

    # -- frames

    def _refresh(self) -> None:
        self._flowing = self._owner.flow(self._started and not self._paused)

    def _rest(self, seconds: float = 0.0) -> None:
        """Lets the loop turn: one peer that sends without end must not keep it from all others.
        uvloop reads up to 32 times in one turn, and a read can hold thousands of frames."""
        if self._resting or self._phase is Phase.LOST:
            return
        self._resting = True
        self._pipe.rest()
        self._loop.call_later(seconds, self._guard, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        self._run(FRAMES_A_TURN)
        if not self._resting:
            self._pipe.wake()

    def _run(self, turn: float = math.inf) -> None:
        """Delivers and cuts until nothing is left, something holds it up, or so many frames have
        had their turn."""
        if self._running:
            return
        self._running = True
        inbox = self._inbox
        try:
            while True:
                while self._flowing and inbox.frames and turn > 0:
                    assert self._owner.receiver is not None
                    self._owner.receiver.on_frame(inbox.frames.popleft())
                    turn -= 1
                if turn <= 0:
                    self._rest()
                    break
                if inbox.end is not None:
                    self._end_in_order(inbox.end)
                if self._lane is not None and self._flowing and inbox.at_boundary:
                    most = int(min(turn, FRAMES_A_TURN))
                    turn -= self._lane.take(inbox, self._owner, most)
                    if turn <= 0:
                        continue
                if self._blocked() or not inbox.cut_some(one=self._lane is not None):
                    break
                if inbox.pongs:
                    self._answer()
        finally:
            self._running = False
        self._settle()

    def _answer(self) -> None:
        pongs, self._inbox.pongs = self._inbox.pongs, []
        if self._phase is Phase.OPEN:
            self._outbox.pongs(pongs)

    def _blocked(self) -> bool:
        if self._phase is not Phase.OPEN or self._owner.over:
            return False  # what comes is discarded, and must be read
        return self._paused or (not self._flowing and self._inbox.full)

    def _settle(self) -> None:
        """Reads, or does not read, as the state demands."""
        if self._phase is Phase.LOST:
            return
        if self._blocked():
            self._intake.off()
        elif not self._pipe.reading:
            self._inbox.cutter.budget.allow_for(self._intake.on())

    # -- endings

    def _end_in_order(self, end: WireEnd) -> None:
        """The end that stands behind the frames: due when they are delivered, or before `start`."""
        if self._phase is Phase.CLOSING:
            self._farewell()
        elif self._owner.receiver is not None and not (self._inbox.frames and self._started):
            self._report(end)

    def _lose(self, end: WireEnd) -> None:
        """The peer is gone or does not read: reported now, whatever still waits inside."""
        if self._owner.receiver is None:
            self._late = self._late or end
            return
        self._run()
        self._report(self._inbox.end or end)

    def _report(self, end: WireEnd) -> None:
        if self._owner.over:
            return
        self._inbox.forget(deaf=True)
        self._stop_clocks()
        lost = self._phase is Phase.LOST
        if self._inbox.close_frame is not None and not lost:
            self._phase = Phase.CLOSING
            self._outbox.close(self._inbox.close_frame.code, self._inbox.close_frame.text)
            self._arm_deadline()
            self._farewell()
        speaks = end.can_speak and not lost
        self._owner.end(replace(end, can_speak=speaks))
        self._refresh()
        self._settle()

    def _finish(self, *, deaf: bool) -> None:
        """The owner, or the handshake, ends the wire: no report but `on_closed` follows."""
        self._phase = Phase.CLOSING
        self._owner.over = True
        self._refresh()
        self._inbox.forget(deaf=deaf)
        self._stop_clocks()

    def _drop(self) -> None:
        if self._phase is not Phase.LOST:
            self._finish(deaf=True)
            self._pipe.abort(reset=self._outbox.full)

    def _farewell(self) -> None:
        """Our close frame is written and the peer has nothing more to say. A server closes the
        connection (RFC 6455, section 7.1.1), a client waits for that."""
        if self._side is Side.CLIENT:
            return
        if self._inbox.close_frame is not None:
            self._pipe.close()
        else:
            self._pipe.half_close()

    def _arm_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(self._limits.close_seconds, self._drop)

    def _stop_clocks(self) -> None:
        self._intake.stop()
        self._outbox.stop()

    # -- reports

    def _catch_up_soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        """Everything that waits to be told, in order; the last word comes whatever else fails."""
        self._due = False
        if self._owner.receiver is not None:
            self._guard(self._tell)
            if self._phase is Phase.LOST:
                self._guard(self._owner.closed)

    def _tell(self) -> None:
        self._run()
        late, self._late = self._late, None
        if isinstance(late, Exception):
            self._fail(late)
        elif late is not None:
            self._lose(late)
        self._tell_pressure()

    def _tell_pressure(self) -> None:
        if self._phase is Phase.OPEN:
            self._owner.pressure(self._outbox.full)

    def _soon(self, call: Callable[[], None]) -> None:
        self._loop.call_soon(self._guard, call)

    def _guard(self, call: Callable[..., None], *args: object) -> None:
        """Left to the loop, an exception would pass for a lost peer or end back-pressure."""
        try:
            call(*args)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """A receiver's method raised (or we did): told once, then only `on_closed` follows. An
        owner that does not end the wire has it ended by the deadline."""
        if self._owner.receiver is None:
            self._late = error
            self._drop()
            return
        if self._phase is Phase.OPEN:
            self._inbox.forget(deaf=True)
            self._stop_clocks()
            self._arm_deadline()
        self._owner.error(error)
        self._refresh()
        self._settle()
