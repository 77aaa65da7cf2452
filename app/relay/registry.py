"""Owns the live sessions of this process: slots, leases, the task of each session, drain.

    web.realtime --open--> Registry --task--> [ slot, lease -> Relay.run -> log line, both back ]
                 --attach(wire)----------------------> Relay

A session must be able to outlive its route and its sockets, so the registry owns it from the first
moment to the last, and its task is the only place that takes and gives back its slot (a place in
this process) and its lease (what counts for user and address, over all replicas).
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial

import structlog

from app.auth.principal import Principal
from app.protocol.close_reasons import CloseReason
from app.relay.admission import LiveSession, Opening, Refused
from app.relay.dials import Dials
from app.relay.draining import drain, tell
from app.relay.live import Book, Live, SessionView
from app.relay.notes import NoteLog
from app.relay.proving import Verify, believe_nobody
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.relay.users import Users
from app.session.gate import Gate
from app.session.limits import Limits
from app.session.meters import Meters
from app.store.store import Full, Lease, LeaseStore, NoLease, Revocation, StoreDown

log = structlog.get_logger("relay.registry")

RETRY_AFTER_SECONDS = 5.0
"""What a client is told that finds no free slot."""

__all__ = ["LiveSession", "MakeGate", "Opening", "Refused", "Registry"]

MakeGate = Callable[[str, Principal, Opening, Meters], Gate]

Ended = Callable[[Principal, Relay, Gate, CloseReason], None]
"""Called once at the end of each session, to write its log line."""

_REASONS = {
    Full.USER: CloseReason.TOO_MANY_SESSIONS,
    Full.ADDRESS: CloseReason.TOO_MANY_SESSIONS,
    Full.OPENINGS: CloseReason.RATE_LIMITED,
    Full.REVOKED: CloseReason.REVOKED,
}


class Registry:
    """The sessions of this process. `make_gate(session_id, principal, opening, meters)` builds a
    judge; the meters are the user's, whatever the number of sessions. `hash_user` gives the name
    under which a user is counted, revoked and written down."""

    def __init__(
        self,
        *,
        limits: Limits,
        make_gate: MakeGate,
        dials: Dials,
        tasks: Tasks,
        store: LeaseStore,
        hash_user: Callable[[Principal], str],
        ended: Ended,
        verify: Verify = believe_nobody,
    ) -> None:
        self._limits = limits
        self._make_gate = make_gate
        self._dials = dials
        self._tasks = tasks
        self._store = store
        self._hash_user = hash_user
        self._ended = ended
        self._relay = partial(Relay, dials=dials, tasks=tasks, notes=NoteLog(), verify=verify)
        self._live = Book(tasks)
        self._users = Users(limits)
        self.refused: Counter[str] = Counter()
        self.draining = False

    def __len__(self) -> int:
        return len(self._live)

    def sessions(self) -> list[SessionView]:
        """The live sessions, as an operator may see them."""
        now = asyncio.get_running_loop().time()
        return [view for live in self._live if (view := live.view(now)) is not None]

    async def open(self, principal: Principal, opening: Opening) -> LiveSession:
        """Admits one session, or raises `Refused`. The caller must `attach` or `abandon` it."""
        lease = Lease(f"sess_{secrets.token_hex(12)}", self._hash_user(principal), opening.address)
        admitted: asyncio.Future[LiveSession] = asyncio.get_running_loop().create_future()
        self._tasks.spawn(
            f"session {lease.session_id}", self._own(lease, principal, opening, admitted)
        )
        try:
            return await asyncio.shield(admitted)
        except asyncio.CancelledError:
            admitted.add_done_callback(_abandon)
            raise

    async def _own(
        self,
        lease: Lease,
        principal: Principal,
        opening: Opening,
        admitted: asyncio.Future[LiveSession],
    ) -> None:
        """The session's whole life: its slot is taken here and given back here."""
        live: Live | None = None
        try:
            if (full := self._full(opening.deployment)) is not None:
                admitted.set_exception(full)
                return
            live = self._live.enter(lease)
            await self._leased(live, principal, opening, admitted)
        except Exception as error:
            if admitted.done():
                raise  # a bug after admission: the task's owner logs it
            admitted.set_exception(error)  # the door answers for it, and logs it
        finally:
            if not admitted.done():  # cancelled: the process ends
                admitted.set_exception(Refused(CloseReason.DRAINING, RETRY_AFTER_SECONDS))
            if live is not None:
                self._live.strike(live)

    def _full(self, deployment: str) -> Refused | None:
        """What this process knows by itself, before anybody is asked."""
        if self.draining:
            return self._refuse("draining", CloseReason.DRAINING, RETRY_AFTER_SECONDS)
        if len(self._live) >= self._limits.sessions:
            return self._refuse("sessions", CloseReason.TOO_MANY_SESSIONS, RETRY_AFTER_SECONDS)
        fault = self._dials.fault(timeout=self._limits.setup_seconds, deployment=deployment)
        if fault is not None:
            return self._refuse("upstream", fault.reason, fault.retry_after)
        return None

    async def _leased(
        self,
        live: Live,
        principal: Principal,
        opening: Opening,
        admitted: asyncio.Future[LiveSession],
    ) -> None:
        """What needs a lease. One that the store has not clearly refused is given back."""
        no: NoLease | None = None
        try:
            no = await self._store.enter(live.lease)
            if (refused := self._judged(no, live)) is not None:
                admitted.set_exception(refused)
                return
            await self._run(live, principal, opening, admitted)
        except StoreDown as down:
            reason = CloseReason.STORE_UNAVAILABLE
            admitted.set_exception(self._refuse("store", reason, down.retry_after))
        finally:
            if no is None:
                await self._store.leave(live.lease)

    def _judged(self, no: NoLease | None, live: Live) -> Refused | None:
        """The store's answer, and what was said of the session while it was awaited."""
        if no is not None:
            return self._refuse(no.full.value, _REASONS[no.full], no.retry_after)
        if self.draining:
            return self._refuse("draining", CloseReason.DRAINING, RETRY_AFTER_SECONDS)
        if live.ended is not None:
            return self._refuse(live.ended.value, live.ended, None)
        return None

    def _refuse(self, limit: str, reason: CloseReason, retry_after: float | None) -> Refused:
        self.refused[limit] += 1
        return Refused(reason, retry_after, limit)

    async def _run(
        self,
        live: Live,
        principal: Principal,
        opening: Opening,
        admitted: asyncio.Future[LiveSession],
    ) -> None:
        loop = asyncio.get_running_loop()
        session_id = live.lease.session_id
        account = self._users.join(live.lease.user, loop.time())
        try:
            gate = self._make_gate(session_id, principal, opening, account.meters)
            relay = self._relay(gate, origin=opening.origin)
            live.admit(relay, gate)
            reason = CloseReason.INTERNAL_ERROR
            try:
                admitted.set_result(LiveSession(relay, session_id))
                reason = await relay.run()
            finally:
                self._ended(principal, relay, gate, reason)
        finally:
            self._users.leave(account, loop.time())

    def revoked(self, revocation: Revocation) -> None:
        """Ends the sessions that the revocation names, at once."""
        for live in self._meant(revocation):
            live.end(CloseReason.REVOKED)

    def count(self, revocation: Revocation) -> int:
        """How many sessions of this process the revocation would end."""
        return len(self._meant(revocation))

    def _meant(self, revocation: Revocation) -> list[Live]:
        return [live for live in self._live if live.meant_by(revocation)]

    def refuse_new(self) -> None:
        """The first half of a drain: no new sessions, live ones go on. There is no way back."""
        if self.draining:
            return
        log.info("drain.refusing", sessions=len(self._live))
        self.draining = True
        tell(self._live, math.inf)

    async def drain(self, within: float, hurry: asyncio.Event) -> None:
        """Refuses new sessions, tells live ones, lets them go on for `within` seconds or until
        `hurry` is set, then ends the rest (see `draining`) and waits for their farewells."""
        self.draining = True
        await drain(self._live, within, hurry)


def _abandon(admitted: asyncio.Future[LiveSession]) -> None:
    if not admitted.cancelled() and admitted.exception() is None:
        admitted.result().abandon(CloseReason.CLIENT_GONE)
