"""Calls that may run side by side, and one thing that must run alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Crossing:
    """Many cross at once; whoever wants to be alone waits until the last has left, while new ones
    wait for it. Deadlines are on the loop's clock; one that passes raises TimeoutError before
    anything has begun."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._empty = asyncio.Event()
        self._inside = 0
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def across(self, until: float) -> AsyncIterator[None]:
        """Runs the block beside other crossings."""
        async with asyncio.timeout_at(until):
            while not self._open.is_set():
                await self._open.wait()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def alone(self, until: float) -> AsyncIterator[None]:
        """Runs the block beside nothing else."""
        async with asyncio.timeout_at(until):
            await self._alone.acquire()
        try:
            self._open.clear()
            async with asyncio.timeout_at(until):
                while self._inside:
                    self._empty.clear()
                    await self._empty.wait()
            yield
        finally:
            self._open.set()
            self._alone.release()
