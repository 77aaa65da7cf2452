"""The relays under test: each started alone on its core, in front of the load tools' upstream."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load_tools import CannotMeasure, pinned

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Peer:
    """A running relay: where, and whose cost counts (0: nobody's)."""

    port: int
    pid: int


Start = Callable[[int, int], AbstractContextManager[Peer]]
"""`start(core, upstream_port)`."""

OURS = {
    "RELAY_UPSTREAM_AUTH": "api-key-header",
    "AZURE_OPENAI_API_KEY": "load",
    "AZURE_OPENAI_DEPLOYMENT": "load",
    "AZURE_OPENAI_API_VERSION": "2024-12-17",
    "RELAY_AUTH": "dev",
    "RELAY_LOG_FORMAT": "json",
    "RELAY_SESSION_INSTRUCTIONS": "You are a load test.",
    "RELAY_SESSION_MAX_OUTPUT_TOKENS": "4096",
}
"""The whole policy, limits, counters and logs are on."""

RAISED = {
    "RELAY_MAX_SESSIONS": "20000",
    "RELAY_MAX_SESSIONS_PER_USER": "2",
    "RELAY_MAX_SESSIONS_PER_IP": "20000",
    "RELAY_OPENINGS_PER_MINUTE": "1000000",
    "RELAY_MAX_DIALS_AT_ONCE": "64",
    "RELAY_DIALS_PER_SECOND": "1000",
    "RELAY_EVENTS_PER_SECOND": "10000",
    "RELAY_ACTS_PER_SECOND": "10000",
    "RELAY_AUDIO_SPEED": "10000",
}
"""The numbers of the limits, not the limits: a saturated connection would meet them at once."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def direct(core: int, upstream: int) -> Iterator[Peer]:
    """No relay: what the load tools alone do."""
    del core
    yield Peer(upstream, 0)


def ours(**settings: str) -> Start:
    """`realtime-relay serve`, with more settings where a comparison wants them."""

    @contextmanager
    def start(core: int, upstream: int) -> Iterator[Peer]:
        port = free_port()
        given = {**OURS, **_known(RAISED), **settings}
        given |= {"RELAY_PORT": str(port), "AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{upstream}"}
        with _process(core, port, [sys.executable, "-m", "app", "serve"], given) as peer:
            yield peer

    return start


def _known(wanted: dict[str, str]) -> dict[str, str]:
    """Those that this version has: the same benchmark can measure an older one."""
    manual = (ROOT / ".env.example").read_text()
    return {name: value for name, value in wanted.items() if name in manual}


@contextmanager
def usual(core: int, upstream: int) -> Iterator[Peer]:
    """`bench/usual.py` under uvicorn as it comes."""
    port = free_port()
    options = ["bench.usual:app", "--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", *options]
    environ = {"USUAL_UPSTREAM": f"ws://127.0.0.1:{upstream}/"}
    with _process(core, port, command, environ) as peer:
        yield peer


HAPROXY = """
global
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
listen relay
    bind 127.0.0.1:{port}
    server upstream 127.0.0.1:{upstream}
"""

NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log error;
worker_processes 1;
worker_rlimit_nofile 16000;
events {{ worker_connections 8000; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


def _configured(program: str, text: str, *arguments: str) -> Start:
    @contextmanager
    def start(core: int, upstream: int) -> Iterator[Peer]:
        found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
        if found is None:
            raise CannotMeasure(f"{program} is missing: on Debian, 'apt-get install {program}'.")
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "configuration"
            file.write_text(text.format(port=port, upstream=upstream, folder=folder))
            with _process(core, port, [found, *arguments, str(file)], {}) as peer:
                yield peer

    return start


PEERS: dict[str, Start] = {
    "direct": direct,
    "ours": ours(),
    "haproxy": _configured("haproxy", HAPROXY, "-db", "-f"),
    "nginx": _configured("nginx", NGINX, "-c"),
    "usual": usual,
}


@contextmanager
def _process(core: int, port: int, command: list[str], more: dict[str, str]) -> Iterator[Peer]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            pinned(core, *command), cwd=ROOT, env={**kept, **more}, stdout=said, stderr=said
        )
        try:
            _until_it_listens(port, process)
            yield Peer(port, process.pid)
        except CannotMeasure as stopped:
            said.seek(0)
            raise CannotMeasure(f"{stopped} It said: {said.read()[-2000:].decode()}") from None
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.terminate()  # the second one means: now
                process.wait(20)


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise CannotMeasure(f"A peer ended with status {process.returncode}.")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CannotMeasure("A peer did not begin to listen within 15 s.")
