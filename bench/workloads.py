"""What is measured: each workload, and what one run of it on one peer gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.cost import Spent, memory, spent
from bench.load_tools import CannotMeasure, Upstream, clients
from bench.peers import Peer

LOAD_CORE, PEER_CORE = 0, 1
USERS = ("--path", "/ws", "--header", "Authorization: Bearer dev-user%d")


@dataclass(frozen=True)
class Sample:
    """One run. `value` is in the workload's unit (None for the direct run, which costs nothing);
    `p99` the latency of an audio delta in microseconds."""

    value: float | None
    p99: float | None = None
    disturbed: bool = False


Run = Callable[[Upstream, Peer], Sample]


@dataclass(frozen=True)
class Workload:
    """`unit` is what `value` counts, always the less the better. `judged` is what HAProxy's value
    may be multiplied with at most (accepted, aimed at)."""

    name: str
    title: str
    unit: str
    run: Run
    judged: tuple[float, float] | None = None


PER_EVENT = "CPU microseconds per relayed event"


def per_event(mode: str, *, warm: bool = True, set_up: dict[str, float], **options: Any) -> Run:
    """Processor time of the peer, from "go" to the end, divided by the events it relayed."""

    def run(upstream: Upstream, peer: Peer) -> Sample:
        if warm and peer.pid:
            _load(upstream, peer, mode, set_up, {**options, "seconds": 1, "count": 50})
        return _load(upstream, peer, mode, set_up, options)[0]

    return run


def _load(
    upstream: Upstream, peer: Peer, mode: str, set_up: dict[str, float], options: dict[str, Any]
) -> tuple[Sample, dict[str, Any]]:
    if "count" in options:
        set_up = {**set_up, "count": options["count"]}
    before = upstream.control(**set_up)
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with clients(LOAD_CORE, peer.port, "--mode", mode, *USERS, *_dashed(arguments)) as load:
        began = spent(peer.pid) if peer.pid else Spent(0, 0, time.monotonic())
        load.go()
        told = load.done()
        cost = (spent(peer.pid) if peer.pid else Spent(0, 0, time.monotonic())) - began
        load.close()
    after = upstream.control()
    _must_be_whole(mode, told, options)
    relayed = told["messages"] + after["appends"] - before["appends"]
    value = cost.cpu / max(1, relayed) * 1e6 if peer.pid else None
    p99 = told["delta_us"]["p99"] if told["delta_us"]["n"] else None
    return Sample(value, p99, cost.disturbed), told


def _dashed(arguments: list[str]) -> list[str]:
    return [word.replace("_", "-") if word.startswith("--") else word for word in arguments]


def _must_be_whole(mode: str, told: dict[str, Any], options: dict[str, Any]) -> None:
    wanted = options["sessions"]
    if told["opened"] != wanted or told["lost"] or told["errors"]:
        raise CannotMeasure(
            f"{mode}: of {wanted} sessions {told['opened']} opened, {told['lost']} were lost, "
            f"{told['errors']} errors came: {told['trouble']}"
        )
    if mode in {"down", "up"} and told["finished"] != wanted:
        raise CannotMeasure(f"{mode}: only {told['finished']} of {wanted} sessions finished.")


def idle_memory(sessions: int) -> Run:
    """Bytes per session that does nothing, by the growth between a few and many sessions."""

    def run(upstream: Upstream, peer: Peer) -> Sample:
        if not peer.pid:
            return Sample(None)
        upstream.control(pace=0)
        held = []
        for count in (50, sessions):
            options = ("--sessions", str(count), "--seconds", "1")
            with clients(LOAD_CORE, peer.port, "--mode", "idle", *USERS, *options) as load:
                if load.ready["opened"] != count:
                    raise CannotMeasure(f"idle: {load.ready['trouble']}")
                time.sleep(1.0)
                held.append(memory(peer.pid))
                load.go()
                load.done()
                load.close()
        return Sample((held[1] - held[0]) / (sessions - 50) / 1024)

    return run


def churn(sessions: int) -> Run:
    """CPU milliseconds per session that opens, is configured and closes."""

    def run(upstream: Upstream, peer: Peer) -> Sample:
        upstream.control(pace=0)
        options = ("--sessions", str(sessions), "--at-once", "10")
        with clients(LOAD_CORE, peer.port, "--mode", "churn", *USERS, *options) as load:
            began = spent(peer.pid) if peer.pid else Spent(0, 0, time.monotonic())
            load.go()
            told = load.done()
            cost = (spent(peer.pid) if peer.pid else Spent(0, 0, time.monotonic())) - began
            load.close()
        _must_be_whole("churn", told, {"sessions": sessions})
        value = cost.cpu / sessions * 1e3 if peer.pid else None
        return Sample(value, None, cost.disturbed)

    return run


def others_latency(mode: str, sessions: int, seconds: float) -> Run:
    """p99 of the audio deltas' latency, of the sessions beside one that stalls or floods."""

    def run(upstream: Upstream, peer: Peer) -> Sample:
        options = {"sessions": sessions, "seconds": seconds}
        calm, _ = _load(upstream, peer, "voice", VOICE, options)
        upset, _ = _load(upstream, peer, mode, VOICE, {**options, "upset": 1})
        if not calm.p99 or not upset.p99:
            raise CannotMeasure(f"{mode}: no audio came.")
        return Sample(upset.p99 / calm.p99, upset.p99, calm.disturbed or upset.disturbed)

    return run


