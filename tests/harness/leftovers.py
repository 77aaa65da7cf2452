"""What a test must not leave behind: tasks, sockets, descriptors."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


def descriptors() -> dict[str, str]:
    """The open sockets of this process, by descriptor."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:"):
            found[entry.name] = target
    return found


def tasks() -> set[str]:
    """The names of the live tasks but this one."""
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@asynccontextmanager
async def nothing_left(within: float = 3.0) -> AsyncIterator[None]:
    """The block must end with the tasks and sockets that it began with."""
    before_tasks, before_sockets = tasks(), set(descriptors().values())
    yield
    deadline = asyncio.get_running_loop().time() + within
    while True:
        gc.collect()
        more_tasks = tasks() - before_tasks
        more_sockets = set(descriptors().values()) - before_sockets
        if not more_tasks and not more_sockets:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"left behind: tasks {more_tasks}, sockets {more_sockets}")
        await asyncio.sleep(0.02)
