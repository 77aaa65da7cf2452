"""What `session.update` may change, key by key. Only keys that are present change; one bad key
refuses the whole update.

The empty values ("", [], null) clear. `model` is accepted and ignored, because the deployment in
the address decides; clients send all kinds of names there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.simulator.audio import FORMATS
from app.simulator.checks import Fields
from app.simulator.errors import Rejected, invalid, missing, unsupported, wrong_type
from app.simulator.session import VOICES, Session, TurnDetection
from app.simulator.tools import checked_choice, checked_tools

MAX_OUTPUT_TOKENS = 4096
TEMPERATURE = (0.6, 1.2)
SPEED = (0.25, 1.5)

_MODALITIES = ("text", "audio")
_DETECTIONS = ("server_vad", "semantic_vad")
_EAGERNESS = ("low", "medium", "high", "auto")
_NOISE = ("near_field", "far_field")
_INCLUDES = ("item.input_audio_transcription.logprobs",)
_LONGEST_WAIT_MS = 60_000


def changed(session: Session, value: Any, *, voice_locked: bool) -> Session:
    """The session after `session.update`. Raises `Rejected`, and then nothing has changed.

    `voice_locked` says that assistant audio is present: the voice can no longer change.
    """
    fields = Fields(value, "session", _SESSION_KEYS)
    changes = {name: check(fields, name) for name, check in _CHECKS.items() if name in fields}
    fields.text("model")
    if voice_locked and changes.get("voice", session.voice) != session.voice:
        raise cannot_update_voice()
    tracing = changes.get("tracing", session.tracing)
    if session.tracing is not None and tracing != session.tracing:
        raise invalid("session.tracing", "Tracing cannot be changed once it is enabled.")
    return replace(session, **changes)


def changed_transcription(session: Session, value: Any) -> Session:
    """The session after `transcription_session.update`: the keys that concern the input."""
    fields = Fields(value, "session", _TRANSCRIPTION_KEYS)
    changes = {name: _CHECKS[name](fields, name) for name in _SHARED_KEYS if name in fields}
    if "include" in fields:
        changes["include"] = _words(fields.given("include"), "session.include", _INCLUDES)
    return replace(session, **changes)


def cannot_update_voice() -> Rejected:
    message = "Cannot update a conversation's voice if assistant audio is present."
    return Rejected("cannot_update_voice", message)


def checked_modalities(fields: Fields, name: str) -> tuple[str, ...]:
    """`text` alone or with `audio`; the preview dialect knows no audio without text."""
    value, path = fields.given(name), fields.path(name)
    chosen = _words(value, path, _MODALITIES)
    if "text" not in chosen or len(set(chosen)) != len(chosen):
        message = (
            f"Invalid modalities: {value}. "
            "Supported combinations are: ['text'] and ['audio', 'text']."
        )
        raise invalid(path, message)
    return chosen


def checked_word(fields: Fields, name: str, supported: tuple[str, ...]) -> str:
    """One of a few words; null is not one of them."""
    value = fields.given(name)
    if not isinstance(value, str):
        raise wrong_type(fields.path(name), "a string", value)
    return fields.choice(name, supported) or ""


def checked_max_tokens(fields: Fields, name: str) -> int | str:
    """1 to 4096, or "inf", which null also means."""
    value, path = fields.given(name), fields.path(name)
    if value is None or value == "inf":
        return "inf"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong_type(path, "an integer or 'inf'", value)
    if isinstance(value, str) or not 1 <= value <= MAX_OUTPUT_TOKENS:
        message = (
            f"Invalid value: '{value}'. "
            f"Expected an integer between 1 and {MAX_OUTPUT_TOKENS} or 'inf'."
        )
        raise invalid(path, message)
    return value


def checked_temperature(fields: Fields, name: str) -> float:
    value = fields.decimal(name, *TEMPERATURE)
    return 0.8 if value is None else value


def _words(value: Any, path: str, supported: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise wrong_type(path, "an array of strings", value)
    for index, word in enumerate(value):
        where = f"{path}[{index}]"
        if not isinstance(word, str):
            raise wrong_type(where, "a string", word)
        if word not in supported:
            raise unsupported(where, word, supported)
    return tuple(value)


def _turn_detection(fields: Fields, name: str) -> TurnDetection | None:
    """An object replaces the former one whole; null, and `none` of older documents, turn it
    off."""
    value, path = fields.given(name), fields.path(name)
    if value is None:
        return None
    if isinstance(value, dict) and value.get("type") == "none":
        Fields(value, path, ("type",))
        return None
    inner = Fields(value, path, _DETECTION_KEYS)
    kind = inner.required_text("type")
    inner.choice("type", _DETECTIONS)
    inner = Fields(value, path, _SERVER_VAD if kind == "server_vad" else _SEMANTIC_VAD)
    given = {
        "threshold": inner.decimal("threshold", 0.0, 1.0),
        "prefix_padding_ms": inner.integer("prefix_padding_ms", 0, _LONGEST_WAIT_MS),
        "silence_duration_ms": inner.integer("silence_duration_ms", 0, _LONGEST_WAIT_MS),
        "create_response": inner.boolean("create_response"),
        "interrupt_response": inner.boolean("interrupt_response"),
        "eagerness": inner.choice("eagerness", _EAGERNESS),
    }
    known = {key: setting for key, setting in given.items() if setting is not None}
    return replace(TurnDetection(type=kind), **known)  # type: ignore[arg-type]


def _transcription(fields: Fields, name: str) -> dict[str, str] | None:
    """On Azure the model may be the name of a deployment, so any name will do."""
    value = fields.given(name)
    if value is None:
        return None
    inner = Fields(value, fields.path(name), ("model", "language", "prompt"))
    result = {"model": inner.text("model", limit=128) or "whisper-1"}
    for key in ("language", "prompt"):
        text = inner.text(key)
        if text is not None:
            result[key] = text
    return result


def _noise_reduction(fields: Fields, name: str) -> dict[str, str] | None:
    value = fields.given(name)
    if value is None:
        return None
    inner = Fields(value, fields.path(name), ("type",))
    inner.required("type")
    return {"type": inner.choice("type", _NOISE) or ""}


def _tracing(fields: Fields, name: str) -> str | dict[str, Any] | None:
    value = fields.given(name)
    if value is None:
        return None
    if isinstance(value, str):
        return fields.choice(name, ("auto",))
    inner = Fields(value, fields.path(name), ("workflow_name", "group_id", "metadata"))
    inner.text("workflow_name")
    inner.text("group_id")
    return dict(value)


def _speed(fields: Fields, name: str) -> float:
    value = fields.decimal(name, *SPEED)
    if value is None:
        raise missing(fields.path(name))
    return value


_CHECKS: dict[str, Callable[[Fields, str], Any]] = {
    "modalities": checked_modalities,
    "instructions": lambda fields, name: fields.text(name) or "",
    "voice": lambda fields, name: checked_word(fields, name, VOICES),
    "input_audio_format": lambda fields, name: checked_word(fields, name, FORMATS),
    "output_audio_format": lambda fields, name: checked_word(fields, name, FORMATS),
    "input_audio_transcription": _transcription,
    "input_audio_noise_reduction": _noise_reduction,
    "turn_detection": _turn_detection,
    "tools": lambda fields, name: checked_tools(fields.given(name), fields.path(name)),
    "tool_choice": lambda fields, name: checked_choice(fields.given(name), fields.path(name)),
    "temperature": checked_temperature,
    "max_response_output_tokens": checked_max_tokens,
    "speed": _speed,
    "tracing": _tracing,
}
_SESSION_KEYS = frozenset({*_CHECKS, "model"})
_SHARED_KEYS = (
    "input_audio_format",
    "input_audio_transcription",
    "input_audio_noise_reduction",
    "turn_detection",
)
_TRANSCRIPTION_KEYS = frozenset({*_SHARED_KEYS, "include"})
_ANSWERS = ("type", "create_response", "interrupt_response")
_SERVER_VAD = frozenset({*_ANSWERS, "threshold", "prefix_padding_ms", "silence_duration_ms"})
_SEMANTIC_VAD = frozenset({*_ANSWERS, "eagerness"})
_DETECTION_KEYS = _SERVER_VAD | _SEMANTIC_VAD
