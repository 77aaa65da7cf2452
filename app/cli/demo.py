"""`demo`: relay, embedded upstream and demo page, with no account and no key."""

from __future__ import annotations

import json

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from app.cli.running import Addresses, configure_logs, program, read_settings, run_listener
from app.cli.simulate import embedded_upstream
from app.open_files import raise_limit
from app.settings import Settings

out = Console(highlight=False)

UNLESS_SET = {
    "session_instructions": (
        ("RELAY_SESSION_INSTRUCTIONS", "RELAY_SESSION_INSTRUCTIONS_FILE"),
        "You are the demo of the realtime relay. Answer briefly and kindly.",
    ),
    "session_transcription_model": (("RELAY_SESSION_TRANSCRIPTION_MODEL",), "whisper-1"),
    "max_sessions_per_user": (("RELAY_MAX_SESSIONS_PER_USER",), "20"),
    "openings_per_minute": (("RELAY_OPENINGS_PER_MINUTE",), "120"),
    "drain_seconds": (("RELAY_DRAIN_SECONDS",), "0"),
    "admin_port": (("RELAY_ADMIN_PORT",), "0"),
}
"""What the demo chooses by itself, by setting, unless one of these variables says otherwise."""


def demo(environ: dict[str, str], *, port: int | None = None, as_json: bool = False) -> None:
    """Starts everything and prints where to go. `as_json` prints one line for programs.

    A `.env` file and the variables of Azure are for `serve`: the demo leaves them alone.
    """
    environ = {name: value for name, value in environ.items() if not name.startswith("AZURE_")}
    given = {
        "upstream": "embedded",
        "auth": "dev",
        "demo_page": "true",
    }
    given |= {
        field: value
        for field, (variables, value) in UNLESS_SET.items()
        if not any(variable in environ for variable in variables)
    }
    if port is not None:
        given["port"] = str(port)
    if not as_json:
        out.print("Starting the embedded upstream and the relay ...")
    with embedded_upstream() as embedded:
        settings = read_settings(
            environ,
            env_file=None,
            embedded_address=embedded.address,
            embedded_key=embedded.key,
            **given,
        )
        configure_logs(settings)
        raise_limit(settings.max_sessions)

        def started(at: Addresses) -> None:
            if as_json:
                told = {"address": at.public, "admin": at.admin}
                print(json.dumps(told), flush=True)  # noqa: T201
            else:
                out.print(_banner(settings, at))

        run_listener(settings, started)


def _banner(settings: Settings, at: Addresses) -> Panel:
    address = at.public
    rows = Table.grid(padding=(0, 2))
    rows.add_row("Open", f"[bold link={address}]{address}[/]")
    rows.add_row("Upstream", "EMBEDDED: answers on this machine, no account, no model")
    rows.add_row("Policy", f"{settings.profile.value}: what a browser may change (RELAY_POLICY)")
    rows.add_row("Users", "DEV: every bearer dev-NAME is believed; not for the Internet")
    rows.add_row("WebSocket", f"{address.replace('http', 'ws', 1)}/ws")
    rows.add_row("Operator", f"{at.admin}/sessions" if at.admin else "no admin listener")
    rows.add_row("Azure", f"cp .env.example .env, fill it in, {program()} check")
    rows.add_row("Stop", "Ctrl-C")
    return Panel(rows, title="realtime relay", title_align="left", expand=False)
