"""One peer that sends, or does not read, without end: the others must not notice."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from tests.harness.client import client
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes


async def test_a_flood_of_tiny_frames_keeps_nobody_from_coming_in() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address) as relay,
        client(relay.address, user="flooder") as bad,
    ):
        await bad.until("session.created")
        mask = bytes(4)
        tiny = bytes([0x81, 0x81]) + mask + b"{"
        transport = bad.socket.transport

        async def flood() -> None:
            for _ in range(200):
                transport.write(tiny * 10_000)
                await asyncio.sleep(0.01)
                while transport.get_write_buffer_size() > 1_000_000:
                    await asyncio.sleep(0.005)

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0.5)
        began = asyncio.get_running_loop().time()
        async with client(relay.address, user="innocent") as me:
            await me.until("session.created")
        took = asyncio.get_running_loop().time() - began
        flooding.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await flooding
        transport.abort()
    assert took < 3, took


async def test_a_client_that_pipelines_requests_and_reads_nothing_is_let_go() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, demo_page="true") as relay,
    ):
        host, port = relay.address.removeprefix("ws://").split(":")
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (host, int(port)))
        await loop.sock_sendall(raw, b"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        connections = relay.server.server_state.connections
        async with asyncio.timeout(5):
            while not connections:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while connections:
                await asyncio.sleep(0.05)
        raw.close()
