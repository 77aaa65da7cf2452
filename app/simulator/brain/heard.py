"""What can honestly be said about audio without understanding it: where it is loud, how long."""

from __future__ import annotations

from app.simulator.voice import pcm as pcm16

_FRAME_BYTES = 2 * pcm16.RATE // 50
_QUIETEST_DB = -50.0
_BELOW_PEAK_DB = 35.0
_MARGIN_FRAMES = 5


def transcribe(audio: bytes) -> str:
    """What the simulator claims to have heard: that there was speech, how long; never words."""
    speech = trimmed(audio)
    kind, heard = ("speech", speech) if speech else ("silence", audio)
    return f"[{kind}, {len(heard) / (2 * pcm16.RATE):.1f} s]"


def trimmed(audio: bytes) -> bytes:
    """`audio` (pcm16, 24 kHz) without the silence around it, or nothing if all is silence.

    A tenth of a second stays on either side, so that soft beginnings and endings survive.
    """
    levels = [
        pcm16.level_db(pcm16.samples(audio[at : at + _FRAME_BYTES])[::2])
        for at in range(0, len(audio), _FRAME_BYTES)
    ]
    bar = max(_QUIETEST_DB, max(levels, default=pcm16.SILENCE_DB) - _BELOW_PEAK_DB)
    loud = [index for index, level in enumerate(levels) if level > bar]
    if not loud:
        return b""
    first = max(0, loud[0] - _MARGIN_FRAMES)
    last = loud[-1] + 1 + _MARGIN_FRAMES
    kept = audio[first * _FRAME_BYTES : last * _FRAME_BYTES]
    return kept[: len(kept) - len(kept) % 2]
