"""Two relays, a Redis, an upstream and the lines between them: all real processes, all mortal.

residents --ticket, ws--> relay one, two --line--> upstream (`simulate`)
                               `-------line------> redis-server
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.harness.fault_proxy import FaultProxy, fault_proxy
from tests.harness.process import ROOT, environment
from tests.harness.redis_server import RedisServer, free_port, redis_server

HASH_KEY = "a-key-that-both-relays-know-0123456789"
PER_USER = 2


@dataclass
class Mortal:
    """A process that can be killed, frozen and started again with the same command."""

    command: list[str]
    environ: dict[str, str]
    ready: str
    process: Process | None = None
    said: list[str] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT, env=self.environ,
        )  # fmt: skip
        heard = asyncio.Event()
        self._reader = asyncio.create_task(self._read(self.process, heard))
        async with asyncio.timeout(30):
            await heard.wait()

    async def _read(self, process: Process, heard: asyncio.Event) -> None:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            self.said.append(line)
            if self.ready in line:
                heard.set()

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=5)

    def lines(self, event: str) -> list[dict[str, object]]:
        """The JSON log lines of this kind, of all lives."""
        found = []
        for line in self.said:
            if line.startswith("{") and (entry := json.loads(line)).get("event") == event:
                found.append(entry)
        return found


@dataclass
class City:
    """What stands. `relays` are the ports at which residents knock."""

    redis: RedisServer
    upstream: Mortal
    upstream_port: int
    to_upstream: FaultProxy
    to_redis: FaultProxy
    relays: dict[int, Mortal]

    def disasters(self) -> list[Callable[[], Awaitable[None]]]:
        """Each strikes, lasts some seconds, and is over when it returns."""
        return [
            self._redis_restarts_empty,
            self._redis_freezes,
            self._a_relay_is_killed,
            self._a_relay_freezes,
            self._upstream_is_killed,
            self._upstream_is_cut_off,
            self._redis_is_cut_off,
        ]

    async def _redis_restarts_empty(self) -> None:
        self.redis.kill()
        await asyncio.sleep(1.5)
        await self.redis.start()

    async def _redis_freezes(self) -> None:
        self.redis.freeze()
        await asyncio.sleep(2.5)
        self.redis.thaw()

    async def _a_relay_is_killed(self) -> None:
        relay = random.choice(list(self.relays.values()))
        await relay.kill()
        await asyncio.sleep(0.5)
        await relay.start()

    async def _a_relay_freezes(self) -> None:
        relay = random.choice(list(self.relays.values()))
        relay.signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        relay.signal(signal.SIGCONT)

    async def _upstream_is_killed(self) -> None:
        await self.upstream.kill()
        await asyncio.sleep(1)
        await self.upstream.start()

    async def _upstream_is_cut_off(self) -> None:
        await self.to_upstream.down()
        self.to_upstream.reset()
        await asyncio.sleep(2)
        await self.to_upstream.up()

    async def _redis_is_cut_off(self) -> None:
        await self.to_redis.down()
        self.to_redis.reset()
        await asyncio.sleep(2)
        await self.to_redis.up()


@asynccontextmanager
async def city() -> AsyncIterator[City]:
    """Builds it, and takes it down."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server())
        upstream_port, key = free_port(), "city-key-0123456789"
        upstream = Mortal(
            [sys.executable, "-m", "app", "simulate", "--port", str(upstream_port), "--json",
             "--pace", "0", "--key", key, "--with-parent"],
            environment(),
            ready='"address"',
        )  # fmt: skip
        await _live(stack, upstream)
        to_upstream = await stack.enter_async_context(fault_proxy(upstream_port))
        to_redis = await stack.enter_async_context(fault_proxy(redis.port))
        relays = {}
        for _ in range(2):
            port = free_port()
            given = environment(
                RELAY_UPSTREAM="embedded",
                RELAY_EMBEDDED_ADDRESS=to_upstream.address,
                RELAY_EMBEDDED_KEY=key,
                RELAY_AUTH="dev",
                RELAY_PORT=str(port),
                RELAY_REDIS_URL=f"redis://127.0.0.1:{to_redis.port}/0",
                RELAY_USER_HASH_KEY=HASH_KEY,
                RELAY_MAX_SESSIONS_PER_USER=str(PER_USER),
                RELAY_OPENINGS_PER_MINUTE="1000",
                RELAY_RESPONSES_PER_MINUTE="1000",
                RELAY_ACTS_PER_SECOND="100",
                RELAY_LOG_FORMAT="json",
            )
            relays[port] = Mortal(
                [sys.executable, "-m", "app", "serve"], given, ready='"listening"'
            )
            await _live(stack, relays[port])
        yield City(redis, upstream, upstream_port, to_upstream, to_redis, relays)


async def _live(stack: AsyncExitStack, mortal: Mortal) -> None:
    stack.push_async_callback(mortal.stop)
    await mortal.start()
