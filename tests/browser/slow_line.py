"""A slow connection: a TCP relay with small buffers that lets few bytes a second reach the client.

browser  <== slow ==  slow_line  <===  product
         ===========>            ====>
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

SMALL = 4096
"""Bytes of socket buffer, so that the product feels the slowness instead of the kernel."""


@asynccontextmanager
async def slow_line(address: str, *, bytes_per_second: int) -> AsyncIterator[str]:
    """Yields an address that leads to `address`, slowly. All connections end with the block."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    host, port = parts.hostname, parts.port
    open_: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        task.add_done_callback(open_.discard)
        plug = socket.create_connection((host, port), timeout=5)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        plug.setblocking(False)
        far_reader, far_writer = await asyncio.open_connection(sock=plug, limit=SMALL)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, far_writer, 0))
                both.create_task(_carry(far_reader, writer, bytes_per_second))
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        server.close()
        for task in tuple(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_per_second: int
) -> None:
    """Carry bytes one way until it ends; 0 bytes a second means without delay."""
    try:
        while data := await reader.read(2048):
            writer.write(data)
            await writer.drain()
            if bytes_per_second:
                await asyncio.sleep(len(data) / bytes_per_second)
        writer.write_eof()
    except OSError:
        pass  # either side may leave at any time
