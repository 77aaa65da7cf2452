"""The voices that each dialect knows. PURE.

GA has two more. Strict preview clients fail on a name that is not in their list, and a preview
upstream refuses it, so towards preview each of the two stands for the nearest older voice.
"""

from __future__ import annotations

from typing import Any

from app.protocol.names import Dialect

PREVIEW_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
GA_VOICES = (*PREVIEW_VOICES, "marin", "cedar")
VOICES = {Dialect.PREVIEW: PREVIEW_VOICES, Dialect.GA: GA_VOICES}

_STAND_INS = {"marin": "coral", "cedar": "ash"}


def preview_voice(voice: Any) -> Any:
    """The voice as preview names it; anything that GA did not add is returned as it is."""
    return _STAND_INS.get(voice, voice) if isinstance(voice, str) else voice
