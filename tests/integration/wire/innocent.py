"""An innocent session beside a hostile one, and the process that serves both, measured."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import Settings
from tests.harness.client import Client, client
from tests.harness.process import Command, environment, run_to_listening
from tests.harness.upstream import Upstream, scripted_upstream
from tests.integration.endings import scenes

EVERY = 0.025
"""Seconds between two appends of the innocent: 40 a second, 10 ms of audio each."""
SOUND = base64.b64encode(bytes(480)).decode()
PAGE = os.sysconf("SC_PAGESIZE")
MIB = 1024 * 1024
ANY_ADMIN_PORT = {"RELAY_ADMIN_PORT": "0"} if "admin_port" in Settings.model_fields else {}


async def answering(upstream: Upstream, over: asyncio.Event) -> None:
    """Answers each append with a delta; after `clear` it talks without end, after `cancel` it
    reads no more until it is `over`."""
    await upstream.greet()
    for event in scenes.response_begins():
        await upstream.emit(event)
    delta = scenes.audio(0)
    small = json.dumps({**delta, "delta": SOUND})
    while True:
        kind = (await upstream.next(within=120))["type"]
        upstream.received.clear()
        if kind == "input_audio_buffer.append":
            await upstream.emit(small)
        elif kind == "input_audio_buffer.clear":
            while True:
                await upstream.emit(delta)
        elif kind == "response.cancel":
            await over.wait()
            return


def rss(pid: int) -> float:
    """Resident memory of a process, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MIB


def p95(seconds: list[float]) -> float:
    """The 95th percentile, in milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.95)] * 1000


@dataclass
class Measured:
    """What was seen during one window: `growth` MiB, `p95` ms."""

    growth: float
    p95: float


@dataclass
class Watched:
    """A relay process with an innocent session that never stops talking."""

    relay: Command
    me: Client
    trips: list[float] = field(default_factory=list)
    _sent: float | None = None

    @property
    def address(self) -> str:
        """What a client dials."""
        return "ws://" + self.relay.address.split("://")[-1]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.relay.address.rsplit(":", 1)[1])

    async def talk(self) -> None:
        """Append, delta, append, ... A trip that takes long counts once, with all its time."""
        append = json.dumps({"type": "input_audio_buffer.append", "audio": SOUND})
        while True:
            self._sent = time.monotonic()
            await self.me.send(append)
            event = await self.me.next(within=30)
            while event["type"] != "response.audio.delta":
                assert event["type"] != "error", event
                event = await self.me.next(within=30)
            took = time.monotonic() - self._sent
            self._sent = None
            self.trips.append(took)
            self.me.seen.clear()
            await asyncio.sleep(EVERY)

    async def window(self, seconds: float) -> Measured:
        """Looks on for a while."""
        self.trips.clear()
        before = most = rss(self.relay.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.04)
            most = max(most, rss(self.relay.pid))
        pending = [] if self._sent is None else [time.monotonic() - self._sent]
        return Measured(most - before, p95(self.trips + pending))


@asynccontextmanager
async def watched(**environ: str) -> AsyncIterator[Watched]:
    """Starts upstream, relay and innocent. The innocent must have been served all the time."""
    over = asyncio.Event()
    async with scripted_upstream(lambda upstream: answering(upstream, over)) as upstream:
        given = environment(
            AZURE_OPENAI_ENDPOINT=upstream.address,
            AZURE_OPENAI_API_KEY="scripted-upstream-key",
            AZURE_OPENAI_DEPLOYMENT="gpt-4o-realtime-preview",
            AZURE_OPENAI_API_VERSION="2024-12-17",
            RELAY_UPSTREAM_AUTH="api-key-header",
            RELAY_AUTH="dev",
            RELAY_PORT="0",
            RELAY_DRAIN_SECONDS="0",
            RELAY_LOG_FORMAT="json",
            **ANY_ADMIN_PORT,
            **environ,
        )
        async with run_to_listening("serve", given) as relay:
            address = "ws://" + relay.address.split("://")[-1]
            async with client(address, user="innocent") as me:
                await me.until("session.created")
                watching = Watched(relay, me)
                talking = asyncio.create_task(watching.talk())
                await asyncio.sleep(1.0)
                try:
                    yield watching
                    assert not talking.done(), talking.exception()
                finally:
                    over.set()
                    talking.cancel()
                    with suppress(asyncio.CancelledError, Exception):
                        await talking
