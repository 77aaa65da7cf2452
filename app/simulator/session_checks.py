"""How single members of a session are read, for both dialects; their tables say which and where.

The empty values ("", [], null) clear. All functions raise `Rejected` with the path of the member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.simulator.checks import Fields
from app.simulator.errors import Rejected, invalid, missing, unsupported, wrong_type
from app.simulator.session import Session, TurnDetection

MAX_OUTPUT_TOKENS = 4096
SPEED = (0.25, 1.5)
INCLUDES = ("item.input_audio_transcription.logprobs",)
DETECTIONS = ("server_vad", "semantic_vad")

_EAGERNESS = ("low", "medium", "high", "auto")
_NOISE = ("near_field", "far_field")
_LONGEST_WAIT_MS = 60_000
IDLE_TIMEOUT_MS = (5_000, 30_000)

_ANSWERS = ("type", "create_response", "interrupt_response")
SERVER_VAD = frozenset({*_ANSWERS, "threshold", "prefix_padding_ms", "silence_duration_ms"})
SEMANTIC_VAD = frozenset({*_ANSWERS, "eagerness"})


def with_changes(session: Session, changes: Mapping[str, Any], *, voice_locked: bool) -> Session:
    """The session with checked values laid over it; what cannot change any more is refused.

    `voice_locked` says that assistant audio is present: the voice can no longer change.
    """
    if voice_locked and changes.get("voice", session.voice) != session.voice:
        raise cannot_update_voice()
    tracing = changes.get("tracing", session.tracing)
    if session.tracing is not None and tracing != session.tracing:
        raise invalid("session.tracing", "Tracing cannot be changed once it is enabled.")
    return replace(session, **changes)


def cannot_update_voice() -> Rejected:
    message = "Cannot update a conversation's voice if assistant audio is present."
    return Rejected("cannot_update_voice", message)


def checked_text(fields: Fields, name: str) -> str:
    """Any text; null clears it."""
    return fields.text(name) or ""


def checked_word(fields: Fields, name: str, supported: tuple[str, ...]) -> str:
    """One of a few words; null is not one of them."""
    value = fields.given(name)
    if not isinstance(value, str):
        raise wrong_type(fields.path(name), "a string", value)
    return fields.choice(name, supported) or ""


def checked_strings(fields: Fields, name: str) -> list[str]:
    """A list of any words; none if absent."""
    value = fields.given(name) or []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise wrong_type(fields.path(name), "an array of strings", value)
    return value


def checked_words(value: Any, path: str, supported: tuple[str, ...]) -> tuple[str, ...]:
    """A list of some of a few words."""
    if not isinstance(value, list):
        raise wrong_type(path, "an array of strings", value)
    for index, word in enumerate(value):
        where = f"{path}[{index}]"
        if not isinstance(word, str):
            raise wrong_type(where, "a string", word)
        if word not in supported:
            raise unsupported(where, word, supported)
    return tuple(value)


def checked_include(fields: Fields, name: str) -> tuple[str, ...] | None:
    """What server events are to hold beside the usual; null is nothing."""
    value = fields.given(name)
    return None if value is None else checked_words(value, fields.path(name), INCLUDES)


def checked_speed(fields: Fields, name: str) -> float:
    value = fields.decimal(name, *SPEED)
    if value is None:
        raise missing(fields.path(name))
    return value


def checked_detection(
    fields: Fields, name: str, keys: Mapping[str, frozenset[str]]
) -> TurnDetection | None:
    """An object replaces the former one whole; null turns it off. `keys` are the members that
    each type of detection has."""
    if fields.given(name) is None:
        return None
    inner = fields.inside(name, frozenset().union(*keys.values()))
    kind = inner.required_text("type")
    inner.choice("type", DETECTIONS)
    inner = fields.inside(name, keys[kind])
    given = {
        "threshold": inner.decimal("threshold", 0.0, 1.0),
        "prefix_padding_ms": inner.integer("prefix_padding_ms", 0, _LONGEST_WAIT_MS),
        "silence_duration_ms": inner.integer("silence_duration_ms", 0, _LONGEST_WAIT_MS),
        "idle_timeout_ms": inner.integer("idle_timeout_ms", *IDLE_TIMEOUT_MS),
        "create_response": inner.boolean("create_response"),
        "interrupt_response": inner.boolean("interrupt_response"),
        "eagerness": inner.choice("eagerness", _EAGERNESS),
    }
    known = {key: setting for key, setting in given.items() if setting is not None}
    return replace(TurnDetection(type=kind), **known)  # type: ignore[arg-type]


def checked_transcription(
    fields: Fields, name: str, more: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Model, language and prompt; members named in `more` are let through for the caller to read.
    On Azure the model may be the name of a deployment, so any name will do."""
    if fields.given(name) is None:
        return None
    inner = fields.inside(name, ("model", "language", "prompt", *more))
    result = {"model": inner.text("model", limit=128) or "whisper-1"}
    for key in ("language", "prompt"):
        text = inner.text(key)
        if text is not None:
            result[key] = text
    return result


def checked_noise_reduction(
    fields: Fields, name: str, more: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Where the microphone is; members named in `more` are let through for the caller to read."""
    if fields.given(name) is None:
        return None
    inner = fields.inside(name, ("type", *more))
    inner.required("type")
    return {"type": inner.choice("type", _NOISE) or ""}


def checked_tracing(fields: Fields, name: str) -> str | dict[str, Any] | None:
    value = fields.given(name)
    if value is None:
        return None
    if isinstance(value, str):
        return fields.choice(name, ("auto",))
    inner = fields.inside(name, ("workflow_name", "group_id", "metadata"))
    inner.text("workflow_name")
    inner.text("group_id")
    return dict(value)
