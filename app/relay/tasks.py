"""The only place where tasks are made: named, owned, and ended by whoever started them.

Rooms that may not import this one (`auth`, `upstream`, `store`) are handed `Tasks.spawn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("relay.tasks")


class Tasks:
    """The supervised tasks of one process.

    A task that ends by an exception is logged with its name; nothing is lost in silence. The owner
    calls `close()` before the loop ends.
    """

    def __init__(self) -> None:
        self._live: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._live)

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts `work` as a task called `name`; the caller keeps the task, to cancel or await."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._live.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._live.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)

    async def close(self, *, within: float = 5.0) -> None:
        """Cancels what is left and waits for it, at most `within` seconds."""
        left = list(self._live)
        for task in left:
            task.cancel()
        if not left:
            return
        _, stuck = await asyncio.wait(left, timeout=within)
        for task in stuck:
            log.error("task.stuck", task=task.get_name())
