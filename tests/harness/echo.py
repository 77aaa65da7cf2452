"""Our wires as an echo, so that a WebSocket conformance suite can be pointed at them.

    python -m tests.harness.echo --port 9001                      # the client's side, as a server
    python -m tests.harness.echo --as-client ws://127.0.0.1:9002  # the upstream side, as a client

As a server it repeats every text message. As a client it does what a fuzzing server of the
Autobahn|Testsuite's kind asks of its testee: `/getCaseCount`, `/runCase?case=N&agent=NAME` for each
case, `/updateReports?agent=NAME`. Binary messages are refused with 1003, as everywhere in the
relay; the limits are raised so far that the suite's large messages fit.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import uvicorn
import uvloop

from app.wire.browser import browser_wires
from app.wire.handshake import WIRE_EXTENSION
from app.wire.http import HeadLimitedHttp
from app.wire.upstream import Target, Unreachable, connect
from app.wire.wire import CLIENT_WIRE, Wire, WireEnd, WireFault, WireLimits

MIB = 1024 * 1024
LARGE = replace(
    CLIENT_WIRE,
    max_message=16 * MIB,
    max_fragments=256 * 1024,
    max_write_buffer=64 * MIB,
    hold_bytes=MIB,
)
"""The suite's largest message has 16 MiB, its most fragmented one 65,536 fragments."""

CODES = {
    WireFault.BINARY: 1003,
    WireFault.BAD_TEXT: 1007,
    WireFault.TOO_BIG: 1009,
    WireFault.PROTOCOL: 1002,
}
"""How an echo ends a connection in which it found a fault (RFC 6455, section 7.4.1)."""


class Echo:
    """Sends back each message, stops reading while its own words are not taken, and says why it
    ends. `gone` is set at the very end."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.first: bytes | None = None
        self.gone = asyncio.Event()

    def on_frame(self, frame: bytes) -> None:
        if self.first is None:
            self.first = frame
        self.wire.send(frame)

    def on_end(self, end: WireEnd) -> None:
        if end.fault in (WireFault.GONE, WireFault.STALLED):
            self.wire.abort()
        else:
            self.wire.close(CODES.get(end.fault, end.code or 1000), "")

    def on_pressure(self, full: bool) -> None:
        if full:
            self.wire.pause()
        else:
            self.wire.resume()

    def on_closed(self) -> None:
        self.gone.set()

    def on_error(self, error: Exception) -> None:
        print(f"the wire failed: {error!r}", file=sys.stderr)
        self.wire.abort()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application: any WebSocket is taken and echoed; there is nothing else here."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        wire = scope["extensions"][WIRE_EXTENSION]
        wire.attach(Echo(wire))
        wire.start()
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"An echo for WebSockets.\n"})


class Server(uvicorn.Server):
    """uvicorn that leaves the signals to whoever runs it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


async def serve(port: int, started: Callable[[int], None], limits: WireLimits = LARGE) -> None:
    """Echoes on 127.0.0.1 until it is cancelled; `started` is told the port."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=HeadLimitedHttp,
        ws=browser_wires(limits),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.01)
        if server.started:
            started(server.servers[0].sockets[0].getsockname()[1])
        await running
    finally:
        server.should_exit = server.force_exit = True
        await running


async def one_case(url: str, path: str, limits: WireLimits, seconds: float) -> bytes:
    """Dials `path` and echoes until the end; the first message that came."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    target = Target(host, port, path, (), None, f"{host}:{port}")
    echo = Echo(await connect(target, limits, timeout=10))
    echo.wire.attach(echo)
    echo.wire.start()
    try:
        async with asyncio.timeout(seconds):
            await echo.gone.wait()
    finally:
        echo.wire.abort()
    return echo.first or b""


async def be_tested(url: str, agent: str, limits: WireLimits = LARGE) -> int:
    """Runs every case that the fuzzing server has; how many there were. A case that never ends, or
    whose handshake the wire refuses, counts: the server judges."""
    count = int(await one_case(url, "/getCaseCount", limits, 10) or b"0")
    for case in range(1, count + 1):
        try:
            await one_case(url, f"/runCase?case={case}&agent={agent}", limits, 120)
        except (TimeoutError, Unreachable) as error:
            print(f"case {case}: {error!r}", file=sys.stderr)
    await one_case(url, f"/updateReports?agent={agent}", limits, 10)
    return count


async def _serve_until_told(port: int) -> None:
    task = asyncio.ensure_future(serve(port, lambda p: print(f"ws://127.0.0.1:{p}", flush=True)))
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    await asyncio.wait([task])


def main() -> None:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m tests.harness.echo", description=__doc__)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--port", type=int, default=9001, help="where to listen; 0: any")
    command.add_argument("--as-client", metavar="URL", help="dial a fuzzing server instead")
    command.add_argument("--agent", default="realtime-relay", help="the name in its report")
    command.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    given = command.parse_args()
    make = uvloop.new_event_loop if given.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        if given.as_client:
            count = runner.run(be_tested(given.as_client, given.agent))
            print(f"{count} cases")
        else:
            runner.run(_serve_until_told(given.port))


if __name__ == "__main__":
    main()
