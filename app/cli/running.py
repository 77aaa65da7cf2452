"""Runs the public listener until it is told to stop; shared by `serve` and `demo`."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from app.main import create
from app.server import RelayServer, make_config
from app.settings import Settings, SettingsError, load
from app.telemetry.logs import configure

errors = Console(stderr=True, highlight=False, soft_wrap=True)

UNUSABLE = 2
"""Exit status when the relay cannot start as it is set up."""


class CannotStart(Exception):  # noqa: N818  (it is an answer, not a fault)
    """The command ends here; the sentences say what is wrong and how to mend it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def read_settings(
    environ: dict[str, str], *, env_file: Path | None = Path(".env"), **given: Any
) -> Settings:
    """The settings of this process, or `CannotStart` with every problem."""
    try:
        return load(environ, env_file=env_file, **given)
    except SettingsError as error:
        raise CannotStart(*error.problems) from None


def program() -> str:
    """How a person on this machine types the command: its name where it is on the PATH, else the
    way to it."""
    here = Path(sys.prefix) / "bin" / "realtime-relay"
    found = shutil.which("realtime-relay")
    if not here.exists() or (found and Path(found).resolve() == here.resolve()):
        return "realtime-relay"
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)


def say(stopped: CannotStart) -> int:
    """Prints why the command stopped; returns its exit status."""
    for sentence in stopped.sentences:
        errors.print(f"[red]✗[/red] {_plain(sentence)}")
    return UNUSABLE


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def configure_logs(settings: Settings) -> None:
    """Logs as the operator wants them."""
    configure(settings.log_format and settings.log_format.value, settings.log_level.value)


def run_listener(settings: Settings, started: Callable[[str], None]) -> None:
    """Serves until a signal and a drain have ended it. `started` gets the address people open."""
    try:
        product = create(settings)
    except ValueError as error:
        raise CannotStart(str(error)) from None
    with contextlib.closing(_listener(settings)) as listener:
        port = listener.getsockname()[1]
        tls = None
        if settings.tls_cert_file and settings.tls_key_file:
            tls = (str(settings.tls_cert_file), str(settings.tls_key_file))
        config = make_config(
            product.app,
            host=settings.host,
            port=port,
            wire_limits=settings.client_wire_limits(),
            tls=tls,
        )
        scheme = "https" if tls else "http"
        server = RelayServer(
            config,
            product.registry,
            settings.drain_seconds,
            started=lambda: started(f"{scheme}://{_shown(settings.host)}:{port}"),
        )
        server.run(sockets=[listener])


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise CannotStart(_why_not(settings, error)) from None


def _why_not(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: it is taken, perhaps by another relay. "
            "RELAY_PORT=0 takes a free port."
        )
    return (
        f"Cannot listen on {where} ({os.strerror(error.errno or 0)}). Choose another port with "
        "RELAY_PORT, or another address with RELAY_HOST."
    )


def _shown(host: str) -> str:
    """The host as a person on this machine types it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (shown, not bound)
        return "localhost"
    return f"[{host}]" if ":" in host else host
