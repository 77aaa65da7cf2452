"""Which dialect a client's `session.update` shows, whatever its connection said. PURE.

Some libraries dial the preview's path and then speak GA, and the other way round. Names that both
dialects know show nothing, and a mixture shows nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.protocol.names import Dialect

GA_KEYS = frozenset({"type", "audio", "output_modalities"})
PREVIEW_KEYS = frozenset(
    {
        "modalities",
        "voice",
        "input_audio_format",
        "output_audio_format",
        "input_audio_transcription",
        "input_audio_noise_reduction",
        "turn_detection",
        "max_response_output_tokens",
    }
)


def shown_dialect(session: Mapping[str, Any]) -> Dialect | None:
    """The dialect that the keys of this `session` belong to; None: they could be either's."""
    ga, preview = not GA_KEYS.isdisjoint(session), not PREVIEW_KEYS.isdisjoint(session)
    if ga is preview:
        return None
    return Dialect.GA if ga else Dialect.PREVIEW
