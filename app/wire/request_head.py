"""The head of an HTTP request under limits: measured before it is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

_HEAD_END = re.compile(rb"\n\r?\n")  # h11 takes bare line feeds too
_LENIENT = re.compile(rb"(?<!\r)\n|\n[ \t]")
"""What h11 takes, and others read in another way: behind a proxy that passes it on, the two would
not agree where a line or a request ends."""

_BARE = "A line of the request head ends without a carriage return (RFC 9112, section 2.2)."
_FOLDED = "A header line is folded (RFC 9112, section 5.2): write it as one line."
_VERSIONS = (b"1.0", b"1.1")  # h11 takes any two digits, HTTP/2's preface among them


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Limits of one request. Sizes in bytes, durations in seconds.

    `head_seconds` runs from connecting, or from a later request's first byte, to the end of the
    head; `body_seconds` from there to the end of the body; `linger_seconds` is how long a refused
    peer may take to read why; `unread_seconds` how long an answer may wait for a peer that does not
    read it; `pipelined` how many requests in a row may come before the answer to the one before.
    """

    head: int = 16 * 1024
    line: int = 8 * 1024
    headers: int = 100
    head_seconds: float = 5.0
    body_seconds: float = 10.0
    linger_seconds: float = 2.0
    unread_seconds: float = 10.0
    pipelined: int = 4


class LimitedParser(h11.Connection):
    """h11 that measures a head before it parses it. `refusal` is what to answer, once it raised."""

    def __init__(self, limits: HeadLimits) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=limits.head + 1)
        self._limits = limits
        self.refusal: tuple[int, str] | None = None

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state is h11.IDLE:
            self._measure(self.trailing_data[0])
        event = super().next_event()
        if isinstance(event, h11.Request) and event.http_version not in _VERSIONS:
            self._refuse(505, "HTTP/1.1 is spoken here.")
        return event

    def _measure(self, data: bytes) -> None:
        limits = self._limits
        end = _HEAD_END.search(data)
        if end is None and len(data) <= limits.head:
            return  # incomplete: measured when it is whole, or too large
        head = data if end is None else data[: end.start()]
        if end is not None and (found := _LENIENT.search(data, 0, end.end())) is not None:
            self._refuse(400, _BARE if found[0].endswith(b"\n") else _FOLDED)
        first, *rest = head.split(b"\n")
        if len(first) > limits.line:
            self._refuse(414, f"The request line is longer than {limits.line} bytes.")
        if any(len(line) > limits.line for line in rest):
            self._refuse(431, f"A header line is longer than {limits.line} bytes.")
        if len(rest) > limits.headers:
            self._refuse(431, f"The request has more than {limits.headers} header lines.")
        if end is None or end.end() > limits.head:
            self._refuse(431, f"The request head is larger than {limits.head} bytes.")

    def _refuse(self, status: int, text: str) -> None:
        self.refusal = (status, text)
        raise h11.RemoteProtocolError(text, status)
