"""The input audio buffer: pcm16 at 24 kHz that no item holds yet, on the session's sample clock.

    clock 0 ----------- start ============ end --------->   audio that was ever appended
            committed,          held here
            cleared, let go

The clock counts appended samples alone: audio that comes faster than real time, or not at all for
a minute, changes nothing.
"""

from __future__ import annotations

_BYTES_PER_MS = 48
_SAMPLE = 2


class InputBuffer:
    """Audio since the last commit. Positions are milliseconds since the session began."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._start = 0
        self._rest = b""

    @property
    def length_ms(self) -> float:
        """How much is held."""
        return len(self._held) / _BYTES_PER_MS

    @property
    def position_ms(self) -> int:
        """How much was ever appended, in whole samples."""
        return (self._start + len(self._held)) // _BYTES_PER_MS

    def append(self, pcm: bytes) -> bytes:
        """Holds the audio and returns it in whole samples: a half sample waits for its other
        half, because clients may cut a stream anywhere."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _SAMPLE
        self._rest = data[whole:]
        self._held += data[:whole]
        return data[:whole]

    def missing(self, position_ms: int) -> int:
        """How many bytes have still to be appended until that much was ever appended; 0 if it
        was already."""
        ever = self._start + len(self._held) + len(self._rest)
        return max(0, position_ms * _BYTES_PER_MS - ever)

    def take_all(self) -> bytes:
        return self._take(0, len(self._held))

    def take(self, start_ms: int, end_ms: int) -> bytes:
        """The audio between two positions, as far as it is still held; what lies before `end_ms`
        is let go."""
        return self._take(self._offset(start_ms), self._offset(end_ms))

    def clear(self) -> None:
        self._rest = b""
        self._take(0, len(self._held))

    def keep_last(self, ms: int) -> None:
        """Lets go of everything older than the last `ms`."""
        surplus = len(self._held) - ms * _BYTES_PER_MS
        if surplus > 0:
            self._take(0, surplus)

    def _offset(self, position_ms: int) -> int:
        return min(max(0, position_ms * _BYTES_PER_MS - self._start), len(self._held))

    def _take(self, begin: int, end: int) -> bytes:
        taken = bytes(self._held[begin:end])
        del self._held[:end]
        self._start += end
        return taken
