"""A TCP proxy on loopback that harms what passes through it, as a test says and while it lives.

dialler <== FaultProxy ==> server        "up" is towards the server, "down" towards the dialler

async with fault_proxy(port) as proxy:
    proxy.faults = Faults(latency=0.1)      # for live connections too, from the next piece on
    proxy.reset()                           # all live connections, once
    await proxy.down()                      # nobody listens any more; live ones are reset
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_PIECE = 64 * 1024
_LOOK = 0.01


@dataclass(frozen=True)
class Faults:
    """What happens to every piece that passes. Durations in seconds.

    `latency`: it comes so much later, each way. `slice_bytes`: it comes in slices of so many bytes,
    each in a segment of its own, `slice_pause` apart. `half_open`: it vanishes, and so does every
    end of file; nothing is closed. `unread_up`: nothing is read from the dialler, whose buffers
    fill. `close_delay`: an end of file is passed on so much later. `limit_down`: after so many
    bytes towards the dialler, counted from a connection's beginning, both ends get an end of file.
    """

    latency: float = 0.0
    slice_bytes: int | None = None
    slice_pause: float = 0.0
    half_open: bool = False
    unread_up: bool = False
    close_delay: float = 0.0
    limit_down: int | None = None


NONE = Faults()


class FaultProxy:
    """Made by `fault_proxy`. `accepted` counts connections, `passed` the bytes (up, down)."""

    def __init__(self, target: int, receive_buffer: int | None = None) -> None:
        self.faults = NONE
        self.accepted = 0
        self.passed = [0, 0]
        self.port = 0
        self._target = target
        self._receive_buffer = receive_buffer
        self._server: asyncio.Server | None = None
        self._live: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """Live connections."""
        return len(self._live)

    async def up(self) -> None:
        """Listens, on the same port as before."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=_PIECE)

    async def down(self) -> None:
        """Resets what lives and refuses what comes."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        if self._live:
            await asyncio.wait(list(self._live), timeout=5)

    def reset(self) -> None:
        """Ends all live connections by a reset, at both ends."""
        for task, writers in list(self._live.items()):
            for writer in writers:
                sock: socket.socket = writer.get_extra_info("socket")
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("fault proxy")
        self.accepted += 1
        writers = self._live[task] = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer, 0))
                pumps.create_task(self._pump(far_reader, writer, 1))
        except* (OSError, asyncio.CancelledError):
            pass  # an end like any other; a cancelled handler would be logged as a failure
        finally:
            for each in writers:
                each.transport.abort() if each.transport.is_closing() else each.close()
            del self._live[task]

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int
    ) -> None:
        total = 0
        while True:
            while self.faults.unread_up and way == 0:
                await asyncio.sleep(_LOOK)
            piece = await reader.read(_PIECE)
            await asyncio.sleep(self.faults.latency)
            if self.faults.half_open:
                if not piece:
                    await self._mended()
                continue
            if not piece:
                await asyncio.sleep(self.faults.close_delay)
                break
            limit = self.faults.limit_down
            cut = way == 1 and limit is not None and total + len(piece) >= limit
            if cut and limit is not None:
                piece = piece[: max(limit - total, 0)]
            total += len(piece)
            await self._pass(piece, writer, way)
            if cut:
                raise ConnectionAbortedError("the limit is reached")
        if writer.can_write_eof() and not writer.transport.is_closing():
            writer.write_eof()

    async def _pass(self, piece: bytes, writer: asyncio.StreamWriter, way: int) -> None:
        size = self.faults.slice_bytes or len(piece) or 1
        for start in range(0, len(piece), size):
            writer.write(piece[start : start + size])
            await writer.drain()
            if self.faults.slice_bytes is not None:
                await asyncio.sleep(self.faults.slice_pause)
        self.passed[way] += len(piece)

    async def _mended(self) -> None:
        """Waits until the line is no longer half open: until then an end of file is lost too."""
        while self.faults.half_open:
            await asyncio.sleep(_LOOK)


@asynccontextmanager
async def fault_proxy(
    target: int, *, receive_buffer: int | None = None
) -> AsyncIterator[FaultProxy]:
    """A proxy before 127.0.0.1:`target`, without faults yet; it ends with all its connections.

    `receive_buffer` (bytes) keeps the kernel from hiding that nobody reads.
    """
    proxy = FaultProxy(target, receive_buffer)
    await proxy.up()
    try:
        yield proxy
    finally:
        await proxy.down()
