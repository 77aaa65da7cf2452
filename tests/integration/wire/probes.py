"""The table of hostile sockets: what each sends, which limit answers it, and how soon it is gone.

What each of them does stands in `attacks.py`; `test_probes.py` runs them against a relay process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ARTIFACT = Path(__file__).parents[3] / "artifacts" / "wire-probes.json"
MOST_GROWTH_MIB = 16.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One hostile socket. `attack` is a function of `attacks.py`. `gone` is within how many seconds
    of its beginning the relay must have ended the connection; None: it may stay, for it costs no
    more than any client. `ended` is what the session's line in the log must say; None: there is no
    session, or it goes on."""

    attack: str
    sends: str
    limit: str
    gone: float | None
    ended: str | int | None = None

    @property
    def name(self) -> str:
        """As the table shows it."""
        return self.attack.replace("_", " ")


PROBES = (
    Probe(
        "half_a_frame",
        "half of a 200 KB message, then nothing",
        "no pong: 20 s + 20 s",
        46,
        "client_gone",
    ),
    Probe(
        "stalled_reader",
        "a wish for megabytes, and never reads",
        "no byte leaves for 10 s",
        22,
        "slow_client",
    ),
    Probe(
        "pipelined",
        "requests without end, and never reads",
        "4 requests ahead of their answers; then 2 s",
        6,
        200,
    ),
    Probe(
        "trickled_body", "a body of 1,000 bytes at 10 a second", "the app's 5 s for a body", 14, 408
    ),
    Probe("silent", "nothing", "the head's 5 s", 7),
    Probe(
        "trickled_head", "a head of 4 KB at 10 bytes a second", "the head's 5 s; then 2 s", 9, 408
    ),
    Probe("endless_body", "a body of 1 GB to `/tickets`", "the body's size", 14, 413),
    Probe("header_flood", "200 MiB of header lines of 8 KB", "16 KiB of head; then 2 s", 5, 431),
    Probe(
        "header_crumbs", "200 MiB of header lines of 3 bytes", "100 lines of head; then 2 s", 5, 431
    ),
    Probe("endless_line", "a request line of 200 MiB", "8 KiB a line; then 2 s", 5, 414),
    Probe(
        "refused_and_talking",
        "an upgrade without a credential, then frames without end",
        "the door's 401; then 5 s",
        8,
        401,
    ),
    Probe("odd_upgrades", "28 handshakes that are none, again and again", "an answer to each", 2),
    Probe(
        "ping_flood",
        "pings without end, and never reads",
        "20 a second, 40 at once",
        9,
        "protocol_error",
    ),
    Probe("patient_pings", "18 pings a second, and never reads", "one pong waits, no more", None),
    Probe("pong_flood", "pongs without end", "20 a second, 40 at once", 9, "protocol_error"),
    Probe(
        "empty_fragments",
        "one message in empty fragments, without end",
        "1,024 fragments",
        9,
        "protocol_error",
    ),
    Probe(
        "tiny_fragments",
        "one message in fragments of a byte, without end",
        "1,024 fragments",
        9,
        "protocol_error",
    ),
    Probe(
        "tiny_messages",
        "messages of a byte without end",
        "10 events a second, else refused; ended after 10 s of that",
        None,
    ),
    Probe("one_byte_segments", "good audio, each byte in a segment of its own", "served", None),
    Probe("audio_flood", "good audio as fast as it goes", "twice real time: reading pauses", None),
    Probe(
        "huge_announcement",
        "a message of 2^40 bytes, announced",
        "256 KiB a message",
        9,
        "message_too_big",
    ),
    Probe("binary_flood", "binary messages without end", "none is taken; then 5 s", 9, "binary"),
    Probe(
        "data_after_close",
        "a close frame, then messages without end",
        "closed at once",
        7,
        "client_closed",
    ),
    Probe(
        "stalled_upstream",
        "audio without end to an upstream that does not read",
        "twice real time: reading pauses",
        None,
    ),
)
