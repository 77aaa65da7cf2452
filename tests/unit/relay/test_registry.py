"""What happens to slot and lease when store, operator or process come in between.

The store and upstream are faked; the registry and its sessions are real.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.auth.principal import Principal
from app.policy.policy import Configuration, Policy
from app.protocol.close_reasons import CloseReason
from app.relay.registry import LiveSession, Opening, Refused, Registry
from app.relay.tasks import Tasks
from app.session.gate import Gate
from app.session.limits import Limits
from app.session.terms import Terms
from app.store.store import (
    Full,
    Lease,
    NoLease,
    Revocation,
    RevokedKind,
    StoreDown,
)
from app.upstream.failed import DialFailed

ADA, EVE = Principal("ada", "dev"), Principal("eve", "dev")


@dataclass
class Asked:
    """A store that answers when it is told to. `held` are the leases that count."""

    answer: NoLease | Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    entered: list[Lease] = field(default_factory=list)
    held: list[Lease] = field(default_factory=list)
    left: list[Lease] = field(default_factory=list)

    async def enter(self, lease: Lease) -> NoLease | None:
        self.entered.append(lease)
        if self.answer is None:
            self.held.append(lease)  # in the store's eyes; the answer may be long in coming
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def leave(self, lease: Lease) -> None:
        self.left.append(lease)
        if lease in self.held:
            self.held.remove(lease)


class NoDials:
    failure: DialFailed | None = None

    async def dial(self, *, timeout: float, deployment: str = "") -> Any:  # noqa: ASYNC109
        raise AssertionError("nobody has attached a wire")

    def fault(self, *, timeout: float, deployment: str = "") -> DialFailed | None:
        return self.failure


def make_gate(session_id: str, principal: Principal, opening: Opening, meters: Any) -> Gate:
    terms = Terms(
        session_id=session_id,
        seed="seed",
        policy=Policy(),
        configuration=Configuration(),
        limits=Limits(),
        expires_at=0,
        model="m",
    )
    return Gate(terms, asyncio.get_running_loop().time(), meters)


@dataclass
class Scene:
    registry: Registry
    store: Asked
    dials: NoDials
    tasks: Tasks
    ended: list[CloseReason]

    def opening(self, who: Principal = ADA) -> asyncio.Task[LiveSession]:
        opening = Opening(address="203.0.113.9")
        return self.tasks.spawn("test", self.registry.open(who, opening))

    async def quiet(self) -> None:
        async with asyncio.timeout(5):
            while len(self.registry) or len(self.tasks):
                await asyncio.sleep(0.005)

    async def refused(self, task: asyncio.Task[LiveSession]) -> Refused:
        await asyncio.wait([task], timeout=5)
        refused = task.exception()
        assert isinstance(refused, Refused), refused
        await self.quiet()
        assert self.store.held == []
        assert self.ended == []
        return refused


@pytest.fixture
async def scene() -> Scene:
    ended: list[CloseReason] = []
    tasks, store, dials = Tasks(), Asked(), NoDials()
    registry = Registry(
        limits=Limits(sessions=3),
        make_gate=make_gate,
        dials=dials,
        tasks=tasks,
        store=store,
        hash_user=lambda principal: f"hash of {principal.user}",
        ended=lambda _principal, _relay, _gate, reason: ended.append(reason),
    )
    return Scene(registry, store, dials, tasks, ended)


async def test_a_lease_is_taken_for_hash_and_address_and_given_back_once(scene: Scene) -> None:
    scene.store.gate.set()
    session = await scene.opening()
    (lease,) = scene.store.held
    assert (lease.user, lease.address) == ("hash of ada", "203.0.113.9")
    assert lease.session_id == session.id
    (view,) = scene.registry.sessions()
    assert (view.session_id, view.user, view.phase) == (session.id, "hash of ada", "opened")
    session.abandon(CloseReason.CLIENT_GONE)
    await scene.quiet()
    assert scene.store.left == [lease]
    assert scene.ended == [CloseReason.CLIENT_GONE]


@pytest.mark.parametrize(
    ("full", "reason"),
    [
        (Full.USER, CloseReason.TOO_MANY_SESSIONS),
        (Full.ADDRESS, CloseReason.TOO_MANY_SESSIONS),
        (Full.OPENINGS, CloseReason.RATE_LIMITED),
        (Full.REVOKED, CloseReason.REVOKED),
    ],
)
async def test_what_the_store_refuses_is_refused_and_counted(
    scene: Scene, full: Full, reason: CloseReason
) -> None:
    scene.store.answer = NoLease(full, 6.0)
    scene.store.gate.set()
    refused = await scene.refused(scene.opening())
    assert (refused.reason, refused.retry_after) == (reason, 6.0)
    assert scene.store.left == []  # there was none: it costs the store nothing more
    assert scene.registry.refused == {full.value: 1}


async def test_a_store_that_is_down_is_told_as_such(scene: Scene) -> None:
    scene.store.answer = StoreDown("redis://planted does not answer", 3.0)
    scene.store.gate.set()
    refused = await scene.refused(scene.opening())
    assert (refused.reason, refused.retry_after) == (CloseReason.STORE_UNAVAILABLE, 3.0)
    assert "planted" not in str(refused)


async def test_a_bug_of_the_store_is_the_doors_to_tell_and_leaves_nothing(scene: Scene) -> None:
    scene.store.answer = RuntimeError("planted")
    scene.store.gate.set()
    task = scene.opening()
    await asyncio.wait([task], timeout=5)
    assert isinstance(task.exception(), RuntimeError)
    await scene.quiet()


async def test_those_who_wait_for_the_store_count_for_the_process(scene: Scene) -> None:
    waiting = [scene.opening() for _ in range(3)]
    await asyncio.sleep(0.01)
    fourth = scene.opening()
    await asyncio.wait([fourth], timeout=5)
    refused = fourth.exception()
    assert isinstance(refused, Refused)
    assert refused.reason is CloseReason.TOO_MANY_SESSIONS
    assert len(scene.store.entered) == 3  # the store was not asked for it
    scene.store.gate.set()
    for session in await asyncio.gather(*waiting):
        session.abandon(CloseReason.CLIENT_GONE)
    await scene.quiet()
    assert scene.store.held == []


async def test_who_cannot_be_dialled_for_does_not_trouble_the_store(scene: Scene) -> None:
    scene.dials.failure = DialFailed(CloseReason.UPSTREAM_UNAVAILABLE, "planted", retry_after=7.0)
    refused = await scene.refused(scene.opening())
    assert (refused.reason, refused.retry_after) == (CloseReason.UPSTREAM_UNAVAILABLE, 7.0)
    assert scene.store.entered == []


@pytest.mark.parametrize("kind", list(RevokedKind))
async def test_a_revocation_that_overtakes_the_stores_answer_is_not_lost(
    scene: Scene, kind: RevokedKind
) -> None:
    task = scene.opening()
    await asyncio.sleep(0.01)
    (lease,) = scene.store.entered
    name = lease.user if kind is RevokedKind.USER else lease.session_id
    assert scene.registry.count(Revocation(kind, name, 60)) == 1
    scene.registry.revoked(Revocation(kind, name, 60))
    scene.store.gate.set()
    refused = await scene.refused(task)
    assert refused.reason is CloseReason.REVOKED
    assert scene.store.left == [lease]


async def test_a_revocation_ends_whom_it_names_and_nobody_else(scene: Scene) -> None:
    scene.store.gate.set()
    mine, too, other = [await scene.opening(who) for who in (ADA, ADA, EVE)]
    scene.registry.revoked(Revocation(RevokedKind.SESSION, mine.id, 60))
    await asyncio.sleep(0.01)
    assert {view.session_id for view in scene.registry.sessions()} == {too.id, other.id}
    scene.registry.revoked(Revocation(RevokedKind.USER, "hash of ada", 60))
    scene.registry.revoked(Revocation(RevokedKind.USER, "hash of ada", 60))
    await asyncio.sleep(0.01)
    assert [view.session_id for view in scene.registry.sessions()] == [other.id]
    assert scene.ended == [CloseReason.REVOKED, CloseReason.REVOKED]
    other.abandon(CloseReason.CLIENT_GONE)
    await scene.quiet()


async def test_a_drain_that_overtakes_the_stores_answer_refuses(scene: Scene) -> None:
    task = scene.opening()
    await asyncio.sleep(0.01)
    draining = scene.tasks.spawn("drain", scene.registry.drain(5.0, asyncio.Event()))
    await asyncio.sleep(0.01)
    scene.store.gate.set()
    await asyncio.wait([task, draining], timeout=5)
    refused = task.exception()
    assert isinstance(refused, Refused)
    assert refused.reason is CloseReason.DRAINING
    await scene.quiet()
    assert scene.store.held == []


async def test_who_leaves_while_the_store_is_asked_leaves_no_session(scene: Scene) -> None:
    task = scene.opening()
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    scene.store.gate.set()
    await scene.quiet()
    assert scene.store.held == []
    assert scene.ended == [CloseReason.CLIENT_GONE]


async def test_a_process_that_ends_while_the_store_is_asked_gives_back_and_answers(
    scene: Scene,
) -> None:
    opening = Opening(address="203.0.113.9")
    waiting = asyncio.get_running_loop().create_task(scene.registry.open(ADA, opening))
    await asyncio.sleep(0.01)
    await scene.tasks.close()
    await asyncio.wait([waiting], timeout=5)
    refused = waiting.exception()
    assert isinstance(refused, Refused)
    assert refused.reason is CloseReason.DRAINING
    assert scene.store.held == []
    assert len(scene.registry) == 0


async def test_refusing_new_ones_leaves_live_ones_alone(scene: Scene) -> None:
    scene.store.gate.set()
    session = await scene.opening()
    scene.registry.refuse_new()
    later = scene.opening()
    await asyncio.wait([later], timeout=5)
    refused = later.exception()
    assert isinstance(refused, Refused)
    assert refused.reason is CloseReason.DRAINING
    assert len(scene.registry.sessions()) == 1
    session.abandon(CloseReason.CLIENT_GONE)
    await scene.quiet()
