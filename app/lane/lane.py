"""Takes simple frames from a wire's bytes, in order, and hands them on."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .cut import KEY_BYTES, Passing, bounds, is_utf8, respell, run

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled extension on this platform
    from websockets.utils import apply_mask


class Run(NamedTuple):
    """Whole frames in a row, as the other side is to get them: how many, and the bytes of payload
    that came and that go (they differ where the other side's dialect does)."""

    frames: bytes | memoryview
    messages: int
    came: int
    goes: int


class Received(Protocol):
    """The bytes of a wire that come next: `chunk` from `at` on."""

    chunk: bytes
    at: int

    @property
    def last_chunk(self) -> bool:
        """Whether nothing stands behind `chunk` yet."""

    def took(self, end: int, payload: int) -> None:
        """Everything before `end` was taken, with so many bytes of payload."""

    def keep(self, missing: int) -> None:
        """`chunk` from `at` on is the beginning of a frame that lacks so many bytes: it is to come
        back with its end."""


class Taker(Protocol):
    """Where frames go. What they cause may stop the flow."""

    @property
    def flowing(self) -> bool:
        """Whether frames may be delivered now."""

    @property
    def passing(self) -> Passing | None:
        """Which frames may be taken as a run now; None: none."""

    def on_frame(self, payload: bytes) -> None:
        """One whole message."""

    def on_run(self, run: Run) -> None:
        """Frames that `passing` covers."""


def _run(chunk: bytes, at: int, end: int, count: int, payload: int, passing: Passing) -> Run:
    if passing.spelled:
        frames, sent = respell(chunk, at, end, passing)
        return Run(frames, count, payload, sent)
    whole = at == 0 and end == len(chunk)
    return Run(chunk if whole else memoryview(chunk)[at:end], count, payload, payload)


class Lane:
    """One wire's. `masked` says whether the peer masks, `most` is the largest message in bytes."""

    __slots__ = ("_masked", "_most")

    def __init__(self, *, masked: bool, most: int) -> None:
        self._masked, self._most = masked, most

    def take(self, received: Received, taker: Taker, turn: int) -> int:
        """Hands on at most `turn` frames, until one is not simple or not whole; how many these
        were. `received` must stand at a frame's boundary, and does so afterwards."""
        taken = 0
        while taken < turn and taker.flowing and received.at < len(received.chunk):
            chunk, at = received.chunk, received.at
            passing = taker.passing
            if passing is not None:
                end, count, payload = run(chunk, at, passing, self._most, turn - taken)
                if count:
                    received.took(end, payload)
                    taken += count
                    taker.on_run(_run(chunk, at, end, count, payload, passing))
                    continue
            message = self._message(received, chunk, at)
            if message is None:
                break
            taken += 1
            taker.on_frame(message)
        return taken

    def _message(self, received: Received, chunk: bytes, at: int) -> bytes | None:
        """The message in the whole simple frame at `at`, unmasked; None where there is none. What
        is too large, or no UTF-8, is left to the parser, which says so."""
        found = bounds(chunk, at, self._masked)
        if found is None:
            return None
        start, end = found
        if end - start > self._most:
            return None
        if end > len(chunk):
            if received.last_chunk:
                received.keep(end - len(chunk))
            return None
        message = chunk[start:end]
        if self._masked:
            message = apply_mask(message, chunk[start - KEY_BYTES : start])
        if not is_utf8(message):
            return None
        received.took(end, end - start)
        return message
