"""What a process and its children cost: processor time, waiting for a core, memory. Linux only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

DISTURBED = 0.06
"""Share of the wall time that a peer may wait for its core: beyond, the machine is judged."""


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found, look = [], [pid]
    while look:
        one = look.pop()
        found.append(one)
        for task in _tasks(one):
            try:
                look += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue  # it has just ended
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


@dataclass(frozen=True)
class Spent:
    """Seconds on a core, waiting for one, and of wall time."""

    cpu: float
    waited: float
    wall: float

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.cpu - before.cpu, self.waited - before.waited, self.wall - before.wall)

    @property
    def disturbed(self) -> bool:
        """Whether others had the core too often for the figure to be fair."""
        return self.waited > DISTURBED * self.wall


def spent(pid: int) -> Spent:
    """So far, by the scheduler's own nanoseconds (`/proc/PID/task/*/schedstat`)."""
    cpu = waited = 0
    for one in family(pid):
        for task in _tasks(one):
            try:
                running, waiting, _ = (task / "schedstat").read_text().split()
            except OSError:
                continue
            cpu += int(running)
            waited += int(waiting)
    return Spent(cpu / 1e9, waited / 1e9, time.monotonic())


def memory(pid: int) -> float:
    """Bytes that the process and its children hold (proportional set size)."""
    total = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return float(total)
