"""`RELAY_PROCESSES`: several relays on one port, started, restarted and stopped together.

    serve (this one: no sessions, no listener) --+--> serve --with-parent   RELAY_REUSE_PORT=true
                                                 +--> serve --with-parent   the same port

A child's standard input is our socket: its end asks the child to drain, and so does our own death.
Ending it is the first signal, SIGTERM the second; a service manager that signals the whole group
by itself therefore does not turn one signal into two. The other way the child ticks: one that has
ceased to is hung, while the kernel goes on handing it connections, and is killed.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import FrameType

import structlog

from app.cli.parent import when_parent_ends
from app.cli.running import UNUSABLE, CannotStart, bound
from app.settings import Settings

__all__ = ["run_processes", "when_parent_ends"]

log = structlog.get_logger("relay.processes")

LOOK_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0
"""A child that lived so long died of something new: its next start need not wait."""

SILENT_SECONDS = 10.0
"""A child that ticked once, and then not for so long, is hung."""
LOST_SECONDS = 5.0
"""Where we have not looked for so long we were stopped ourselves, and the children perhaps too."""


def run_processes(settings: Settings, environ: dict[str, str]) -> None:
    """Runs until a signal has ended all of them. Raises `CannotStart` where one cannot start."""
    with contextlib.closing(_reserved(settings)) as port, _signals() as told:
        number = port.getsockname()[1]
        children = [
            Child(index, environ | _settings_of(settings, number, index))
            for index in range(settings.processes)
        ]
        log.info("processes.started", processes=len(children), port=number)
        _watch(children, told)
    if any(child.unusable for child in children):
        raise CannotStart("The processes cannot start: the lines above say why.")


def _reserved(settings: Settings) -> socket.socket:
    """The port, bound and never listened on: it stays ours while children come and go."""
    return bound(settings.host, settings.port, "RELAY_HOST", "RELAY_PORT", reuse=True, listen=False)


def _settings_of(settings: Settings, port: int, index: int) -> dict[str, str]:
    own = {"RELAY_PROCESSES": "1", "RELAY_REUSE_PORT": "true", "RELAY_PORT": str(port)}
    if settings.admin_port is not None:
        own["RELAY_ADMIN_PORT"] = str(settings.admin_port and settings.admin_port + index)
    return own


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that came, in order, while the block runs."""
    told: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    usual = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _watch(children: list[Child], told: list[int]) -> None:
    passed_on = 0
    while any(child.lives() for child in children) or not told:
        if not told and any(child.unusable for child in children):
            told.append(signal.SIGTERM)  # it would not start a second time either
        for _ in told[passed_on:]:
            passed_on += 1
            for child in children:
                child.stop(now=passed_on > 1)
        now = time.monotonic()
        for child in children:
            child.listen(now)
            if not told:
                child.keep(now)
        time.sleep(LOOK_SECONDS)


class Child:
    """One relay process, kept alive until it is told to stop."""

    def __init__(self, index: int, environ: dict[str, str]) -> None:
        self._index = index
        self._environ = environ
        self._pause = FIRST_PAUSE
        self._due: float | None = None
        self._starts = 0
        self._start()

    def _start(self) -> None:
        self._starts += 1
        self._began = self._looked = time.monotonic()
        self._due = None
        self._ticked: float | None = None
        self._pipe, theirs = socket.socketpair()
        self._pipe.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve", "--with-parent"],
                stdin=theirs.fileno(),
                env=self._environ,
                start_new_session=True,  # Ctrl-C is for us, and we pass it on
            )

    def lives(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def unusable(self) -> bool:
        """Whether it could not start as it is set up."""
        return self._starts == 1 and self._process.poll() == UNUSABLE

    def listen(self, now: float) -> None:
        """Hears its ticks; one that is hung is killed, which is for `keep` to notice."""
        ticked = self._heard()
        if ticked or (self._ticked is not None and now - self._looked > LOST_SECONDS):
            self._ticked = now
        self._looked = now
        if self._ticked is None or now - self._ticked < SILENT_SECONDS or not self.lives():
            return
        log.error("process.hung", process=self._index, silent_s=round(now - self._ticked, 1))
        self._ticked = None
        self._process.kill()

    def _heard(self) -> bool:
        try:
            return bool(self._pipe.recv(4096))
        except OSError:  # nothing yet, or gone
            return False

    def keep(self, now: float) -> None:
        """Starts it again where it has died, after a pause that grows while it dies young."""
        if self.lives() or self.unusable:
            return
        if self._due is None:
            if now - self._began >= STEADY_SECONDS:
                self._pause = FIRST_PAUSE
            self._due = now + self._pause
            status = self._process.returncode
            log.error("process.died", process=self._index, status=status, again_in=self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        elif now >= self._due:
            self._pipe.close()
            self._start()

    def stop(self, *, now: bool) -> None:
        """Asks it to drain; `now`: to end at once."""
        with contextlib.suppress(OSError):
            self._pipe.shutdown(socket.SHUT_WR)  # its ticks are still heard
        if now and self.lives():
            self._process.send_signal(signal.SIGTERM)
