"""What things cost, where one dialect demands more than the other tells. PURE.

GA's types demand a `usage` of every finished transcription, which older preview services leave
out. Strict preview clients demand both details of a response's usage, which GA may leave out.
"""

from __future__ import annotations

from typing import Any

_INPUT_DETAILS = ("cached_tokens", "text_tokens", "audio_tokens")
_OUTPUT_DETAILS = ("text_tokens", "audio_tokens")
_TOTALS = ("total_tokens", "input_tokens", "output_tokens")
_IMAGES = "image_tokens"


def counted_transcription(body: dict[str, Any]) -> dict[str, Any]:
    """A finished transcription as GA has it. Where nobody counted, it lasted 0 seconds."""
    if isinstance(body.get("usage"), dict):
        return body
    return {**body, "usage": {"type": "duration", "seconds": 0}}


def preview_usage(usage: Any) -> Any:
    """The usage of a response as preview has it: all counts there, and none of images. null (no
    usage yet) stays null."""
    if not isinstance(usage, dict):
        return usage
    return {
        **dict.fromkeys(_TOTALS, 0),
        **usage,
        "input_token_details": _details(usage.get("input_token_details"), _INPUT_DETAILS),
        "output_token_details": _details(usage.get("output_token_details"), _OUTPUT_DETAILS),
    }


def _details(details: Any, demanded: tuple[str, ...]) -> dict[str, Any]:
    counted = details if isinstance(details, dict) else {}
    known = {name: count for name, count in counted.items() if name != _IMAGES}
    cached = known.get("cached_tokens_details")
    if isinstance(cached, dict):
        known["cached_tokens_details"] = {k: v for k, v in cached.items() if k != _IMAGES}
    return {**dict.fromkeys(demanded, 0), **known}
