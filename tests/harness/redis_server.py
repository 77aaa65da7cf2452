"""A real Redis for one test: on a free loopback port, keeping nothing on disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MISSING = "There is no redis-server here: 'apt-get install redis-server' brings it."


@dataclass
class RedisServer:
    """`url` is where it listens, also after a restart. Ends with its context."""

    binary: str
    port: int
    folder: Path
    options: tuple[str, ...] = ()
    scheme: str = "redis"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    async def start(self, within: float = 10.0) -> None:
        """Starts it, empty, and waits until it answers on its socket."""
        self._spawn()
        assert self.process is not None
        async with asyncio.timeout(within):
            while not self._answers():
                assert self.process.poll() is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.02)

    def _spawn(self) -> None:
        port = ("--tls-port" if self.scheme == "rediss" else "--port", str(self.port))
        command = [self.binary, *port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(self.folder), "--unixsocket", str(self.folder / "redis.sock")]
        if self.scheme == "rediss":
            command += ["--port", "0"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL: all is lost, and connections are reset."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def restart(self) -> None:
        """Killed, and back empty at the same address."""
        self.kill()
        await self.start()

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """What Redis answers, as it stands on the wire (at most 64 KiB of it)."""
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(2)
            plain.connect(str(self.folder / "redis.sock"))
            parts = b"".join(b"$%d\r\n%b\r\n" % (len(w.encode()), w.encode()) for w in words)
            plain.sendall(b"*%d\r\n%b" % (len(words), parts))
            return plain.recv(65536)

    def _answers(self) -> bool:
        try:
            return self.command("PING")[:1] in b"+-"  # an error too: it may want a password
        except OSError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        assert self.process.poll() is None
        os.kill(self.process.pid, number)


@asynccontextmanager
async def redis_server(*options: str, scheme: str = "redis") -> AsyncIterator[RedisServer]:
    """A running Redis with `options` of its command line. Without the binary the test is skipped,
    but in CI it fails."""
    binary = shutil.which("redis-server")
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    # its socket's path may hold 107 bytes, which a test's own folder can exceed
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(binary, free_port(), Path(folder), options, scheme)
        try:
            await server.start()
            yield server
        finally:
            server.kill()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
