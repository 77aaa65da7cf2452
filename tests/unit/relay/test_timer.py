"""The timer of a session, on both loops: armed for what is due, however near it is."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from app.relay.timer import DeadlineTimer


async def fired(*ahead: float) -> int:
    """How often a timer fires within a tenth of a second that is armed for each of these."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    timer = DeadlineTimer(loop, times.append)
    for seconds in ahead:
        timer.arm(loop.time() + seconds)
    await asyncio.sleep(0.1)
    timer.cancel()
    return len(times)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("ahead", "times"),
    [
        ((0, 0), 1),
        ((-1, 0.01), 1),
        ((0.05, 0.0004), 1),
        ((0.01, 50), 1),
        ((50, 0.02), 1),
        ((50,), 0),
    ],
)
def test_it_fires_once_for_the_nearest_deadline(
    new_loop: type[asyncio.AbstractEventLoop], ahead: tuple[float, ...], times: int
) -> None:
    loop = new_loop()
    try:
        assert loop.run_until_complete(fired(*ahead)) == times
    finally:
        loop.close()
