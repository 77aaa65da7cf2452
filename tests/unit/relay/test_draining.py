"""How a drain treats many sessions: left alone, then closed evenly, or at once when hurried."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.auth.principal import Principal
from app.protocol.close_reasons import CloseReason
from app.relay.draining import SPREAD_SECONDS, spread_of
from app.relay.registry import LiveSession, Opening, Registry
from app.relay.tasks import Tasks
from app.session.gate import Gate
from app.session.limits import Limits
from tests.unit.relay.test_registry import Asked, NoDials, make_gate

MANY = 20


@dataclass
class House:
    """A registry with `MANY` sessions that nobody has attached a wire to. `ended` holds when each
    was closed, and why, in order; `gates` the judges in order of admission."""

    registry: Registry
    tasks: Tasks
    began: float = 0.0
    ended: list[tuple[float, Gate, CloseReason]] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    sessions: list[LiveSession] = field(default_factory=list)

    async def drain(self, within: float, hurry: asyncio.Event | None = None) -> float:
        """Drains; returns how long that took."""
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        async with asyncio.timeout(20):
            await self.registry.drain(within, hurry or asyncio.Event())
        assert len(self.registry) == 0
        return loop.time() - self.began

    def when(self) -> list[float]:
        return [at - self.began for at, _, _ in self.ended]


def told_of(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What this judge is told of the drain, from now on."""
    told: list[float] = []

    def hears(after: float, _now: float) -> list[Any]:
        told.append(after)
        return []

    monkeypatch.setattr(gate, "on_draining", hears)
    return told


@pytest.fixture
async def house() -> House:
    tasks, store = Tasks(), Asked()
    store.gate.set()
    found = House(None, tasks)  # type: ignore[arg-type]

    def ended(_principal: Any, _relay: Any, gate: Gate, reason: CloseReason) -> None:
        found.ended.append((asyncio.get_running_loop().time(), gate, reason))

    def gate(*given: Any) -> Gate:
        found.gates.append(make_gate(*given))
        return found.gates[-1]

    found.registry = Registry(
        limits=Limits(sessions=MANY),
        make_gate=gate,
        dials=NoDials(),
        tasks=tasks,
        store=store,
        hash_user=lambda principal: principal.user,
        ended=ended,
    )
    for number in range(MANY):
        principal = Principal(str(number), "dev")
        found.sessions.append(await found.registry.open(principal, Opening()))
    return found


async def test_the_rest_is_closed_evenly_and_not_before_its_time(house: House) -> None:
    await house.drain(0.4)
    assert [reason for _, _, reason in house.ended] == [CloseReason.DRAINING] * MANY
    assert [gate for _, gate, _ in house.ended] == house.gates  # the oldest first
    when = house.when()
    assert 0.4 <= when[0] < 0.6
    spread = when[-1] - when[0]
    assert 0.3 <= spread < 0.8  # 0.38 on an idle machine
    early = sum(at < when[0] + spread / 2 for at in when)
    assert MANY / 4 <= early <= MANY * 3 / 4


async def test_a_second_signal_in_the_middle_closes_all_the_rest_at_once(house: House) -> None:
    hurry = asyncio.Event()
    asyncio.get_running_loop().call_later(1.5, hurry.set)
    await house.drain(1.0, hurry)  # by itself it would go on to 2.0 s
    when = house.when()
    assert when[0] >= 1.0
    late = [at for at in when if at >= 1.5]
    assert len(late) >= MANY / 4
    assert max(late) - min(late) < 0.2


async def test_hurried_at_once_nobody_waits(house: House) -> None:
    hurry = asyncio.Event()
    hurry.set()
    assert await house.drain(60.0, hurry) < 1.0
    assert len(house.ended) == MANY


async def test_without_a_time_to_go_on_there_is_none_to_be_spread_over(house: House) -> None:
    assert await house.drain(0.0) < 1.0
    assert len(house.ended) == MANY


async def test_those_that_end_by_themselves_are_not_waited_for(house: House) -> None:
    loop = asyncio.get_running_loop()
    for session in house.sessions:
        loop.call_later(1.2, session.abandon, CloseReason.CLIENT_GONE)
    assert await house.drain(1.0) < 1.9  # and not 2.0
    reasons = [reason for _, _, reason in house.ended]
    assert CloseReason.DRAINING in reasons
    assert reasons[-1] is CloseReason.CLIENT_GONE


async def test_a_bug_in_one_session_keeps_no_other_from_being_told_and_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: Any) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr(house.gates[3], "on_draining", fails)
    monkeypatch.setattr(house.gates[5], "end", fails)
    told = told_of(house.gates[-1], monkeypatch)
    await house.drain(0.2)
    reasons = {gate.session_id: reason for _, gate, reason in house.ended}
    failed = {house.gates[3].session_id, house.gates[5].session_id}
    assert {one for one, why in reasons.items() if why is CloseReason.INTERNAL_ERROR} == failed
    assert len(reasons) == MANY
    assert told == [0.2]


async def test_refusing_new_ones_tells_once_that_nobody_knows_when(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = told_of(house.gates[0], monkeypatch)
    house.registry.refuse_new()
    house.registry.refuse_new()
    assert told == [float("inf")]
    await house.drain(0.1)
    assert told == [float("inf"), 0.1]


@pytest.mark.parametrize(
    ("sessions", "within", "seconds"),
    [(0, 25, 0), (1, 25, 0.1), (10, 25, 1), (50, 25, 5), (500, 25, SPREAD_SECONDS), (500, 2, 2)],
)
def test_few_sessions_need_less_time_and_none_takes_longer_than_the_drain(
    sessions: int, within: float, seconds: float
) -> None:
    assert spread_of(sessions, within) == pytest.approx(seconds)
