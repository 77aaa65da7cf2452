"""Voice activity on the session's clock, through changes of its settings.

A detector counts from its own beginning; a session may replace it in the middle. This module adds
where each detector began, so that every position that leaves it is one of the session's.
"""

from __future__ import annotations

from app.simulator.session import TurnDetection
from app.simulator.voice_activity import SpeechStarted, SpeechStopped, VoiceActivity

Speech = SpeechStarted | SpeechStopped


class Listener:
    """Listens while turn detection is on. `configure` before the first `feed`."""

    def __init__(self) -> None:
        self._settings: tuple[float, int, int] | None = None
        self._detector: VoiceActivity | None = None
        self._began_ms = 0

    @property
    def listening(self) -> bool:
        return self._detector is not None

    def configure(self, detection: TurnDetection | None, position_ms: int) -> bool:
        """Takes the session's settings at a position of its clock. True if detection starts anew,
        and speech in progress is forgotten; settings that leave detection alone keep it."""
        wanted = None
        if detection is not None:
            wanted = (detection.threshold, detection.prefix_padding_ms, detection.silence_ms)
        if wanted == self._settings:
            return False
        self._settings = wanted
        self._began_ms = position_ms
        self._detector = None
        if detection is not None:
            self._detector = VoiceActivity(
                threshold=detection.threshold,
                prefix_padding_ms=detection.prefix_padding_ms,
                silence_duration_ms=detection.silence_ms,
            )
        return True

    def feed(self, pcm: bytes) -> list[Speech]:
        """What the next audio shows, in order; nothing while detection is off."""
        if self._detector is None:
            return []
        return [self._on_session_clock(event) for event in self._detector.feed(pcm)]

    def reset(self) -> None:
        """Forgets speech in progress, as after a commit or a clear by the client."""
        if self._detector is not None:
            self._detector.reset()

    def _on_session_clock(self, event: Speech) -> Speech:
        if isinstance(event, SpeechStarted):
            return SpeechStarted(self._began_ms + event.start_ms)
        return SpeechStopped(self._began_ms + event.end_ms)
