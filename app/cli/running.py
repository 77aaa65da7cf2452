"""Runs the public listener until it is told to stop; shared by `serve` and `demo`."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from app.main import Product, create
from app.server import BACKLOG, AdminServer, RelayServer, make_admin_config, make_config
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


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people open the relay, and where its operator does (None: nowhere)."""

    public: str
    admin: str | None


def run_listener(
    settings: Settings,
    started: Callable[[Addresses], None],
    watch: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serves until a signal and a drain have ended it. `started` gets the addresses; `watch` is
    handed what begins the drain, for whoever wants to do that from elsewhere."""
    try:
        product = create(settings)
    except ValueError as error:
        raise CannotStart(str(error)) from None
    with contextlib.ExitStack() as listeners:
        listener = listeners.enter_context(contextlib.closing(_listener(settings)))
        port = listener.getsockname()[1]
        admin, admin_address = _admin(settings, product, listeners)
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
        public = f"{'https' if tls else 'http'}://{_shown(settings.host)}:{port}"
        server = RelayServer(
            config,
            product.registry,
            settings.drain_seconds,
            started=lambda: started(Addresses(public, admin_address)),
            admin=admin,
        )
        if watch is not None:
            watch(server.begin_drain)
        server.run(sockets=[listener])


def _admin(
    settings: Settings, product: Product, listeners: contextlib.ExitStack
) -> tuple[AdminServer | None, str | None]:
    """The operator's listener and its address, where there is one."""
    if product.admin is None or settings.admin_port is None:
        return None, None
    host = settings.admin_host
    listener = listeners.enter_context(
        contextlib.closing(bound(host, settings.admin_port, "RELAY_ADMIN_HOST", "RELAY_ADMIN_PORT"))
    )
    port = listener.getsockname()[1]
    config = make_admin_config(product.admin, host=host, port=port)
    return AdminServer(config, listener), f"http://{_shown(host)}:{port}"


def _listener(settings: Settings) -> socket.socket:
    return bound(
        settings.host, settings.port, "RELAY_HOST", "RELAY_PORT", reuse=settings.reuse_port
    )


def bound(
    host: str,
    port: int,
    host_variable: str,
    port_variable: str,
    *,
    reuse: bool = False,
    listen: bool = True,
) -> socket.socket:
    """A socket at that address, or `CannotStart`. `reuse`: others of ours may have it too."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if found.family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((host, port))
        if listen:
            found.listen(BACKLOG)
    except (OSError, AttributeError) as error:  # AttributeError: a system without SO_REUSEPORT
        found.close()
        raise CannotStart(_why_not(f"{host}:{port}", host_variable, port_variable, error)) from None
    return found


def _why_not(where: str, host: str, port: str, error: OSError | AttributeError) -> str:
    if not isinstance(error, OSError):
        return "This system lets no two processes share a port: leave RELAY_REUSE_PORT out."
    if error.errno == errno.EADDRINUSE:
        return (
            f"Cannot listen on {where}: it is taken, perhaps by another relay. "
            f"{port}=0 takes a free port."
        )
    return (
        f"Cannot listen on {where} ({os.strerror(error.errno or 0)}). Choose another port with "
        f"{port}, or another address with {host}."
    )


def _shown(host: str) -> str:
    """The host as a person on this machine types it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (shown, not bound)
        return "localhost"
    return f"[{host}]" if ":" in host else host
