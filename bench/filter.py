"""How many events a second the filter alone handles on one core: no socket, no TLS, no task.

    python bench/filter.py [--rounds 7] [--events 4000] [--at-least 20000]

Up: `input_audio_buffer.append` of 100 ms of pcm16 (6.5 KB) through `Gate.on_client`: count, decode,
judge, charge, encode. Down: an audio delta of 8 KB through `Gate.on_upstream`. Each figure is the
median of several rounds of processor time, with the slowest and the fastest beside it. Ends with 1
where `--at-least` audio events a second are not reached.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from app.policy.policy import Configuration, Policy
from app.session.commands import ToClient, ToUpstream
from app.session.gate import Gate
from app.session.limits import Limits
from app.session.terms import Terms

NOW = 1_000.0
TARGET = 20_000

# Every meter runs, and none is reached: a pause would only be one more command.
UNHURRIED = Limits(events_per_second=1e9, events_burst=1e9, audio_speed=1e9)


def ready_gate() -> Gate:
    """A gate in the middle of an answer, as in a live session."""
    terms = Terms(
        session_id="sess_bench",
        seed="bench",
        policy=Policy(),
        configuration=Configuration(instructions="Be brief."),
        limits=UNHURRIED,
        expires_at=2_000_000_000,
        model="gpt-4o-realtime-preview",
    )
    gate = Gate(terms, NOW)
    gate.on_client_attached(NOW)
    gate.on_upstream_ready(0)
    item = {"id": "item_a", "type": "message", "role": "assistant", "content": []}
    place = {"response_id": "resp_a", "output_index": 0}
    for event in (
        {"type": "session.created", "session": {}},
        {"type": "session.updated", "session": {"instructions": "Be brief."}},
        {"type": "response.created", "response": {"id": "resp_a", "status": "in_progress"}},
        {"type": "response.output_item.added", **place, "item": item},
    ):
        gate.on_upstream(0, frame(event), NOW)
    return gate


def frame(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def sound(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode()


def cases() -> dict[str, tuple[bytes, bool]]:
    """Frame, and whether it comes from the client."""
    append = {"type": "input_audio_buffer.append", "audio": sound(4_800)}
    place = {"response_id": "resp_a", "item_id": "item_a", "output_index": 0, "content_index": 0}
    delta = {"type": "response.audio.delta", "event_id": "event_1", **place}
    return {
        "append, as browsers write it": (frame(append), True),
        "append, with an event_id": (frame({"event_id": "event_Ab12", **append}), True),
        "append, as Python's json writes it": (json.dumps(append).encode(), True),
        "audio delta": (frame({**delta, "delta": sound(6_000)}), False),
        "transcript delta": (
            frame({**delta, "type": "response.audio_transcript.delta", "delta": " words"}),
            False,
        ),
    }


def rate(gate: Gate, sent: bytes, from_client: bool, events: int) -> float:
    """Events a second of processor time."""
    if from_client:
        give: Callable[[], list[Any]] = lambda: gate.on_client(sent, NOW)  # noqa: E731
    else:
        give = lambda: gate.on_upstream(0, sent, NOW)  # noqa: E731
    (command,) = give()
    assert isinstance(command, ToUpstream if from_client else ToClient), command
    began = time.process_time()
    for _ in range(events):
        give()
    return events / (time.process_time() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description="The filter alone, on one core.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--at-least", type=int, default=TARGET)
    asked = parser.parse_args()
    gate, slowest = ready_gate(), float("inf")
    write = sys.stdout.write
    write(f"{'':36}{'bytes':>8}{'events/s':>11}{'slowest':>11}{'fastest':>11}\n")
    for name, (sent, from_client) in cases().items():
        rates = [rate(gate, sent, from_client, asked.events) for _ in range(asked.rounds)]
        median = statistics.median(rates)
        write(f"{name:36}{len(sent):>8}{median:>11,.0f}{min(rates):>11,.0f}{max(rates):>11,.0f}\n")
        if from_client:
            slowest = min(slowest, median)
    enough = slowest >= asked.at_least
    word = "reaches" if enough else "DOES NOT REACH"
    write(f"The filter {word} {asked.at_least:,} audio events a second on one core.\n")
    return 0 if enough else 1


if __name__ == "__main__":
    raise SystemExit(main())
