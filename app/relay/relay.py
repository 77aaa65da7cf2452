"""The running thing: moves frames between one client wire and one leg, and obeys the gate.

    client wire --on_frame--> gate.on_client ---+
                                                +--> commands --> wires, dial, timer, ending
    upstream wire --on_frame--> gate.on_upstream +

Frames move synchronously, from the callback of one wire to `send` of the other. It decides
nothing: what an input means is the gate's affair. It ends once, by the first reason seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import assert_never

import structlog

from app.lane.cut import Passing
from app.lane.lane import Run
from app.protocol.close_reasons import ENDINGS, CloseReason, close_text
from app.relay.dialling import Dialling
from app.relay.dials import Dials
from app.relay.notes import NoteLog
from app.relay.proving import Proving, Verify, believe_nobody
from app.relay.sides import CLIENT_FAULTS, ClientSide, Hold, LegSide, see_off, upstream_reason
from app.relay.tasks import Tasks
from app.relay.timer import DeadlineTimer
from app.session.commands import (
    Command,
    Dial,
    End,
    LegId,
    Note,
    PauseClient,
    ResumeClient,
    StartClient,
    ToClient,
    ToUpstream,
    VerifyIdentity,
)
from app.session.gate import Gate
from app.session.identity import Proven, Unproven
from app.upstream.dial import DialFailed
from app.wire.wire import Wire, WireEnd

log = structlog.get_logger("relay")

SLOW_CLIENT_GRACE = 1.0
"""Seconds in which a client that stopped reading may still collect its last words."""


class Relay:
    """One session at work. Its owner calls `run()` in a task and `attach` or `abandon` once."""

    def __init__(
        self,
        gate: Gate,
        dials: Dials,
        tasks: Tasks,
        notes: NoteLog,
        *,
        verify: Verify = believe_nobody,
        origin: str | None = None,
        attach_seconds: float = 10.0,
    ) -> None:
        self._gate = gate
        self._notes = notes
        self._attach_seconds = attach_seconds
        self._loop = asyncio.get_running_loop()
        self._attached = self._loop.create_future()
        self._over: asyncio.Future[CloseReason] = self._loop.create_future()
        self._timer = DeadlineTimer(self._loop, self._tick)
        self.dialling = Dialling(self, dials, tasks)
        self._proving = Proving(verify, origin, tasks, self._identified, self.failed)
        self.client = ClientSide(self)
        self.leg = LegSide(self, 0)

    # -- what the owner calls ------------------------------------------------------------------

    def attach(self, wire: Wire) -> None:
        """Hands over the client's accepted wire. The relay dials upstream at once."""
        if self._over.done():  # it was ended while the handshake was being answered
            reason = self._over.result()
            if (words := self._gate.last_words(reason)) is not None:
                wire.send(words)
            wire.close(*self._farewell(reason))
            return
        self.client.own(wire)
        self._attached.set_result(None)
        self._obey(self._gate.on_client_attached(self._loop.time()))

    def end(self, reason: CloseReason) -> None:
        """Ends the session from outside (drain, shutdown), with its last words."""
        if not self._over.done():
            self._obey(self._gate.end(reason))

    def draining(self, seconds: float) -> None:
        """Tells the session when the process will close it (infinite: nobody knows yet)."""
        if not self._over.done():
            self._obey(self._gate.on_draining(seconds, self._loop.time()))

    async def run(self) -> CloseReason:
        """Lives until the session has ended and both sockets are gone; returns why.

        Never longer after the ending than the close deadline and a second for `abort()`.
        """
        try:
            async with asyncio.timeout(self._attach_seconds):
                await asyncio.wait(
                    (self._attached, self._over), return_when=asyncio.FIRST_COMPLETED
                )
        except TimeoutError:
            self._finish(CloseReason.CLIENT_GONE)
        try:
            return await asyncio.shield(self._over)
        except asyncio.CancelledError:
            self._finish(CloseReason.INTERNAL_ERROR)
            raise
        finally:
            await self._see_off()

    # -- what the wires report -----------------------------------------------------------------

    def from_client(self, frame: bytes) -> None:
        """A frame of the client's."""
        commands = self._gate.on_client(frame, self._loop.time())
        if len(commands) == 1 and type(commands[0]) is ToUpstream:
            self.leg.send(commands[0].frame)  # as with all audio: no deadline has come nearer
        else:
            self._obey(commands)

    def from_leg(self, leg: LegId, frame: bytes) -> None:
        """A frame of upstream's."""
        self._obey(self._gate.on_upstream(leg, frame, self._loop.time()))

    @property
    def passing(self) -> Passing | None:
        """What upstream may say without being judged, right now."""
        return self._gate.passing

    def run_from_leg(self, leg: LegId, run: Run) -> None:
        """Frames of upstream's that pass as they stand."""
        del leg
        self._gate.passed(run.messages, run.came)
        self.client.forward(run)

    def client_ended(self, end: WireEnd) -> None:
        """The client will say nothing more."""
        self._obey(self._gate.on_client_lost(CLIENT_FAULTS[end.fault]))

    def leg_ended(self, leg: LegId, end: WireEnd) -> None:
        """Upstream will say nothing more on this leg."""
        self._obey(self._gate.on_upstream_lost(leg, upstream_reason(end)))

    def failed(self, error: Exception) -> None:
        """A bug: the stack goes to the log, the peers learn `internal_error` and nothing else."""
        log.error("session.failed", session_id=self._gate.session_id, exc_info=error)
        if not self._over.done():
            if (words := self._gate.last_words(CloseReason.INTERNAL_ERROR)) is not None:
                self.client.send(words)
            self._finish(CloseReason.INTERNAL_ERROR)

    # -- what the dial reports -----------------------------------------------------------------

    def connected(self, leg: LegId, wire: Wire) -> None:
        """The leg is there; what upstream has said already comes with `start`."""
        self.leg.own(wire)
        if self._over.done():
            wire.abort()
            return
        self._obey(self._gate.on_upstream_ready(leg))
        self.leg.start()

    def unconnected(self, leg: LegId, failure: DialFailed) -> None:
        """There is no leg."""
        self._obey(self._gate.on_upstream_lost(leg, failure.reason, failure.retry_after))

    # -- obeying -------------------------------------------------------------------------------

    def _obey(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if self._over.done():
                return
            self._carry_out(command)
        if not self._over.done():
            self._timer.arm(self._gate.next_deadline())

    def _carry_out(self, command: Command) -> None:
        match command:
            case ToClient(frame):
                self.client.send(frame)
            case ToUpstream(_, frame):
                self.leg.send(frame)
            case StartClient():
                self.client.start()
            case PauseClient():
                self.client.hold_back(Hold.ALLOWANCE, True)
            case ResumeClient():
                self.client.hold_back(Hold.ALLOWANCE, False)
            case Dial(leg):
                gate = self._gate
                within = gate.limits.setup_seconds
                self.dialling.start(gate.session_id, leg, within, gate.deployment)
            case VerifyIdentity(token):
                self._proving.ask(self._gate.session_id, token)
            case Note():
                self._notes.write(self._gate.session_id, command)
            case End(reason):
                self._finish(reason)
            case _:
                assert_never(command)

    def _identified(self, answer: Proven | Unproven) -> None:
        self._obey(self._gate.on_identity(answer, self._loop.time()))

    def _tick(self, now: float) -> None:
        try:
            self._obey(self._gate.on_timer(now))
        except Exception as error:
            self.failed(error)

    # -- the ending ----------------------------------------------------------------------------

    def _finish(self, reason: CloseReason) -> None:
        """The first reason seen holds; both wires begin to close in this very call."""
        if self._over.done():
            return
        self._over.set_result(reason)
        self._timer.cancel()
        self.dialling.cancel()
        self._proving.cancel()
        self.client.farewell(*self._farewell(reason))
        self.leg.farewell(1000, "")
        if reason is CloseReason.SLOW_CLIENT:
            self._loop.call_later(SLOW_CLIENT_GRACE, self.client.abort)
        elif reason is CloseReason.SLOW_UPSTREAM:
            self.leg.abort()

    def _farewell(self, reason: CloseReason) -> tuple[int, str]:
        return ENDINGS[reason].close_code, close_text(
            reason, seconds=self._gate.limits.session_seconds
        )

    async def _see_off(self) -> None:
        """Waits until tasks and wires are gone."""
        tasks = [task for task in (self.dialling.task, self._proving.task) if task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        await see_off(self.client, self.leg)
