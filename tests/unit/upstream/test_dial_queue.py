"""Turns: so many at once and a second, in order; who goes makes room, who is late is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.upstream.dial_queue import DialLimits, DialQueue, Full, SentHome
from tests.unit.upstream.stopped_clock import settle

FAST = 100_000.0


class Line:
    """Dials that hold their turn until the test lets them go."""

    def __init__(self, at_once: int = 2, per_second: float = FAST) -> None:
        self.queue = DialQueue(DialLimits(at_once, per_second))
        self.begun: list[int] = []
        self.at: list[float] = []
        self.most = 0
        self.now = 0
        self.gates = [asyncio.Event() for _ in range(100)]
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, within: float = 10.0) -> asyncio.Task[None]:
        """One more in line."""
        task = asyncio.create_task(self._dial(len(self.tasks), within))
        self.tasks.append(task)
        await settle()
        return task

    async def _dial(self, number: int, within: float) -> None:
        async with self.queue.turn(within):
            self.begun.append(number)
            self.at.append(asyncio.get_running_loop().time())
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await self.gates[number].wait()
            finally:
                self.now -= 1

    async def release(self, number: int) -> None:
        self.gates[number].set()
        await asyncio.wait([self.tasks[number]], timeout=1)
        await asyncio.sleep(0.002)


@asynccontextmanager
async def line(at_once: int = 2, per_second: float = FAST) -> AsyncIterator[Line]:
    made = Line(at_once, per_second)
    try:
        yield made
    finally:
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
    assert made.now == 0
    async with asyncio.timeout(1), made.queue.turn(1):
        pass  # every turn was given back


async def test_no_more_than_allowed_run_and_the_line_is_served_in_order() -> None:
    async with line(at_once=2) as it:
        for _ in range(6):
            await it.come()
            await asyncio.sleep(0.002)
        assert it.begun == [0, 1]
        for number in (1, 0, 2, 3):
            await it.release(number)
        assert it.begun == [0, 1, 2, 3, 4, 5]
        assert it.most == 2


async def test_the_beginnings_are_spaced_out() -> None:
    async with line(at_once=10, per_second=50) as it:
        for _ in range(6):
            await it.come()
        async with asyncio.timeout(2):
            while len(it.begun) < 6:
                await asyncio.sleep(0.005)
        gaps = [later - earlier for earlier, later in zip(it.at, it.at[1:], strict=False)]
        assert min(gaps) > 0.015
        assert it.begun == [0, 1, 2, 3, 4, 5]


async def test_one_who_comes_alone_does_not_wait() -> None:
    async with line(per_second=2) as it:
        await it.come()
        assert it.begun == [0]


async def test_one_who_leaves_the_line_makes_room() -> None:
    async with line(at_once=1) as it:
        for _ in range(3):
            await it.come()
            await asyncio.sleep(0.002)
        it.tasks[1].cancel()
        await settle()
        await it.release(0)
        assert it.begun == [0, 2]


async def test_one_who_leaves_in_the_moment_of_its_turn_gives_it_back() -> None:
    async with line(at_once=1) as it:
        for _ in range(3):
            await it.come()
            await asyncio.sleep(0.002)
        it.gates[0].set()
        await asyncio.sleep(0)  # the turn has been handed to 1, which has not woken up yet
        it.tasks[1].cancel()
        await asyncio.sleep(0.005)
        assert it.tasks[1].cancelled()
        assert it.begun == [0, 2]


async def test_a_turn_that_fails_is_given_back() -> None:
    queue = DialQueue(DialLimits(1, FAST))
    with pytest.raises(ZeroDivisionError):
        async with queue.turn(1):
            raise ZeroDivisionError
    async with asyncio.timeout(1), queue.turn(1):
        pass


async def test_one_who_waits_too_long_is_told_so() -> None:
    async with line(at_once=1) as it:
        await it.come()
        late = await it.come(within=0.05)
        with pytest.raises(Full) as caught:
            await late
        assert caught.value.retry_after >= 1.0
        await it.release(0)
        await it.come()
        assert it.begun == [0, 2]


async def test_one_who_cannot_be_reached_in_time_is_refused_at_once() -> None:
    async with line(at_once=10, per_second=2) as it:
        for _ in range(9):
            await it.come(within=10)  # one begins, eight wait for four seconds
        assert it.queue.full(10) is None
        full = it.queue.full(2)
        assert full is not None
        assert full.ahead == 8
        assert full.retry_after == pytest.approx(2.5, abs=0.1)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Full):
            async with it.queue.turn(2):
                raise AssertionError("it had a turn")
        assert asyncio.get_running_loop().time() - began < 0.1


async def test_what_turns_usually_take_counts_when_all_are_taken() -> None:
    async with line(at_once=1) as it:
        await it.come()
        await asyncio.sleep(0.2)
        await it.release(0)
        for _ in range(4):
            await it.come()
            await asyncio.sleep(0.002)
        full = it.queue.full(0.9)  # one runs, three wait, and a turn of its own: 0.2 s each
        assert full is not None
        assert full.ahead == 3
        assert it.queue.full(1.6) is None


async def test_everyone_in_line_can_be_sent_home_and_whoever_runs_goes_on() -> None:
    async with line(at_once=2) as it:
        for _ in range(5):
            await it.come()
            await asyncio.sleep(0.002)
        it.queue.send_home()
        results = await asyncio.gather(*it.tasks[2:], return_exceptions=True)
        assert [type(result) for result in results] == [SentHome] * 3
        assert it.now == 2
        await it.come()
        await it.release(0)
        assert it.begun == [0, 1, 5], "the line is open again"


async def test_a_crowd_that_comes_in_one_moment_is_counted_before_the_first_turns_are_given() -> (
    None
):
    async with line(at_once=2, per_second=50) as it:
        await it.come()
        await asyncio.sleep(0.4)
        await it.release(0)
        crowd = [await it.come(within=1.3) for _ in range(20)]
        refused = [task for task in crowd if task.done()]
        assert len(refused) >= 12, (
            "two run, four wait 0.8 s at most and need 0.4 s, the others cannot"
        )
        assert all(isinstance(task.exception(), Full) for task in refused)


async def hold(queue: DialQueue, seconds: float, waits: list[float], within: float = 10.0) -> None:
    """One dial of a handshake that takes `seconds`; notes how long it waited for its turn."""
    loop = asyncio.get_running_loop()
    came = loop.time()
    async with queue.turn(within):
        waits.append(loop.time() - came)
        await asyncio.sleep(seconds)


async def test_a_slow_deployment_leaves_the_waits_of_another_as_they_are() -> None:
    """Handshakes of 0.45 s at 30 a second are more than ten places can hold."""
    usual = DialQueue(DialLimits(at_once=10, per_second=500))
    slow = usual.beside()
    waits: list[float] = []
    slow_ones = []
    quick_ones = []
    for number in range(60):
        slow_ones.append(asyncio.create_task(hold(slow, 0.45, [])))
        if number % 3 == 0:
            assert usual.full(0.3) is None, "what the slow one learned is its own"
            quick_ones.append(asyncio.create_task(hold(usual, 0.02, waits, within=0.3)))
        await asyncio.sleep(0.03)
    assert await asyncio.gather(*quick_ones, return_exceptions=True) == [None] * 20
    assert max(waits) < 0.15
    for task in slow_ones:
        task.cancel()
    await asyncio.gather(*slow_ones, return_exceptions=True)


async def running(queue: DialQueue, dials: int) -> tuple[list[asyncio.Task[None]], list[float]]:
    begun: list[float] = []
    tasks = [asyncio.create_task(hold(queue, 60, begun)) for _ in range(dials)]
    await asyncio.sleep(0.03)
    return tasks, begun


async def test_several_slow_deployments_leave_a_place_to_each_that_holds_none() -> None:
    usual = DialQueue(DialLimits(at_once=10, per_second=FAST))
    others = [usual.beside() for _ in range(3)]
    tasks: list[asyncio.Task[None]] = []
    held = []
    for line_of in (*others, usual):
        more, begun = await running(line_of, 20)
        tasks += more
        held.append(len(begun))
    assert held == [5, 3, 1, 1], "half, and then what leaves one to each of the idle"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), usual.turn(1):
        pass


async def test_many_idle_deployments_leave_half_of_the_places_to_one_that_is_busy() -> None:
    usual = DialQueue(DialLimits(at_once=10, per_second=FAST))
    for _ in range(30):
        usual.beside()
    tasks, begun = await running(usual, 20)
    assert len(begun) == 5
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_sending_one_deployments_line_home_leaves_the_others_in_theirs() -> None:
    usual = DialQueue(DialLimits(at_once=1, per_second=FAST))
    other = usual.beside()
    tasks, _ = await running(usual, 1)
    waiting, begun = await running(other, 1)
    usual.send_home()
    await asyncio.sleep(0.01)
    assert not waiting[0].done()
    tasks[0].cancel()
    await asyncio.sleep(0.02)
    assert len(begun) == 1
    waiting[0].cancel()
    await asyncio.gather(*tasks, *waiting, return_exceptions=True)
