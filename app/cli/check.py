"""`check`: the doctor. Prints the settings, signs in, dials, configures, says what is wrong."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.advice import dial_advice, sign_in_advice
from app.cli.check_store import shared_state
from app.cli.policy_table import begins_with, lines
from app.cli.running import read_settings
from app.parts import make_authenticator, make_credential, make_dialler
from app.policy.policy import Profile
from app.relay.tasks import Tasks
from app.session.commands import End, Note, StartClient, ToUpstream
from app.session.gate import Gate
from app.session.terms import Terms
from app.settings import Settings, Source
from app.settings.policy_remarks import remarks
from app.settings.reading import Reading
from app.settings.settings import abouts
from app.telemetry.logs import configure
from app.upstream.credential import Credential, CredentialUnavailable
from app.upstream.dial import DialFailed
from app.wire.upstream import UpstreamWire
from app.wire.wire import Receiver, WireEnd

out = Console(highlight=False, soft_wrap=True)
SIGN_IN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what, whether it worked, and what to know or to do."""

    what: str
    fine: bool
    said: str
    advice: str = ""


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
        for profile in settings.profile_rule().named():
            if findings[-1].fine:
                findings += await _converse(settings, credential, profile)
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


async def _converse(settings: Settings, credential: Credential, profile: Profile) -> list[Finding]:
    """Dials and lets the session's own judge configure upstream, as for a client of `profile`. A
    user's claims are not known here: placeholders become the empty string."""
    limits = settings.limits()
    dialler = make_dialler(settings, credential)
    began = time.monotonic()
    try:
        wire = await dialler.dial(timeout=limits.setup_seconds)
    except DialFailed as failed:
        said = f"{failed.reason.value}: {failed.detail}"
        return [Finding("dial", False, said, dial_advice(settings, failed.detail))]
    dialled = Finding(
        "dial", True, f"{settings.endpoint().display} in {time.monotonic() - began:.2f} s"
    )
    trial = _Trial(settings, wire, profile)
    try:
        async with asyncio.timeout(limits.setup_seconds):
            finding = await trial.outcome
    except TimeoutError:
        said = "upstream accepted the connection but did not take our session.update in time"
        finding = Finding(f"configuration of profile {profile.value}", False, said)
    finally:
        trial.leave()
        await asyncio.wait([trial.gone], timeout=7.0)
    return [dialled, finding]


class _Trial(Receiver):
    """A session without a client: until the moment when a client could speak."""

    def __init__(self, settings: Settings, wire: UpstreamWire, profile: Profile) -> None:
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Finding] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._notes: list[str] = []
        self._wire = wire
        self._profile = profile
        terms = Terms(
            session_id="check",
            seed="check",
            policy=settings.policy(profile),
            configuration=settings.configuration(profile).for_user(lambda _claim: None),
            limits=settings.limits(),
            expires_at=0,
            model="check",
            upstream_dialect=settings.endpoint().dialect,
        )
        self._gate = Gate(terms, loop.time())
        self._gate.on_client_attached(loop.time())
        self._gate.on_upstream_ready(0)
        wire.attach(self)
        wire.start()

    def leave(self) -> None:
        """Says goodbye to upstream."""
        self._wire.close(1000, "")

    def on_frame(self, frame: bytes) -> None:
        for command in self._gate.on_upstream(0, frame, asyncio.get_running_loop().time()):
            match command:
                case ToUpstream(_, update):
                    self._wire.send(update)
                case Note(kind, fields):
                    self._notes.append(f"{kind} {fields}")
                case StartClient():
                    self._settle(True, "upstream took our session.update; a session can begin")
                case End(reason):
                    self._settle(False, f"{reason.value} {'; '.join(self._notes)}")
                case _:
                    pass

    def _settle(self, fine: bool, said: str) -> None:
        if not self.outcome.done():
            what = f"configuration of profile {self._profile.value}"
            self.outcome.set_result(Finding(what, fine, said))

    def on_end(self, end: WireEnd) -> None:
        self._settle(False, f"upstream ended the connection ({end.fault.value}, {end.code})")

    def on_pressure(self, full: bool) -> None:
        """A few small frames never fill the buffer."""

    def on_closed(self) -> None:
        self.gone.set_result(None)

    def on_error(self, error: Exception) -> None:
        self._settle(False, f"internal error: {error}")
