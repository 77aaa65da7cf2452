"""The embedded upstream in the test's own loop, on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.protocol.names import Dialect
from app.simulator.options import Options
from app.simulator.server import serve


@dataclass(frozen=True)
class Embedded:
    """Where it listens, its key, the journal of what it received, and the whole address that
    clients of each dialect connect to."""

    address: str
    key: str
    journal: Any
    preview_url: str
    ga_url: str


@asynccontextmanager
async def embedded(**given: Any) -> AsyncIterator[Embedded]:
    """Starts it on a free port; `given` are fields of `Options`. No pacing unless asked for."""
    options = Options(**{"pace": None, **given})
    server = await serve(options)
    try:
        yield Embedded(
            f"http://127.0.0.1:{server.port}",
            options.key,
            server.journal,
            server.url(Dialect.PREVIEW),
            server.url(Dialect.GA),
        )
    finally:
        await server.close()
