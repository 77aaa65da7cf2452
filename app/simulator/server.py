"""How the embedded upstream is started: `serve()` on a loop that runs, `run()` as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable

from app.protocol.names import Dialect
from app.simulator.options import Options
from app.simulator.simulator import Simulator

_STDIN = 0


async def serve(options: Options) -> Simulator:
    """Starts an embedded upstream on the running loop. The caller closes it: `await x.close()`,
    or `async with await serve(options) as x`. Raises `OSError` where the port cannot be had."""
    simulator = Simulator(options)
    try:
        await simulator.start()
    except BaseException:
        await simulator.close()
        raise
    return simulator


def run(options: Options, announce: Callable[[str], None]) -> None:
    """Blocks until SIGTERM, SIGINT, or, with `options.stop_with_parent`, the end of standard
    input. `announce` gets one line of JSON, once clients can connect: `address` and `key`, and
    whole URLs as `preview` and `ga`."""
    asyncio.run(_run(options, announce))


async def _run(options: Options, announce: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    if options.stop_with_parent:
        _watch_stdin(loop, stop)
    async with await serve(options) as simulator:
        urls = {dialect.value: simulator.url(dialect) for dialect in Dialect}
        announce(json.dumps({"address": simulator.address, "key": options.key, **urls}))
        await stop.wait()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Sets `stop` when standard input ends, as it does when the parent dies. The thread is a
    daemon that reads the bare descriptor: it can be left behind in a read."""

    def wait_for_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(_STDIN, 4096):
                pass
        # The loop may have closed meanwhile: then there is nothing left to stop.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_end, name="stdin", daemon=True).start()
