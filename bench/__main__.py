"""Runs the benchmark: `python -m bench [--quick] [--workloads voice,up] [--peers ours,haproxy]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.load_tools import CannotMeasure, build, upstream
from bench.peers import PEERS, Peer
from bench.report import Figures, figure, picture, table
from bench.workloads import LOAD_CORE, PEER_CORE, Sample, Workload, scale, workloads

SCALE = (1, 30, 100, 300, 1000)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="prove that it runs; measure little")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each peer (median)")
    parser.add_argument("--peers", default="direct,ours,haproxy,nginx,usual")
    parser.add_argument("--workloads", default="", help="names, comma separated; all by default")
    parser.add_argument("--scale", action="store_true", help="voice at 1 to 1,000 sessions")
    parser.add_argument("--anyway", action="store_true", help="count disturbed runs too: a sketch")
    parser.add_argument("--out", type=Path, default=Path("artifacts/bench"))
    return parser.parse_args()


def measure(workload: Workload, peers: list[str], rounds: int, *, anyway: bool) -> Figures:
    """Interleaved: every peer once, then every peer again; a fresh process for each run."""
    samples: dict[str, list[Sample]] = {name: [] for name in peers}
    for number in range(rounds):
        for name in peers if number % 2 == 0 else reversed(peers):
            with ExitStack() as stack:
                load = stack.enter_context(upstream(LOAD_CORE))
                peer: Peer = stack.enter_context(PEERS[name](PEER_CORE, load.port))
                samples[name].append(workload.run(load, peer))
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return {name: figure(ran, anyway=anyway) for name, ran in samples.items() if name != "direct"}


def run() -> int:
    """The whole benchmark; its exit status."""
    asked = arguments()
    if (os.cpu_count() or 1) < 2:
        raise CannotMeasure("Two cores are needed: one for the load tools, one for the peer.")
    rounds = 1 if asked.quick else asked.rounds
    chosen = scale(SCALE, 5.0) if asked.scale else workloads(quick=asked.quick)
    names = [name for name in asked.workloads.split(",") if name]
    if unknown := set(names) - {one.name for one in chosen}:
        raise CannotMeasure(f"Unknown workloads: {', '.join(sorted(unknown))}.")
    peers = asked.peers.split(",")
    if unknown := set(peers) - set(PEERS):
        raise CannotMeasure(f"Unknown peers: {', '.join(sorted(unknown))}. Known: {list(PEERS)}.")
    build()
    drawn = []
    for workload in chosen:
        if names and workload.name not in names:
            continue
        print(workload.title, end=" ", flush=True, file=sys.stderr)
        figures = measure(workload, peers, rounds, anyway=asked.anyway)
        drawn.append((workload, figures))
        print(table(workload, figures), flush=True)
    title = f"Relays on one core, Python {platform.python_version()}, medians of {rounds} runs"
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / ("scale.svg" if asked.scale else "bench.svg")
    file.write_text(picture(title, drawn))
    print(f"Picture: {file}")
    return 0


def main() -> None:
    """The command; what stops it is said in a sentence."""
    try:
        sys.exit(run())
    except CannotMeasure as stopped:
        print(f"Cannot measure: {stopped}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
