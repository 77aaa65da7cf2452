"""An address that shows bad credentials is refused unheard for a while; good ones cost nothing."""

from __future__ import annotations

import asyncio

import pytest

from app.auth.denied import Denied
from app.web.strangers import KNOWN_SECONDS, MOST_ADDRESSES, MOST_KNOWN, Strangers, Unheard

HERE = "203.0.113.9"
BAD = Denied("ticket.unknown", "The ticket is unknown.")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def failed(strangers: Strangers, address: str | None = HERE) -> None:
    async with strangers.look(address):
        pass


async def good(strangers: Strangers, address: str | None = HERE) -> None:
    async with strangers.look(address) as look:
        look.spare()


async def test_an_address_is_refused_after_so_many_and_heard_again_as_time_passes() -> None:
    clock = Clock()
    strangers = Strangers(30, clock)
    for _ in range(30):
        await failed(strangers)
    with pytest.raises(Unheard) as caught:
        await failed(strangers)
    assert caught.value.retry_after == 2.0
    await failed(strangers, "198.51.100.1")
    clock.now += 1.9
    with pytest.raises(Unheard):
        await failed(strangers)
    clock.now += 0.2
    await failed(strangers)


async def test_good_ones_are_free_and_leave_nothing_behind() -> None:
    strangers = Strangers(1, Clock())
    for _ in range(100):
        await good(strangers)
    assert len(strangers) == 0


async def test_a_question_that_fails_or_is_given_up_stays_paid() -> None:
    strangers = Strangers(2, Clock())
    with pytest.raises(ZeroDivisionError):
        async with strangers.look(HERE):
            raise ZeroDivisionError
    task = asyncio.create_task(_hanging(strangers))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(Unheard):
        await failed(strangers)


async def _hanging(strangers: Strangers) -> None:
    async with strangers.look(HERE):
        await asyncio.sleep(60)


async def test_in_a_burst_no_more_bad_ones_are_looked_at_than_the_limit_allows() -> None:
    strangers, looked = Strangers(60, Clock()), 0

    async def bad() -> None:
        nonlocal looked
        async with strangers.look(HERE):
            looked += 1
            await asyncio.sleep(0.01)

    results = await asyncio.gather(*(bad() for _ in range(500)), return_exceptions=True)
    assert looked == 60
    assert [type(result) for result in results].count(Unheard) == 440


async def test_a_crowd_of_good_ones_waits_its_turn_and_is_let_in_whole() -> None:
    strangers, at_once, most = Strangers(5, Clock()), 0, 0

    async def fine() -> None:
        nonlocal at_once, most
        async with strangers.look(HERE) as look:
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.001)
            at_once -= 1
            look.spare()

    async with asyncio.timeout(5):
        await asyncio.gather(*(fine() for _ in range(100)))
    assert most == 5
    assert len(strangers) == 0


async def test_who_stops_waiting_leaves_the_turn_to_the_next() -> None:
    strangers, gate = Strangers(1, Clock()), asyncio.Event()

    async def first() -> None:
        async with strangers.look(HERE) as look:
            await gate.wait()
            look.spare()

    tasks = [asyncio.create_task(first())]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(good(strangers)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.sleep(0)  # the turn has been given to the second, which has not woken up
    tasks[1].cancel()
    async with asyncio.timeout(1):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results].count(asyncio.CancelledError) == 1


async def test_without_a_limit_or_an_address_nobody_is_refused_and_nothing_is_kept() -> None:
    unlimited, strangers = Strangers(0, Clock()), Strangers(1, Clock())
    for _ in range(100):
        await failed(unlimited)
        await failed(strangers, None)
    unlimited.remember("ek_1", BAD)
    assert unlimited.recall("ek_1") is None
    assert len(unlimited) == len(strangers) == 0


async def test_addresses_do_not_pile_up_and_the_busy_ones_are_remembered() -> None:
    strangers = Strangers(2, Clock())
    await failed(strangers, "busy")
    for number in range(MOST_ADDRESSES + 500):
        await failed(strangers, f"address {number}")
        if number == 5000:
            await failed(strangers, "busy")
    assert len(strangers) == MOST_ADDRESSES
    with pytest.raises(Unheard):
        await failed(strangers, "busy")
    await failed(strangers, "address 0")


def test_a_bad_credential_is_known_for_a_while_and_by_its_hash_alone() -> None:
    clock = Clock()
    strangers = Strangers(60, clock)
    strangers.remember("ek_dead", BAD)
    assert strangers.recall("ek_dead") is BAD
    assert strangers.recall("ek_other") is None
    assert "ek_dead" not in repr(vars(strangers))
    clock.now += KNOWN_SECONDS
    assert strangers.recall("ek_dead") is None


def test_known_credentials_do_not_pile_up() -> None:
    strangers = Strangers(60, Clock())
    for number in range(MOST_KNOWN + 10):
        strangers.remember(f"ek_{number}", BAD)
    assert strangers.known == MOST_KNOWN
    assert strangers.recall("ek_9") is None
    assert strangers.recall(f"ek_{MOST_KNOWN}") is BAD