VOICE: dict[str, float] = {"size": 8192, "pace": 3, "burst": 16, "cycle": 2000, "sums": 0}
SATURATED: dict[str, float] = {"pace": 0, "sums": 0}


def workloads(*, quick: bool) -> list[Workload]:
    """All of them; `quick` proves that they run and measures little."""
    few, short = (20, 1.0) if quick else (300, 8.0)
    large, tiny = (50, 200) if quick else (3000, 40000)
    return [
        Workload(
            "voice",
            f"Voice, {few} sessions",
            PER_EVENT,
            per_event("voice", set_up=VOICE, sessions=few, seconds=short),
            (1.3, 1.1),
        ),
        Workload(
            "large",
            "8 KB deltas, saturated",
            PER_EVENT,
            per_event("down", set_up={**SATURATED, "size": 8192}, sessions=8, count=large),
            (0.9, 0.55),
        ),
        Workload(
            "huge",
            "30 KB deltas, saturated",
            PER_EVENT,
            per_event("down", set_up={**SATURATED, "size": 30000}, sessions=8, count=large // 3),
        ),
        Workload(
            "small",
            "100 byte deltas, saturated",
            PER_EVENT,
            per_event("down", set_up={**SATURATED, "size": 100}, sessions=8, count=tiny),
        ),
        Workload(
            "up",
            "6.4 KB appends, saturated",
            PER_EVENT,
            per_event("up", set_up=SATURATED, sessions=8, count=large),
        ),
        Workload(
            "idle", "Idle session", "KB of memory per session", idle_memory(100 if quick else 1000)
        ),
        Workload("churn", "Opening", "CPU ms per session", churn(30 if quick else 600)),
        Workload(
            "stall",
            "Others beside one that reads nothing",
            "p99 by the quiet p99",
            others_latency("stall", 20 if quick else 100, short),
        ),
        Workload(
            "flood",
            "Others beside one that floods",
            "p99 by the quiet p99",
            others_latency("flood", 20 if quick else 100, short),
        ),
    ]


def scale(counts: tuple[int, ...], seconds: float) -> list[Workload]:
    """The voice workload at growing numbers of sessions."""
    return [
        Workload(
            f"voice-{count}",
            f"{count} sessions",
            PER_EVENT,
            per_event("voice", set_up=VOICE, sessions=count, seconds=seconds),
        )
        for count in counts
    ]
