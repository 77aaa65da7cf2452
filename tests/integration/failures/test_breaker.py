"""An endpoint that keeps failing is left alone: clients are told at the door, and it is found again
by one dial at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.upstream.breaker import BreakerLimits
from tests.harness.client import client
from tests.harness.relay import Running
from tests.integration.failures.front import Caller, Front, in_peace, says, silence, talks
from tests.integration.failures.scene import (
    NOT_SET_UP,
    UNAVAILABLE,
    Small,
    dial_failures,
    goes_on,
    relay_before,
    someone,
    until,
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens for 0.8 s instead of 5 s."""
    limits = BreakerLimits(first_open=0.8)
    monkeypatch.setattr("app.upstream.dial.BreakerLimits", lambda: limits)


async def visit(relay: Running, **how: object) -> int:
    """The close code or, where a client was not let in, the HTTP status; 0 for a session."""
    try:
        async with client(relay.address, user=someone(), **how) as me:  # type: ignore[arg-type]
            with suppress(ConnectionClosed):
                await me.until("session.created")
                return 0
            assert me.socket.close_code is not None
            return me.socket.close_code
    except InvalidStatus as refused:
        return refused.response.status_code


async def five_fail(relay: Running, code: int = 4001) -> None:
    assert await asyncio.gather(*(visit(relay) for _ in range(5))) == [code] * 5


def told(relay: Running, event: str) -> list[object]:
    return [line for line in relay.lines if line["event"] == event]


async def test_after_five_failures_nobody_is_dialled_and_everybody_is_told_when_to_return() -> None:
    front = Front(says(503))
    async with relay_before(front) as relay:
        await five_fail(relay)
        tries = len(front.callers)
        with pytest.raises(InvalidStatus) as caught:
            async with client(relay.address, user=someone()):
                pass
        assert caught.value.response.status_code == 503
        assert 3 <= int(caught.value.response.headers["Retry-After"]) <= 6
        async with client(relay.address, user=someone(), subprotocols=["realtime"]) as browser:
            events, code, text = await browser.rest()
        assert (code, text) == (4001, UNAVAILABLE)
        (error,) = events
        assert 2000 <= error["error"]["retry_after_ms"] <= 6000
        assert len(front.callers) == tries, "upstream was left alone"
        assert len(relay.closed()) == 5, "the others had no session"
        (opened,) = told(relay, "breaker.opened")
        assert opened["reason"] == "upstream_unavailable"  # type: ignore[index]
        assert "status 503" in opened["detail"]  # type: ignore[index]


async def test_a_replica_stays_ready_while_its_endpoint_fails() -> None:
    front = Front(says(500))
    async with relay_before(front) as relay:
        await five_fail(relay)
        assert await visit(relay) == 503
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{relay.http}/readyz")).status_code == 200


async def test_live_sessions_go_on_while_new_ones_are_refused() -> None:
    front = Front(talks(in_peace), says(503))
    async with relay_before(front) as relay:
        async with client(relay.address, user=someone()) as living:
            await living.until("session.created")
            await five_fail(relay)
            assert await visit(relay) == 503
            await goes_on(living)


@pytest.mark.usefixtures("quick")
async def test_one_dial_finds_that_it_works_again_and_then_everybody_is_let_in() -> None:
    release = asyncio.Event()

    async def slowly(caller: Caller) -> None:
        await release.wait()
        await talks(in_peace)(caller)

    front = Front(says(503))
    async with relay_before(front) as relay:
        await five_fail(relay)
        tries = len(front.callers)
        front.replies = [slowly]
        await asyncio.sleep(1.0)
        first = asyncio.create_task(visit(relay))
        await until(lambda: len(front.callers) == tries + 1)
        others = await asyncio.gather(*(visit(relay) for _ in range(10)))
        assert others == [503] * 10, "while the one is on its way"
        assert len(front.callers) == tries + 1
        release.set()
        assert await first == 0
        assert await asyncio.gather(*(visit(relay) for _ in range(5))) == [0] * 5
        assert len(told(relay, "breaker.closed")) == 1


@pytest.mark.usefixtures("quick")
async def test_one_dial_finds_that_it_still_fails_and_the_door_stays_shut_for_longer() -> None:
    front = Front(says(503))
    async with relay_before(front) as relay:
        await five_fail(relay)
        tries = len(front.callers)
        await asyncio.sleep(1.0)
        assert await visit(relay) == 4001
        assert len(front.callers) == tries + 1, "one try, not three"
        await asyncio.sleep(1.0)
        assert await visit(relay) == 503, "1.6 s this time"
        first, second = told(relay, "breaker.opened")
        assert 0.8 <= first["seconds"] <= 1.0  # type: ignore[index]
        assert 1.6 <= second["seconds"] <= 2.0  # type: ignore[index]


@pytest.mark.usefixtures("quick")
async def test_a_client_that_leaves_during_the_one_dial_makes_room_for_another() -> None:
    front = Front(says(503))
    async with relay_before(front) as relay:
        await five_fail(relay)
        tries = len(front.callers)
        front.replies = [silence, talks(in_peace)]
        await asyncio.sleep(1.0)
        async with client(relay.address, user=someone()):
            await until(lambda: len(front.callers) == tries + 1)
            assert await visit(relay) == 503
        await relay.idle()
        assert await visit(relay) == 0


async def test_an_endpoint_that_refuses_is_left_alone_in_the_same_words() -> None:
    front = Front(says(401))
    async with relay_before(front) as relay:
        await five_fail(relay, 4510)
        assert len(front.callers) == 5
        with pytest.raises(InvalidStatus) as caught:
            async with client(relay.address, user=someone()):
                pass
        assert caught.value.response.status_code == 502
        assert "Retry-After" not in caught.value.response.headers
        async with client(relay.address, user=someone(), subprotocols=["realtime"]) as browser:
            events, code, text = await browser.rest()
        assert (code, text) == (4510, NOT_SET_UP)
        assert "retry_after_ms" not in events[0]["error"]
        assert len(front.callers) == 5
        assert len(dial_failures(relay)) == 5


async def test_a_silent_endpoint_opens_it_too_and_whoever_waits_in_line_is_told(
    small: Small,
) -> None:
    small.session(setup_seconds=1.5)
    front = Front(silence)
    async with relay_before(front, max_dials_at_once="5") as relay:
        waiting = [asyncio.create_task(visit(relay)) for _ in range(5)]
        await until(lambda: len(front.callers) == 5)
        await asyncio.sleep(0.7)  # so that their own deadline comes after the breaker opens
        late = [asyncio.create_task(visit(relay)) for _ in range(5)]
        assert await asyncio.gather(*waiting, *late) == [4001] * 10
        assert len(told(relay, "breaker.opened")) == 1
        sent_home = [line for line in dial_failures(relay) if "breaker is open" in line["detail"]]
        # A turn that is given back before the fifth failure goes to the next in line.
        assert len(sent_home) == 10 - len(front.callers)
        assert len(sent_home) >= 1
        assert await visit(relay) == 503
