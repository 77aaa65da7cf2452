"""What a listener does to those who connect and say nothing, and where no descriptor is left."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException

from app import server as serving
from app.main import create
from app.server import RelayServer, make_config
from app.settings import load
from tests.harness.client import client
from tests.harness.leftovers import nothing_left
from tests.harness.process import ROOT, environment, started
from tests.integration.wire.certificates import client_context, self_signed


@asynccontextmanager
async def behind_tls(paths: tuple[str, str]) -> AsyncIterator[int]:
    """The relay with a certificate; its port."""
    settings = load(
        {},
        upstream="embedded",
        embedded_address="http://127.0.0.1:9",
        embedded_key="key",
        auth="dev",
        drain_seconds="0",
    )
    product = create(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        config = make_config(
            product.app,
            host="127.0.0.1",
            port=port,
            wire_limits=settings.client_wire_limits(),
            tls=paths,
        )
        server = RelayServer(config, product.registry, 0)
        running = asyncio.create_task(server._serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield port
        finally:
            server.should_exit = True
            async with asyncio.timeout(15):
                await running


async def test_a_tls_handshake_has_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert serving.TLS_SECONDS == 5.0
    monkeypatch.setattr(serving, "TLS_SECONDS", 0.5)
    paths = self_signed(tmp_path, "127.0.0.1")
    async with nothing_left(), behind_tls(paths) as port:
        loop = asyncio.get_running_loop()
        began = loop.time()
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        silent[0][1].write(b"\x16\x03\x01")  # the beginning of a hello, and no more
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(paths))
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.read()
        writer.close()
        async with asyncio.timeout(5):
            for waiting, _ in silent:
                with suppress(ConnectionResetError):
                    assert await waiting.read() == b""
        assert 0.3 < loop.time() - began < 4
        for _, writer in silent:
            writer.close()


async def test_tls_is_ended_too_when_the_peer_does_not_answer(tmp_path: Path) -> None:
    """A peer that never says goodbye in TLS keeps nothing open for uvicorn's half a minute."""
    paths = self_signed(tmp_path, "127.0.0.1")
    context = client_context(paths)
    assert isinstance(context, ssl.SSLContext)
    async with nothing_left(within=8), behind_tls(paths) as port:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        tls.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        writer.write(outgoing.read())
        async with asyncio.timeout(serving.TLS_SECONDS + 5):
            while await reader.read(65536):
                pass  # neither answered nor closed by us
        writer.transport.abort()


LOW = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
sys.argv = ["app", "demo", "--port", "0", "--json"]
from app.__main__ import main
main()
"""


@asynccontextmanager
async def relay_with_64_descriptors() -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and what it writes to its log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOW, stdout=PIPE, stderr=PIPE, cwd=ROOT,
        env=environment(RELAY_LOG_FORMAT="json", RELAY_MAX_SESSIONS_PER_USER="100"),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(20):
            yield json.loads(await process.stdout.readline())["address"], lines
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            _, err = await process.communicate()
        lines += err.decode().splitlines()


async def test_a_relay_without_descriptors_says_so_and_recovers() -> None:
    async with relay_with_64_descriptors() as (address, lines):
        ws = address.replace("http", "ws", 1)
        async with AsyncExitStack() as stack:
            with suppress(OSError, WebSocketException, TimeoutError):
                for _ in range(40):  # two sockets for each
                    me = await stack.enter_async_context(client(ws, open_timeout=2))
                    await me.until("session.created", within=2)
            for _ in range(4):  # the last ones go to connections that say nothing
                port = int(address.rpartition(":")[2])
                stack.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            await asyncio.sleep(2.5)
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError, WebSocketException, TimeoutError):
                    async with client(ws, user="later", open_timeout=2) as later:
                        await later.until("session.created", within=2)
                        break
                await asyncio.sleep(0.2)
    told = [line for line in lines if '"files.none_left"' in line]
    assert len(told) == 1, lines
    assert "LimitNOFILE" in told[0]
    assert '"files.too_few"' in lines[0]


async def test_the_demo_names_its_admin_listener_to_programs() -> None:
    async with started("demo", "--port", "0", "--json") as relay:
        assert relay.admin.startswith("http://127.0.0.1:")
        assert relay.admin != relay.address
