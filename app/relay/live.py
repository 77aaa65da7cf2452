"""The registry's book of live sessions: whose each is, how far it has come, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.protocol.close_reasons import CloseReason
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.session.gate import Gate
from app.store.store import Lease, Revocation, RevokedKind


@dataclass(frozen=True, slots=True)
class SessionView:
    """What an operator may see of a live session: nothing of its content, and no name.

    `user` is a hash. `age_s` counts from admission; audio in milliseconds, bytes are payload bytes.
    """

    session_id: str
    user: str
    profile: str
    phase: str
    age_s: float
    client_events: int
    client_bytes: int
    upstream_events: int
    upstream_bytes: int
    audio_in_ms: float
    responses: int
    tokens_in: int
    tokens_out: int
    errors_sent: int


class Live:
    """One session from its first moment to its last. `lease` says what it counts for.

    It stands in the book before it is admitted, so that what is said of it while the store is
    being asked (a revocation, a drain) is not lost: `ended` then holds the reason.
    """

    __slots__ = ("began", "ended", "gate", "lease", "relay")

    def __init__(self, lease: Lease, began: float) -> None:
        self.lease = lease
        self.began = began
        self.ended: CloseReason | None = None
        self.relay: Relay | None = None
        self.gate: Gate | None = None

    def admit(self, relay: Relay, gate: Gate) -> None:
        """The session has its judge and its relay."""
        self.relay, self.gate = relay, gate

    def end(self, reason: CloseReason) -> None:
        """Ends it now, or as soon as it would begin."""
        if self.ended is None:
            self.ended = reason
        if self.relay is not None:
            self._tell(self.relay, lambda relay: relay.end(reason))

    def draining(self, seconds: float) -> None:
        """Says in how many seconds the process will end it (infinite: nobody knows). One that is
        not admitted need not be told: a draining process admits none."""
        if self.relay is not None:
            self._tell(self.relay, lambda relay: relay.draining(seconds))

    def _tell(self, relay: Relay, what: Callable[[Relay], None]) -> None:
        """A bug in one session is that session's: the others are still to be told."""
        try:
            what(relay)
        except Exception as error:
            relay.failed(error)

    def meant_by(self, revocation: Revocation) -> bool:
        """Whether the revocation names this session, or its user."""
        if revocation.kind is RevokedKind.SESSION:
            return revocation.name == self.lease.session_id
        return revocation.name == self.lease.user

    def view(self, now: float) -> SessionView | None:
        """For the operator; None before it is admitted. `now` is the loop's time."""
        if self.gate is None:
            return None
        counters = self.gate.state.counters
        return SessionView(
            session_id=self.lease.session_id,
            user=self.lease.user,
            profile=self.gate.profile.value,
            phase=self.gate.phase.value,
            age_s=round(now - self.began, 1),
            client_events=counters.client_events,
            client_bytes=counters.client_bytes,
            upstream_events=counters.upstream_events,
            upstream_bytes=counters.upstream_bytes,
            audio_in_ms=round(counters.audio_ms_from_client, 1),
            responses=counters.responses,
            tokens_in=counters.input_tokens,
            tokens_out=counters.output_tokens,
            errors_sent=counters.errors_to_client,
        )


class Book:
    """The live sessions of this process by their ids, and the wait for the last one's end."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._live: dict[str, Live] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Live]:
        """A copy: whoever ends them while they are counted may."""
        return iter(list(self._live.values()))

    def enter(self, lease: Lease) -> Live:
        """Opens a page. The caller owes a `strike`."""
        live = Live(lease, asyncio.get_running_loop().time())
        self._live[lease.session_id] = live
        self._empty.clear()
        return live

    def strike(self, live: Live) -> None:
        """That session is over."""
        del self._live[live.lease.session_id]
        if not self._live:
            self._empty.set()

    async def emptied(self, within: float, hurry: asyncio.Event | None = None) -> bool:
        """Waits until no session is left, at most `within` seconds or until `hurry`; says which."""
        waits = [self._tasks.spawn("drain", self._empty.wait())]
        if hurry is not None:
            waits.append(self._tasks.spawn("drain hurry", hurry.wait()))
        try:
            await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._live
