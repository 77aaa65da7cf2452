"""`check`: the doctor. Prints the settings, signs in, dials, configures, says what is wrong."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.advice import sign_in_advice
from app.cli.check_store import shared_state
from app.cli.check_upstream import Finding, tried_upstream
from app.cli.policy_table import begins_with, lines
from app.cli.running import read_settings
from app.parts import make_authenticator, make_credential
from app.policy.policy import Profile
from app.relay.tasks import Tasks
from app.settings import Settings, Source
from app.settings.policy_remarks import remarks
from app.settings.reading import Reading
from app.settings.settings import abouts
from app.telemetry.logs import configure
from app.upstream.credential import Credential, CredentialUnavailable

out = Console(highlight=False, soft_wrap=True)
SIGN_IN_SECONDS = 20.0


def check(environ: dict[str, str], *, everything: bool = False) -> int:
    """Returns the exit status: 0 when a session could begin, 1 when not."""
    settings = read_settings(environ)
    configure("console", "error")  # what goes wrong is said below, in better words
    table = Table("setting", "value", "from", box=None, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    for row in settings.describe():
        if everything or row.source is not Source.DEFAULT:
            table.add_row(row.name, row.value, row.source.value)
    out.print(table)
    if not everything:
        out.print("All other settings have their defaults: 'check --all' shows them.")
    _tell_policy(settings, _place(environ), everything=everything)
    findings = asyncio.run(_examine(settings))
    for finding in findings:
        mark = "[green]✓[/green]" if finding.fine else "[red]✗[/red]"
        out.print(f"{mark} {finding.what}: {escape(finding.said)}")
        if finding.advice:
            out.print(f"  → {escape(finding.advice)}")
    return 0 if all(finding.fine for finding in findings) else 1


def _place(environ: dict[str, str]) -> str:
    """The policy file, as the operator named it."""
    found = Reading(Settings, abouts(), environ, Path(".env"), {}).found.get("policy_file")
    return found.place if found else ""


def _tell_policy(settings: Settings, place: str, *, everything: bool) -> None:
    """Who gets which profile, and what its clients may do."""
    rule = settings.profile_rule()
    if place:
        out.print(f"\n{escape(place)} changes the policy; lines below are its lines.")
    if rule.claim is not None:
        for value, profile in rule.by_value.items():
            out.print(f"users with {escape(f'{rule.claim} = {value}')}: {profile.value}")
        out.print(f"everybody else: {rule.everybody_else().value}")
    for profile in rule.named():
        _tell_profile(settings, profile, everything=everything)
    for remark in remarks(settings):
        out.print(f"[yellow]![/yellow] {escape(remark)}")


def _tell_profile(settings: Settings, profile: Profile, *, everything: bool) -> None:
    out.print(f"\n[bold]policy of profile {profile.value}[/bold]")
    if said := "; ".join(begins_with(settings, profile)):
        out.print(f"sessions begin with: {escape(said)}")
    table = Table(box=None, header_style="bold")
    table.add_column("row", no_wrap=True)
    table.add_column("act", no_wrap=True)
    table.add_column("from", no_wrap=True)
    table.add_column("values and notes", overflow="fold")
    for line in lines(settings, profile):
        if everything or line.differs:
            table.add_row(line.row, line.act, line.source, escape(line.values))
    if table.row_count:
        out.print(table, soft_wrap=False)
    if not everything:
        rest = "All other rows are" if table.row_count else "All rows are"
        out.print(f"{rest} as docs/policy.md has them: 'check --all' shows them.")


async def _examine(settings: Settings) -> list[Finding]:
    tasks = Tasks()
    users = await make_authenticator(settings).examine()
    findings = [Finding("sign-in of users", users.fine, users.said)]
    findings.append(Finding("shared state", *await shared_state(settings)))
    try:
        credential = make_credential(settings)
    except ValueError as error:
        return [*findings, Finding("credential", False, str(error))]
    credential.start(tasks.spawn)
    try:
        findings.append(await _sign_in(settings, credential))
        if findings[-1].fine:
            findings += await tried_upstream(settings, credential)
        return findings
    finally:
        await credential.close()
        await tasks.close()


async def _sign_in(settings: Settings, credential: Credential) -> Finding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            await credential.present()
    except CredentialUnavailable as unavailable:
        return Finding("credential", False, unavailable.detail, sign_in_advice(settings))
    except TimeoutError:
        said = f"no answer within {SIGN_IN_SECONDS:.0f} s"
        return Finding("credential", False, said, sign_in_advice(settings))
    return Finding("credential", True, f"ready after {time.monotonic() - began:.2f} s")
