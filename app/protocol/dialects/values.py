"""Values that the dialects spell differently: formats, modalities, turn detection. PURE.

A value that a codec does not understand is returned as it is, so that the policy can refuse it by
name.
"""

from __future__ import annotations

from typing import Any

PREVIEW_FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {value["type"]: name for name, value in PREVIEW_FORMATS.items()}


def format_name(value: Any) -> str | None:
    """`pcm16`, `g711_ulaw` or `g711_alaw` for an internal format object; None: neither of them."""
    kind = value.get("type") if isinstance(value, dict) else None
    return _FORMAT_NAMES.get(kind) if isinstance(kind, str) else None


def same(value: Any) -> Any:
    return value


def format_in(value: Any) -> Any:
    known = isinstance(value, str) and value in PREVIEW_FORMATS
    return dict(PREVIEW_FORMATS[value]) if known else value


def format_out(value: Any) -> Any:
    return format_name(value) or value


def modalities_in(value: Any) -> Any:
    """Preview says ["text","audio"] where GA says ["audio"]: speech with its transcript."""
    both = isinstance(value, list) and len(value) == 2 and "text" in value and "audio" in value
    return ["audio"] if both else value


def modalities_out(value: Any) -> Any:
    return ["text", "audio"] if value == ["audio"] else value


def turn_in(value: Any) -> Any:
    """Old Azure samples switch detection off with {"type": "none"}; everyone else with null."""
    return None if isinstance(value, dict) and value.get("type") == "none" else value


def turn_out(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: entry for key, entry in value.items() if key != "idle_timeout_ms"}
