"""The frozen numbers of one session and of the process. PURE.

Defaults are those of docs/settings.md. Durations in seconds, sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may use.

    An act is any event of a client but `input_audio_buffer.append`. `audio_speed` is a multiple of
    real time; `out_of_band_responses` may be in progress at once. A session ends `identity_leeway`
    after its user's proof has expired, and warns `identity_warning` before that.
    """

    session_seconds: float = 1800.0
    session_warnings: tuple[float, ...] = (120.0, 30.0)
    idle_seconds: float = 300.0
    idle_warning: float = 60.0
    setup_seconds: float = 10.0
    message_bytes: int = 256 * 1024
    sessions: int = 500
    sessions_per_user: int = 2
    openings_per_minute: int = 10
    violations_per_minute: int = 30
    events_per_second: float = 50.0
    events_burst: float = 100.0
    acts_per_second: float = 10.0
    acts_burst: float = 50.0
    flood_seconds: float = 10.0
    audio_speed: float = 2.0
    audio_burst_seconds: float = 10.0
    responses_per_minute: int = 20
    out_of_band_responses: int = 2
    identity_leeway: float = 60.0
    identity_warning: float = 120.0
    identity_updates_per_minute: int = 5
