"""300 clients in one second: upstream sees ten handshakes at once and fifty a second, in order."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from app.settings import Settings
from tests.harness.client import Event, client
from tests.harness.relay import Running
from tests.integration.failures.front import Caller, Front, in_peace, talks
from tests.integration.failures.scene import Small, relay_before, someone

WELCOME = talks(in_peace)


class Crowd:
    """Takes `seconds` for a handshake, and counts those that wait for theirs."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = self.most = 0
        self.at: list[float] = []

    async def __call__(self, caller: Caller) -> None:
        self.at.append(asyncio.get_running_loop().time())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        await WELCOME(caller)

    def busiest_second(self) -> int:
        """The most handshakes that began within one second."""
        return max(
            sum(1 for later in self.at[index:] if later < began + 1.0)
            for index, began in enumerate(self.at)
        )


class Visitors:
    """Clients that stay until `over` is set, and what became of each."""

    def __init__(self, relay: Running) -> None:
        self.relay = relay
        self.over = asyncio.Event()
        self.served: list[int] = []
        self.turned_away: list[Event] = []
        self.at_the_door: list[Response] = []
        self._numbers = itertools.count()

    @property
    def answered(self) -> int:
        return len(self.served) + len(self.turned_away) + len(self.at_the_door)

    async def come(self) -> None:
        number = next(self._numbers)
        try:
            async with client(self.relay.address, user=someone(), open_timeout=30) as me:
                event = await me.next(within=30)
                if event["type"] == "error":
                    self.turned_away.append(event["error"])
                    return
                self.served.append(number)
                await self.over.wait()
        except InvalidStatus as refused:
            self.at_the_door.append(refused.response)

    async def leave(self, tasks: list[asyncio.Task[None]]) -> None:
        """All go; whoever was turned away was told when to come back."""
        self.over.set()
        await asyncio.gather(*tasks)
        assert all(error["retry_after_ms"] >= 1000 for error in self.turned_away)
        assert all(answer.status_code == 503 for answer in self.at_the_door)
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in self.at_the_door)


async def crowd_of(
    relay: Running, number: int, seconds: float = 0.0, within: float = 30.0
) -> Visitors:
    """So many clients, spread over so many seconds; returns when all have had an answer."""
    visitors = Visitors(relay)
    tasks = []
    for _ in range(number):
        tasks.append(asyncio.create_task(visitors.come(), name="visitor"))
        await asyncio.sleep(seconds / number)
    async with asyncio.timeout(within):
        while visitors.answered < number:
            await asyncio.sleep(0.02)
    await visitors.leave(tasks)
    return visitors


def unbounded() -> dict[str, Any]:
    """Settings under which so many clients may come from here, whichever of them there are."""
    bounds = {name for name in Settings.model_fields if name.startswith("max_sessions")}
    return dict.fromkeys(bounds, "1000")


async def test_300_clients_in_one_second_make_ten_dials_at_once_at_most() -> None:
    upstream = Crowd(0.1)
    async with relay_before(Front(upstream), **unbounded()) as relay:
        visitors = await crowd_of(relay, 300, seconds=1.0)
        assert upstream.most <= 10
        assert upstream.busiest_second() <= 51
        assert len(visitors.served) >= 250, "what a line of nine seconds can serve"
        spread = [abs(place - number) for place, number in enumerate(visitors.served)]
        assert max(spread) < 30, "first come, first served"


async def test_whoever_cannot_be_reached_in_time_is_told_at_once(small: Small) -> None:
    small.session(setup_seconds=3.0)
    upstream = Crowd(0.5)
    async with relay_before(Front(upstream), max_dials_at_once="2", **unbounded()) as relay:
        await crowd_of(relay, 2)  # now the relay knows what a dial takes
        visitors = Visitors(relay)
        tasks = [asyncio.create_task(visitors.come(), name="visitor") for _ in range(40)]
        await asyncio.sleep(0.7)
        refused = len(visitors.turned_away) + len(visitors.at_the_door)
        assert refused >= 25, "long before the deadline of a dial"
        async with asyncio.timeout(10):
            while visitors.answered < 40:
                await asyncio.sleep(0.02)
        await visitors.leave(tasks)
        assert len(visitors.served) >= 4
        assert upstream.most <= 2
        assert not [line for line in relay.lines if line["event"] == "breaker.opened"]
