"""The wall clock jumps: deadlines are monotonic, so that nothing happens."""

from __future__ import annotations

import ast
import asyncio
import time
from pathlib import Path

import pytest

from app.protocol.close_reasons import CloseReason
from app.session.limits import Limits
from tests.harness.client import client
from tests.integration.failures.front import Front, in_peace, talks
from tests.integration.failures.scene import end_of, goes_on, relay_before, someone
from tests.unit.session.playbook import Playbook, ending

APP = Path(__file__).parents[3] / "app"
YEAR = 365 * 24 * 3600.0
MAY_ASK_THE_WALL = {
    "upkeep/clock.py": "a token's `expires_on` is a date",
    "wire/head.py": "a Retry-After may be a date",
}


async def test_a_live_session_neither_ends_nor_lasts_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front = Front(talks(in_peace))
    true_time = time.time
    async with relay_before(front, session_max_seconds="2") as relay:
        async with client(relay.address, user=someone()) as me:
            await me.until("session.created")
            for jump in (YEAR, -YEAR):
                monkeypatch.setattr("time.time", lambda jump=jump: true_time() + jump)
                await asyncio.sleep(0.5)
                await goes_on(me)
            seen = await end_of(relay, me)
        assert seen.reason == "session_time_limit"
        assert 1.9 < seen.line["duration_s"] < 3
        async with client(relay.address, user=someone()) as another:
            await another.until("session.created")
            await goes_on(another)


@pytest.mark.parametrize("jump", [YEAR, -YEAR], ids=["forward", "back"])
def test_the_judge_knows_no_time_but_what_it_is_told(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Playbook(limits=Limits(session_seconds=600, idle_seconds=300, idle_warning=60)).ready()
    before = play.gate.next_deadline()
    true_time = time.time
    monkeypatch.setattr("time.time", lambda: true_time() + jump)
    assert play.gate.next_deadline() == before
    assert play.after(239.9) == []
    assert ending(play.after(60)) is None
    assert ending(play.after(0.2)) is CloseReason.IDLE_TIMEOUT


@pytest.mark.parametrize("room", ["session", "relay", "wire", "upstream"])
def test_no_deadline_is_made_of_the_wall_clock(room: str) -> None:
    """By construction: these rooms cannot even ask for the date."""
    asking = {
        path.relative_to(APP).as_posix()
        for path in (APP / room).rglob("*.py")
        if asks_the_wall(ast.parse(path.read_text()))
    }
    assert asking <= set(MAY_ASK_THE_WALL)


def asks_the_wall(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
                return True
            case ast.ImportFrom(module="time", names=names):
                if {alias.name for alias in names} & {"time", "time_ns"}:
                    return True
            case ast.ImportFrom(module="datetime") | ast.Import(names=[ast.alias("datetime"), *_]):
                return True
    return False


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("import time\nx = time.time()", True),
        ("from time import time_ns", True),
        ("from datetime import UTC", True),
        ("import datetime", True),
        ("from time import monotonic\nx = monotonic()", False),
    ],
)
def test_asking_is_recognised(source: str, asks: bool) -> None:
    assert asks_the_wall(ast.parse(source)) is asks
