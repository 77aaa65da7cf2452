"""An embedded upstream on a free port; nothing of it may be left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.simulator.options import Options
from app.simulator.server import serve
from app.simulator.simulator import Simulator


def open_sockets() -> int:
    """How many descriptors of this process are sockets."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except OSError:
            continue
    return found


def other_tasks() -> set[asyncio.Task[object]]:
    """The loop's tasks without the one that asks."""
    return asyncio.all_tasks() - {asyncio.current_task()}


def studio_threads() -> int:
    return sum(thread.name.startswith("studio") for thread in threading.enumerate())


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fails if a task, a socket or a thread outlives the test."""
    tasks, sockets = other_tasks(), open_sockets()
    yield
    for _ in range(100):
        if other_tasks() <= tasks and open_sockets() <= sockets:
            break
        await asyncio.sleep(0.01)
    assert other_tasks() <= tasks
    assert open_sockets() <= sockets
    assert studio_threads() == 0


@pytest.fixture
async def simulator(nothing_left: None) -> AsyncIterator[Simulator]:
    """Sends as fast as the client reads."""
    async with await serve(Options(pace=None, control=True, close_seconds=1.0)) as running:
        yield running
