"""`idle_timeout_ms`: how long nobody may say anything after an answer until the model asks.

    answer done --- its audio plays --- start ============ start + timeout: due
    new answer, speech, a commit: not counting any more, until the next answer is done

Counted in samples of the input like everything that is heard: a client that sends no audio is not
idle but absent. The reference ("applied after the last model response's audio has finished
playing") and the offsets of `input_audio_buffer.timeout_triggered` fit that.
"""

from __future__ import annotations


class IdleClock:
    """Positions are milliseconds of the session's sample clock."""

    def __init__(self) -> None:
        self.start_ms: int | None = None

    def begin(self, position_ms: int, playback_ms: float) -> None:
        """An answer is done whose audio still takes so long to be played."""
        self.start_ms = position_ms + round(playback_ms)

    def stop(self) -> None:
        self.start_ms = None

    def due_ms(self, timeout_ms: int | None) -> int | None:
        """When the timeout will have passed; None if it does not count."""
        if self.start_ms is None or timeout_ms is None:
            return None
        return self.start_ms + timeout_ms
