"""Many cross side by side; one is alone."""

from __future__ import annotations

import asyncio

import pytest

from app.store.crossing import Crossing


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_nothing_crosses_beside_one_who_is_alone() -> None:
    crossing = Crossing()
    inside: set[str] = set()
    most = 0

    async def cross(name: str) -> None:
        nonlocal most
        for _ in range(20):
            async with crossing.across(soon()):
                assert "alone" not in inside
                inside.add(name)
                most = max(most, len(inside))
                await asyncio.sleep(0.001)
                inside.discard(name)

    async def alone() -> None:
        for _ in range(10):
            async with crossing.alone(soon()):
                assert not inside
                inside.add("alone")
                await asyncio.sleep(0.001)
                inside.discard("alone")
            await asyncio.sleep(0)

    await asyncio.gather(*(cross(f"c{one}") for one in range(8)), alone(), alone())
    assert most == 8


async def test_who_cannot_begin_in_time_leaves_the_way_free() -> None:
    crossing = Crossing()
    async with crossing.across(soon()):
        with pytest.raises(TimeoutError):
            async with crossing.alone(soon(0.02)):
                raise AssertionError
        async with crossing.across(soon(0.02)):
            pass
    async with crossing.alone(soon()):
        with pytest.raises(TimeoutError):
            async with crossing.across(soon(0.02)):
                raise AssertionError
        with pytest.raises(TimeoutError):
            async with crossing.alone(soon(0.02)):
                raise AssertionError
    async with crossing.across(soon(0.02)):
        pass


async def test_a_cancelled_waiter_or_a_fault_inside_leaves_the_way_free() -> None:
    crossing = Crossing()

    async def wait_alone() -> None:
        async with crossing.alone(soon()):
            raise AssertionError

    async with crossing.across(soon()):
        waiter = asyncio.get_running_loop().create_task(wait_alone())
        await asyncio.sleep(0.01)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        assert waiter.cancelled()
        async with crossing.across(soon(0.02)):
            pass
    for block in (crossing.across, crossing.alone):
        with pytest.raises(RuntimeError):
            async with block(soon()):
                raise RuntimeError
    async with crossing.alone(soon(0.02)):
        pass
