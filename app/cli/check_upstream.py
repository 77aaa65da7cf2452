"""What `check` finds upstream: each deployment is dialled and takes the configuration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.cli.advice import dial_advice
from app.parts import make_dials
from app.policy.policy import Profile
from app.relay.dials import Dials
from app.session.commands import End, Note, StartClient, ToUpstream
from app.session.gate import Gate
from app.session.models import USUAL, ModelAlias
from app.session.terms import Terms
from app.settings import Settings
from app.upstream.credential import Credential
from app.upstream.dial import DialFailed
from app.wire.upstream import UpstreamWire
from app.wire.wire import Receiver, WireEnd

GONE_SECONDS = 7.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what, whether it worked, and what to know or to do."""

    what: str
    fine: bool
    said: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment, with the profile whose sessions are tried there. `alias` leads to it, None to
    the usual one."""

    profile: Profile
    alias: ModelAlias | None = None

    @property
    def deployment(self) -> str:
        return USUAL if self.alias is None else self.alias.deployment

    @property
    def configuration(self) -> str:
        """How the attempt to configure is called."""
        return f"configuration of profile {self.profile.value}{self.place}"

    @property
    def place(self) -> str:
        return "" if self.alias is None else f" for alias {self.alias.name}"


async def tried_upstream(settings: Settings, credential: Credential) -> list[Finding]:
    """The usual deployment with each profile, one after the other until one fails, and all that
    aliases name at once. `credential` has been started."""
    dials = make_dials(settings, credential)
    findings: list[Finding] = []
    for profile in settings.profile_rule().named():
        findings += await _converse(settings, dials, Target(profile))
        if not findings[-1].fine:
            break
    others = await asyncio.gather(
        *(_converse(settings, dials, target) for target in _of_aliases(settings))
    )
    return findings + [finding for found in others for finding in found]


def _of_aliases(settings: Settings) -> Iterator[Target]:
    """One target for each deployment that has not been tried yet, with a profile that may ask for
    it; any will do where no user has such a profile."""
    named = list(settings.profile_rule().named())
    tried = {settings.endpoint().deployment}
    for alias in settings.model_aliases:
        if alias.deployment not in tried:
            tried.add(alias.deployment)
            allowed = [profile for profile in named if profile in alias.profiles]
            yield Target((allowed or named)[0], alias)


async def _converse(settings: Settings, dials: Dials, target: Target) -> list[Finding]:
    """Dials and lets the session's own judge configure upstream, as for a client. A user's claims
    are not known here: placeholders become the empty string."""
    limits, endpoint = settings.limits(), settings.endpoint()
    if target.deployment:
        endpoint = replace(endpoint, deployment=target.deployment)
    began = time.monotonic()
    try:
        wire = await dials.dial(timeout=limits.setup_seconds, deployment=target.deployment)
    except DialFailed as failed:
        said = f"{failed.reason.value}: {failed.detail}"
        return [
            Finding(
                f"dial{target.place}",
                False,
                said,
                dial_advice(settings, failed.detail, target.alias),
            )
        ]
    took = time.monotonic() - began
    dialled = Finding(f"dial{target.place}", True, f"{endpoint.display} in {took:.2f} s")
    trial = _Trial(settings, wire, target)
    try:
        async with asyncio.timeout(limits.setup_seconds):
            finding = await trial.outcome
    except TimeoutError:
        said = "upstream accepted the connection but did not take our session.update in time"
        finding = Finding(target.configuration, False, said)
    finally:
        trial.leave()
        await asyncio.wait([trial.gone], timeout=GONE_SECONDS)
    return [dialled, finding]


class _Trial(Receiver):
    """A session without a client: until the moment when a client could speak."""

    def __init__(self, settings: Settings, wire: UpstreamWire, target: Target) -> None:
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Finding] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._notes: list[str] = []
        self._wire = wire
        self._what = target.configuration
        profile = target.profile
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
            self.outcome.set_result(Finding(self._what, fine, said))

    def on_end(self, end: WireEnd) -> None:
        self._settle(False, f"upstream ended the connection ({end.fault.value}, {end.code})")

    def on_pressure(self, full: bool) -> None:
        """A few small frames never fill the buffer."""

    def on_closed(self) -> None:
        self.gone.set_result(None)

    def on_error(self, error: Exception) -> None:
        self._settle(False, f"internal error: {error}")
