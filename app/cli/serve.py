"""`serve`: the relay in production. It refuses a configuration that is not safe."""

from __future__ import annotations

import structlog

from app.cli.running import configure_logs, read_settings, run_listener
from app.settings import AuthMode


def serve(environ: dict[str, str]) -> None:
    """Reads the settings, refuses what is not built or not safe, then serves until a signal."""
    settings = read_settings(environ)
    configure_logs(settings)
    log = structlog.get_logger("relay.serve")
    endpoint = settings.endpoint()
    if settings.auth is AuthMode.DEV:
        log.warning("auth.dev", hint="whoever says dev-NAME is believed: not for the Internet")

    def started(address: str) -> None:
        log.info("listening", address=address, upstream=endpoint.display)

    run_listener(settings, started)
