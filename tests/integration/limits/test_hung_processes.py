"""A child that lives and does nothing is killed: the kernel would go on handing it connections."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
import structlog

from app.cli import processes
from app.cli.parent import TICK_SECONDS, Pulse
from app.cli.processes import Child
from tests.harness.process import ROOT, environment
from tests.integration.limits.test_processes import children, two_processes, until
from tests.unit.store.test_memory import Clock


async def watched(child: Child, true: Callable[[], bool], within: float) -> None:
    """Looks after the child, as its parent does, until something is so."""
    deadline = time.monotonic() + within
    while not true():
        child.listen(time.monotonic())
        child.keep(time.monotonic())
        assert time.monotonic() < deadline
        await asyncio.sleep(processes.LOOK_SECONDS)


async def test_a_stopped_child_is_logged_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert processes.SILENT_SECONDS == 10.0
    assert 3 * TICK_SECONDS < processes.SILENT_SECONDS
    monkeypatch.setattr(processes, "SILENT_SECONDS", 3.0)
    monkeypatch.chdir(ROOT)
    given = environment(
        RELAY_UPSTREAM="embedded",
        RELAY_EMBEDDED_ADDRESS="http://127.0.0.1:9",
        RELAY_EMBEDDED_KEY="key",
        RELAY_AUTH="dev",
        RELAY_PORT="0",
        RELAY_DRAIN_SECONDS="0",
    )
    with structlog.testing.capture_logs() as logs:
        child = Child(3, given)
        first = child._process
        try:
            await watched(child, lambda: child._ticked is not None, 20)
            began = time.monotonic()
            await watched(child, lambda: time.monotonic() - began > 4, 6)
            assert logs == []  # it ticks on
            os.kill(first.pid, signal.SIGSTOP)
            await watched(child, lambda: child._process is not first, 10)
            assert first.returncode == -signal.SIGKILL
            assert [line["event"] for line in logs] == ["process.hung", "process.died"]
            assert (logs[0]["process"], logs[0]["silent_s"]) == (3, pytest.approx(3, abs=0.5))
            await watched(child, lambda: child._ticked is not None, 20)
        finally:
            child.stop(now=True)
            for process in (first, child._process):
                process.kill()
                await asyncio.to_thread(process.wait, 10)
            child._pipe.close()


async def test_a_parent_that_was_stopped_itself_blames_no_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    child = Child(0, environment(RELAY_UPSTREAM="embedded"))
    try:
        now = time.monotonic()
        child._ticked = now
        child.listen(now)
        child.listen(now + 3600)
        assert child._ticked == now + 3600
    finally:
        child._process.kill()
        await asyncio.to_thread(child._process.wait, 10)
        child._pipe.close()


def beats(pulse: Pulse) -> bool:
    return pulse.beats


async def test_a_loop_that_does_not_come_by_has_no_pulse() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.now = 100
    assert beats(pulse)  # nobody knows yet
    pulse.follow(asyncio.get_running_loop())
    clock.now += TICK_SECONDS
    assert beats(pulse)
    clock.now += 2 * TICK_SECONDS
    assert not beats(pulse)
    async with asyncio.timeout(5):
        while not beats(pulse):
            await asyncio.sleep(0.05)


@pytest.mark.soak
async def test_a_frozen_one_of_two_is_replaced() -> None:
    async with two_processes(RELAY_DRAIN_SECONDS="0") as relay:
        victim, survivor = children(relay.pid)
        await asyncio.sleep(2)
        os.kill(victim, signal.SIGSTOP)
        await until(lambda: len(relay.lines("listening")) == 3, 25)
        assert len(relay.lines("process.hung")) == 1
        assert survivor in children(relay.pid)
        assert victim not in children(relay.pid)
