"""`serve`: the relay in production. It refuses a configuration that is not safe."""

from __future__ import annotations

import asyncio

import structlog

from app.cli.parent import PULSE
from app.cli.processes import run_processes, when_parent_ends
from app.cli.running import Addresses, configure_logs, read_settings, run_listener
from app.open_files import raise_limit
from app.settings import AuthMode
from app.settings.policy_remarks import remarks


def serve(environ: dict[str, str], *, with_parent: bool = False) -> None:
    """Reads the settings, refuses what is not built or not safe, then serves until a signal.
    `with_parent`: drains, too, when standard input ends."""
    settings = read_settings(environ)
    configure_logs(settings)
    if settings.processes > 1:
        run_processes(settings, environ)
        return
    log = structlog.get_logger("relay.serve")
    endpoint = settings.endpoint()
    if settings.auth is AuthMode.DEV:
        log.warning("auth.dev", hint="whoever says dev-NAME is believed: not for the Internet")
    for remark in remarks(settings):
        log.warning("settings.remark", hint=remark)

    open_files = raise_limit(settings.max_sessions)

    def started(at: Addresses) -> None:
        PULSE.follow(asyncio.get_running_loop())
        log.info(
            "listening",
            address=at.public,
            admin=at.admin or "off",
            upstream=endpoint.display,
            open_files=open_files or "unlimited",
        )

    run_listener(settings, started, when_parent_ends if with_parent else None)
