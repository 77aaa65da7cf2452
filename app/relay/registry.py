"""Owns the live sessions of this process: slots, the task of each session, drain.

    web.realtime --open--> Registry --task--> [ slot -> Relay.run -> slot back -> one log line ]
                 --attach(wire)----------------------> Relay

A session must be able to outlive its route and its sockets, so the registry owns it from the first
moment to the last, and its task is the only place that takes and gives back its slot.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.auth.principal import Principal
from app.protocol.close_reasons import CloseReason
from app.relay.dials import Dials
from app.relay.notes import NoteLog
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.relay.users import Account, Users
from app.session.gate import Gate
from app.session.limits import Limits
from app.session.meters import Meters
from app.wire.wire import Wire

log = structlog.get_logger("relay.registry")

RETRY_AFTER_SECONDS = 5.0
"""What a client is told that finds no free slot."""

FAREWELL_SECONDS = 7.0
"""The close deadline of a wire, its abort, and a second."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the door knows of a client that may come in.

    `model` is the alias that the client asked for (None: it named none), `private_events` says
    whether it offered the subprotocol `relay-events.v1`.
    """

    origin: str | None = None
    model: str | None = None
    private_events: bool = False


class Refused(Exception):  # noqa: N818  (it is an answer, not a fault)
    """No session for this client now. `retry_after` is in seconds."""

    def __init__(self, reason: CloseReason, retry_after: float | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.retry_after = retry_after


class LiveSession:
    """One admitted session. The door calls `attach` or `abandon`, once."""

    def __init__(self, relay: Relay, session_id: str) -> None:
        self._relay = relay
        self.id = session_id

    def attach(self, wire: Wire) -> None:
        """Hands over the accepted wire; the session dials upstream and lives on by itself."""
        self._relay.attach(wire)

    def abandon(self, reason: CloseReason) -> None:
        """The handshake failed after admission: gives the slot back."""
        self._relay.end(reason)


MakeGate = Callable[[str, Principal, Opening, Meters], Gate]

Ended = Callable[[Principal, Relay, Gate, CloseReason], None]
"""Called once at the end of each session, to write its log line."""


class Registry:
    """The sessions of this process. `make_gate(session_id, principal, opening, meters)` builds a
    judge; the meters are the user's, whatever the number of sessions."""

    def __init__(
        self,
        *,
        limits: Limits,
        make_gate: MakeGate,
        dials: Dials,
        tasks: Tasks,
        ended: Ended,
    ) -> None:
        self._limits = limits
        self._make_gate = make_gate
        self._dials = dials
        self._tasks = tasks
        self._ended = ended
        self._notes = NoteLog()
        self._live: dict[str, Relay] = {}
        self._users = Users(limits)
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._live)

    async def open(self, principal: Principal, opening: Opening) -> LiveSession:
        """Admits one session, or raises `Refused`. The caller must `attach` or `abandon` it."""
        session_id = f"sess_{secrets.token_hex(12)}"
        admitted: asyncio.Future[LiveSession] = asyncio.get_running_loop().create_future()
        self._tasks.spawn(
            f"session {session_id}", self._own(session_id, principal, opening, admitted)
        )
        try:
            return await asyncio.shield(admitted)
        except asyncio.CancelledError:
            admitted.add_done_callback(_abandon)
            raise

    async def _own(
        self,
        session_id: str,
        principal: Principal,
        opening: Opening,
        admitted: asyncio.Future[LiveSession],
    ) -> None:
        now = asyncio.get_running_loop().time()
        account = self._users.account(principal.key, now)
        if (refusal := self._refusal(account, now)) is not None:
            admitted.set_exception(refusal)
            return
        try:
            gate = self._make_gate(session_id, principal, opening, account.meters)
            relay = Relay(gate, self._dials, self._tasks, self._notes)
        except Exception as error:
            admitted.set_exception(error)  # the door answers for it, and logs it
            return
        self._take(session_id, account, relay)
        reason = CloseReason.INTERNAL_ERROR
        try:
            admitted.set_result(LiveSession(relay, session_id))
            reason = await relay.run()
        finally:
            self._release(session_id, account)
            self._ended(principal, relay, gate, reason)

    def _refusal(self, account: Account, now: float) -> Refused | None:
        if self.draining:
            return Refused(CloseReason.DRAINING, RETRY_AFTER_SECONDS)
        if len(self._live) >= self._limits.sessions:
            return Refused(CloseReason.TOO_MANY_SESSIONS, RETRY_AFTER_SECONDS)
        if not account.openings.has(1, now):
            return Refused(CloseReason.RATE_LIMITED, 60 / self._limits.openings_per_minute)
        account.openings.charge(1, now)
        if account.sessions >= self._limits.sessions_per_user:
            return Refused(CloseReason.TOO_MANY_SESSIONS, RETRY_AFTER_SECONDS)
        fault = self._dials.fault(timeout=self._limits.setup_seconds)
        return Refused(fault.reason, fault.retry_after) if fault is not None else None

    def _take(self, session_id: str, account: Account, relay: Relay) -> None:
        self._live[session_id] = relay
        account.sessions += 1
        self._empty.clear()

    def _release(self, session_id: str, account: Account) -> None:
        del self._live[session_id]
        account.sessions -= 1
        account.seen = asyncio.get_running_loop().time()
        if not self._live:
            self._empty.set()

    async def drain(self, within: float, hurry: asyncio.Event) -> None:
        """Refuses new sessions, lets live ones go on for `within` seconds or until `hurry` is
        set, then ends the rest and waits for their farewells."""
        self.draining = True
        if self._live:
            log.info("drain.waiting", sessions=len(self._live), seconds=within)
        if await self._emptied(within, hurry):
            return
        log.warning("drain.ending", sessions=len(self._live))
        for relay in list(self._live.values()):
            relay.end(CloseReason.DRAINING)
        await self._emptied(FAREWELL_SECONDS)

    async def _emptied(self, within: float, hurry: asyncio.Event | None = None) -> bool:
        waits = [self._tasks.spawn("drain", self._empty.wait())]
        if hurry is not None:
            waits.append(self._tasks.spawn("drain hurry", hurry.wait()))
        try:
            await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._live


def _abandon(admitted: asyncio.Future[LiveSession]) -> None:
    if not admitted.cancelled() and admitted.exception() is None:
        admitted.result().abandon(CloseReason.CLIENT_GONE)
