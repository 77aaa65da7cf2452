"""A spawner for tests: it knows every task that it made."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Spawner:
    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def __call__(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        return task

    @property
    def live(self) -> list[asyncio.Task[None]]:
        return [task for task in self.tasks if not task.done()]

    def failures(self) -> list[BaseException]:
        ended = [task for task in self.tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]
