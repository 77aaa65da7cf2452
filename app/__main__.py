"""The command line: `realtime-relay COMMAND` (or `python -m app COMMAND`)."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from app import __version__
from app.cli.running import CannotStart, program, say

cli = typer.Typer(
    help="A trusted middle tier for the Azure OpenAI Realtime API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")]


@cli.command()
def serve(
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="Drain when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Run the relay. Everything is set by environment variables or a .env file."""
    from app.cli.serve import serve

    serve(dict(os.environ), with_parent=with_parent)


@cli.command()
def demo(port: Port = None, as_json: Json = False) -> None:
    """Run everything on this machine, with no account.

    Relay, embedded upstream and demo page; users sign in with names that are believed.
    """
    from app.cli.demo import demo

    demo(dict(os.environ), port=port, as_json=as_json)


@cli.command()
def check(
    everything: Annotated[bool, typer.Option("--all", help="Show defaults too.")] = False,
) -> None:
    """Say what is wrong: settings, sign-in, upstream.

    Prints what is set and the policy in force, signs in as the relay would, dials upstream and
    lets it take the configuration. Exit status 0: a session can begin.
    """
    from app.cli.check import check

    raise typer.Exit(check(dict(os.environ), everything=everything))


policy = typer.Typer(help="Explain what the policy does.", no_args_is_help=True)
cli.add_typer(policy, name="policy")


@policy.callback()
def _policy() -> None:
    """Explain what the policy does."""


@policy.command()
def explain(
    event: Annotated[
        str, typer.Argument(help="A file with one client event; - is standard input.")
    ],
    profile: Annotated[
        str | None, typer.Option(help="locked, guided or open; by default what is set up.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Print the verdict on an event, the rule, and the bytes that would go upstream.

    The exit status is 0 if there is no error (it goes on, or the relay answers), 1 if it is
    refused, 2 if it is no event.
    """
    from app.cli.policy import explain_event

    raise typer.Exit(explain_event(dict(os.environ), event, profile=profile, as_json=as_json))


@cli.command()
def simulate(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8090,
    key: Annotated[str | None, typer.Option(help="Key to demand; random by default.")] = None,
    session_seconds: Annotated[float, typer.Option(help="When sessions expire.")] = 1800.0,
    pace: Annotated[
        float, typer.Option(help="Audio out as a multiple of real time; 0: all at once.")
    ] = 4.0,
    conversation_created: Annotated[
        bool, typer.Option(help="Send conversation.created after session.created.")
    ] = False,
    control: Annotated[bool, typer.Option(help="Open GET /control/journal.")] = False,
    as_json: Json = False,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Run the embedded upstream alone.

    For frontend teams: it speaks the protocol with no account and no key of Azure's.
    """
    from app.cli.simulate import banner
    from app.simulator.options import Options
    from app.simulator.server import run

    given = {} if key is None else {"key": key}
    options = Options(
        port=port,
        session_seconds=session_seconds,
        pace=pace or None,
        conversation_created=conversation_created,
        control=control,
        stop_with_parent=with_parent,
        **given,  # type: ignore[arg-type]
    )

    def announce(line: str) -> None:
        if as_json:
            typer.echo(line)
            return
        typer.echo(banner(json.loads(line), program()))

    try:
        run(options, announce)
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on 127.0.0.1:{port} ({os.strerror(error.errno or 0)}). Choose another "
            "port with --port (0 takes a free one)."
        ) from None


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry of the console script: problems become sentences and an exit status."""
    try:
        cli()
    except CannotStart as stopped:
        raise SystemExit(say(stopped)) from None


if __name__ == "__main__":
    main()
