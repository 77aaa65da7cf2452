"""What the preview dialect reads: its flat session, and `response.create` with all its forms.

Beside the fields of the reference it takes those of the first Azure preview, which the how-to
still shows and rtclient still sends: `commit`, `cancel_previous`, `prompt` as a string,
`append_input_items`, `input_items` and `max_output_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.simulator.audio import FORMATS
from app.simulator.checks import Fields
from app.simulator.dialects.spelling import Override
from app.simulator.errors import invalid, wrong_type
from app.simulator.inputs import Inputs
from app.simulator.session import VOICES, Session, TurnDetection
from app.simulator.session_checks import (
    INCLUDES,
    MAX_OUTPUT_TOKENS,
    SEMANTIC_VAD,
    SERVER_VAD,
    checked_detection,
    checked_noise_reduction,
    checked_speed,
    checked_text,
    checked_tracing,
    checked_transcription,
    checked_word,
    checked_words,
    with_changes,
)
from app.simulator.tools import checked_choice, checked_tools

EXTRAS = frozenset({"append_input_items", "prompt", "commit", "cancel_previous"})
_DETECTION_KEYS = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}


def changed(session: Session, value: Any, *, voice_locked: bool) -> Session:
    """The session after `session.update`. `model` is accepted and ignored, because the deployment
    in the address decides; clients send all kinds of names there. Raises `Rejected`."""
    fields = Fields(value, "session", {*_SESSION, "model"})
    changes = {name: check(fields, name) for name, check in _SESSION.items() if name in fields}
    fields.text("model")
    return with_changes(session, changes, voice_locked=voice_locked)


def changed_transcription(session: Session, value: Any) -> Session:
    """The session after `transcription_session.update`: the members that concern the input.
    Raises `Rejected`."""
    fields = Fields(value, "session", {*_INPUT_KEYS, "include"})
    changes = {name: _SESSION[name](fields, name) for name in _INPUT_KEYS if name in fields}
    if "include" in fields:
        changes["include"] = checked_words(fields.given("include"), "session.include", INCLUDES)
    return with_changes(session, changes, voice_locked=False)


def extra_options(fields: Fields, inputs: Inputs) -> dict[str, Any]:
    """Options of the first Azure preview. The how-to's `prompt` is the last words of a user.
    Raises `Rejected`."""
    appended = list(inputs.entries(fields, "append_input_items"))
    prompt = fields.text("prompt")
    if prompt is not None:
        appended.append(inputs.said(prompt))
    return {
        "appended": tuple(appended),
        "commit": bool(fields.boolean("commit")),
        "cancel_previous": bool(fields.boolean("cancel_previous")),
    }


def _modalities(fields: Fields, name: str) -> tuple[str, ...]:
    """`text` alone or with `audio`; this dialect knows no audio without text."""
    value, path = fields.given(name), fields.path(name)
    chosen = checked_words(value, path, ("text", "audio"))
    if "text" not in chosen or len(set(chosen)) != len(chosen):
        message = (
            f"Invalid modalities: {value}. "
            "Supported combinations are: ['text'] and ['audio', 'text']."
        )
        raise invalid(path, message)
    return chosen


def _max_tokens(fields: Fields, name: str) -> int | str:
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


def _temperature(fields: Fields, name: str) -> float:
    value = fields.decimal(name, 0.6, 1.2)
    return 0.8 if value is None else value


def _detection(fields: Fields, name: str) -> TurnDetection | None:
    """`none` of older documents turns it off, as null does."""
    value = fields.given(name)
    if isinstance(value, dict) and value.get("type") == "none":
        fields.inside(name, ("type",))
        return None
    return checked_detection(fields, name, _DETECTION_KEYS)


_Check = Callable[[Fields, str], Any]
_SESSION: dict[str, _Check] = {
    "modalities": _modalities,
    "instructions": checked_text,
    "voice": lambda fields, name: checked_word(fields, name, VOICES),
    "input_audio_format": lambda fields, name: checked_word(fields, name, FORMATS),
    "output_audio_format": lambda fields, name: checked_word(fields, name, FORMATS),
    "input_audio_transcription": checked_transcription,
    "input_audio_noise_reduction": checked_noise_reduction,
    "turn_detection": _detection,
    "tools": lambda fields, name: checked_tools(fields.given(name), fields.path(name)),
    "tool_choice": lambda fields, name: checked_choice(
        fields.given(name), fields.path(name), nested=True
    ),
    "temperature": _temperature,
    "max_response_output_tokens": _max_tokens,
    "speed": checked_speed,
    "tracing": checked_tracing,
}
"""`session.update`: name on the wire and of the session, check."""
_INPUT_KEYS = (
    "input_audio_format",
    "input_audio_transcription",
    "input_audio_noise_reduction",
    "turn_detection",
)


def _as_in_session(name: str) -> Override:
    """An option with the session's name and check."""
    check = _SESSION[name]
    return lambda fields, name: {name: check(fields, name)}


def _tokens(fields: Fields, name: str) -> dict[str, Any]:
    return {"max_output_tokens": _max_tokens(fields, name)}


_SHARED = (
    *("modalities", "instructions", "voice", "output_audio_format"),
    *("tools", "tool_choice", "temperature"),
)
RESPONSE: dict[str, Override] = {
    **{name: _as_in_session(name) for name in _SHARED},
    "max_output_tokens": _tokens,
    "max_response_output_tokens": _tokens,
}
"""`response.create`: name on the wire, reading. The last of several names counts."""
