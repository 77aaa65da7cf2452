"""Voice activity counted in samples: when speech starts and stops in an audio stream.

The detector cuts the stream into 20 ms frames on its own sample clock and compares each frame's
level with a noise floor that adapts slowly. Wall time plays no part: the same audio gives the
same events in one chunk or in thousands, faster or slower than real time.

    level  ----------/^^^^\\--/^^\\--------------      ^ active (above `on`)
    state   quiet   |     speaking           | quiet
                    start (minus padding)    stop = last voice + silence_duration
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from app.simulator.voice import pcm as pcm16

_FRAME_MS = 20
_FRAME_BYTES = 2 * pcm16.RATE * _FRAME_MS // 1000
_FRAMES_TO_START = 5
"""100 ms of activity make speech: a click or a key stroke is over sooner."""
_FRAMES_TO_RESUME = 3
"""60 ms of activity end a pause: a click within it does not prolong the turn."""
_HYSTERESIS_DB = 5.0
_BLOCK_FRAMES = 25
_SHORT_BLOCKS = 3
_LONG_BLOCKS = 20
_FLOOR_LIMIT_DB = -40.0


@dataclass(frozen=True)
class SpeechStarted:
    """Speech began; `start_ms` already has the prefix padding taken off."""

    start_ms: int


@dataclass(frozen=True)
class SpeechStopped:
    """Speech ended; `end_ms` includes the silence that had to pass before that was certain."""

    end_ms: int


class VoiceActivity:
    """Watches one input audio buffer. Both events count milliseconds since construction.

    `threshold` runs from 0 (most sensitive) to 1; values outside are clamped. The caller feeds
    every byte of the buffer, in order, also those that it throws away later.
    """

    def __init__(
        self, *, threshold: float, prefix_padding_ms: int, silence_duration_ms: int
    ) -> None:
        threshold = min(1.0, max(0.0, threshold))
        self._least_on_db = -62.0 + 24.0 * threshold
        self._margin_db = 4.0 + 10.0 * threshold
        self._padding_ms = max(0, prefix_padding_ms)
        self._silence_frames = max(1, math.ceil(silence_duration_ms / _FRAME_MS))
        self._floor = _NoiseFloor()
        self._rest = b""
        self._bytes = 0
        self._frames = 0
        self._earliest_ms = 0
        self._speaking = False
        self._activity = 0
        self._silent = 0
        self._onset_frame = 0

    @property
    def position_ms(self) -> int:
        """How much audio has been fed, in whole milliseconds."""
        return self._bytes // 2 * 1000 // pcm16.RATE

    def feed(self, pcm: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Take the next bytes (24 kHz mono s16le, any length, also odd) and say what they show."""
        self._bytes += len(pcm)
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME_BYTES
        self._rest = data[whole:]
        events: list[SpeechStarted | SpeechStopped] = []
        for offset in range(0, whole, _FRAME_BYTES):
            event = self._frame(data[offset : offset + _FRAME_BYTES])
            if event is not None:
                events.append(event)
        return events

    def reset(self) -> None:
        """Forget speech in progress, as after a cleared or committed buffer; the clock goes on.

        Speech that starts later is never dated before this moment.
        """
        self._speaking = False
        self._activity = 0
        self._silent = 0
        self._earliest_ms = self.position_ms

    def _frame(self, frame: bytes) -> SpeechStarted | SpeechStopped | None:
        # Every second sample suffices for a level, and halves the cost.
        level = pcm16.level_db(pcm16.samples(frame)[::2])
        on = max(self._floor.level_db + self._margin_db, self._least_on_db)
        self._floor.adapt(level)
        self._frames += 1
        if self._speaking:
            return self._while_speaking(level > on, level > on - _HYSTERESIS_DB)
        return self._while_quiet(level > on)

    def _while_quiet(self, active: bool) -> SpeechStarted | None:
        if not active:
            self._activity = max(0, self._activity - 1)
            return None
        if self._activity == 0:
            self._onset_frame = self._frames - 1
        self._activity += 1
        if self._activity < _FRAMES_TO_START:
            return None
        self._speaking = True
        self._silent = 0
        start = self._onset_frame * _FRAME_MS - self._padding_ms
        return SpeechStarted(max(self._earliest_ms, start))

    def _while_speaking(self, active: bool, voiced: bool) -> SpeechStopped | None:
        """A frame between the two levels neither ends speech nor revives it after a pause."""
        self._activity = self._activity + 1 if active else 0
        if self._activity >= _FRAMES_TO_RESUME or (voiced and self._silent == 0):
            self._silent = 0
            return None
        self._silent += 1
        if self._silent < self._silence_frames:
            return None
        self._speaking = False
        self._earliest_ms = self._frames * _FRAME_MS
        # An onset that lies before this stop would be dated back into the finished turn.
        self._activity = 0
        return SpeechStopped(self._earliest_ms)


class _NoiseFloor:
    """The quietest frame of late, which is what noise measures between syllables.

    The last second and a half decides, up to a limit, because a loud sound that has only just
    begun must count as speech. Only what stays without a dip for ten seconds, as an engine does,
    is taken for noise at any level.
    """

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=_LONG_BLOCKS)
        self._block_db = math.inf
        self._block_frames = 0
        self.level_db = pcm16.SILENCE_DB

    def adapt(self, level_db: float) -> None:
        """Count one more frame of 20 ms."""
        self._block_db = min(self._block_db, level_db)
        self._block_frames += 1
        if self._block_frames == _BLOCK_FRAMES:
            self._blocks.append(self._block_db)
            self._block_db, self._block_frames = math.inf, 0
        recent = [self._block_db, *list(self._blocks)[-_SHORT_BLOCKS:]]
        self.level_db = min(_FLOOR_LIMIT_DB, *recent)
        if len(self._blocks) == _LONG_BLOCKS:
            self.level_db = max(self.level_db, min(self._block_db, *self._blocks))
