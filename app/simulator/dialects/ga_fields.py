"""What the GA dialect reads: its nested session, and `response.create`.

As seen on the wire, `session.type` is asked for before anything else, `rate` is required beside
`audio/pcm`, and whole numbers beyond their bounds have codes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.simulator.checks import BoundedFields, Fields
from app.simulator.dialects.spelling import Override
from app.simulator.errors import Rejected, invalid, missing, unsupported, wrong_type
from app.simulator.session import VOICES, Session, Truncation, TurnDetection
from app.simulator.session_checks import (
    MAX_OUTPUT_TOKENS,
    SEMANTIC_VAD,
    SERVER_VAD,
    checked_detection,
    checked_include,
    checked_noise_reduction,
    checked_speed,
    checked_strings,
    checked_text,
    checked_tracing,
    checked_transcription,
    checked_words,
    with_changes,
)
from app.simulator.tools import checked_choice, checked_tools

GA_VOICES = (*VOICES, "marin", "cedar")
GA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
RATE = 24_000
EXTRAS = frozenset({"prompt", "reasoning", "parallel_tool_calls"})

_DETECTION_KEYS = {"server_vad": SERVER_VAD | {"idle_timeout_ms"}, "semantic_vad": SEMANTIC_VAD}
_HINTS = ("delay", "keywords", "languages")
_DELAYS = ("minimal", "low", "medium", "high", "xhigh")
_EFFORTS = ("minimal", "low", "medium", "high", "xhigh")

_Check = Callable[[Fields, str], Any]
_Tree = Mapping[str, "tuple[str, _Check] | _Tree"]
"""Members by name: those of an object within, or a field and its check. A field without a name is
checked and then ignored."""


def changed(session: Session, value: Any, *, voice_locked: bool) -> Session:
    """The session after `session.update`; `model` is ignored, for the address decides. Raises
    `Rejected`."""
    if isinstance(value, dict):
        _check_type(value.get("type"))
    changes = _read(BoundedFields(value, "session", _SESSION), _SESSION)
    return with_changes(session, changes, voice_locked=voice_locked)


def no_transcription_session() -> Rejected:
    """This endpoint serves conversations; a session's kind is settled when it begins."""
    message = "Passing a transcription session update event to a realtime session is not allowed."
    return Rejected("invalid_parameter", message)


def extra_options(fields: Fields) -> dict[str, Any]:
    """What makes no difference to a script is checked all the same."""
    _prompt(fields, "prompt")
    _reasoning(fields, "reasoning")
    fields.boolean("parallel_tool_calls")
    return {}


def _check_type(kind: Any) -> None:
    path = "session.type"
    if kind is None:
        raise missing(path)
    if not isinstance(kind, str):
        raise wrong_type(path, "a string", kind)
    if kind == "transcription":
        raise no_transcription_session()
    if kind != "realtime":
        raise unsupported(path, kind, ("realtime", "transcription"))


def _read(fields: Fields, tree: _Tree) -> dict[str, Any]:
    """The fields that are present, however deep; null in the place of an object says nothing."""
    found: dict[str, Any] = {}
    for name, entry in tree.items():
        if name not in fields:
            continue
        if isinstance(entry, tuple):
            field, check = entry
            found[field] = check(fields, name)
        elif fields.given(name) is not None:
            found |= _read(fields.inside(name, entry), entry)
    found.pop("", None)
    return found


def _modalities(fields: Fields, name: str) -> tuple[str, ...]:
    """One of the two: audio always brings its transcript."""
    value, path = fields.given(name), fields.path(name)
    chosen = checked_words(value, path, ("text", "audio"))
    if len(chosen) != 1:
        message = (
            f"Invalid modalities: {value}. Supported combinations are: ['text'] and ['audio']."
        )
        raise invalid(path, message)
    return chosen


def _format(fields: Fields, name: str) -> str:
    inner = fields.inside(name, ("type", "rate"))
    kind = inner.required_text("type")
    inner.choice("type", tuple(GA_FORMATS.values()))
    if kind == "audio/pcm":
        inner.required("rate")
        inner.integer("rate", RATE, RATE)
    else:
        fields.inside(name, ("type",))
    return next(ours for ours, theirs in GA_FORMATS.items() if theirs == kind)


def _voice(fields: Fields, name: str) -> str:
    """A voice of the service's; custom ones (`{"id": ...}`) have to be made first, and nobody can
    make one here."""
    value, path = fields.given(name), fields.path(name)
    if isinstance(value, dict):
        inner = fields.inside(name, ("id",))
        raise unsupported(inner.path("id"), inner.required_text("id"), GA_VOICES)
    if not isinstance(value, str):
        raise wrong_type(path, "a string", value)
    return fields.choice(name, GA_VOICES) or ""


def _max_tokens(fields: Fields, name: str) -> int | str:
    """1 to 4096, or "inf", which null also means."""
    value = fields.given(name)
    if value is None or value == "inf":
        return "inf"
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(fields.path(name), "an integer or 'inf'", value)
    return fields.integer(name, 1, MAX_OUTPUT_TOKENS) or 1


def _transcription(fields: Fields, name: str) -> dict[str, Any] | None:
    """With what only newer models heed: words and languages to expect, and patience."""
    read = checked_transcription(fields, name, _HINTS)
    if read is None:
        return None
    inner = fields.inside(name, fields.given(name))
    inner.choice("delay", _DELAYS)
    for hint in ("keywords", "languages"):
        checked_strings(inner, hint)
    return read | {hint: inner.given(hint) for hint in _HINTS if inner.given(hint) is not None}


def _noise_reduction(fields: Fields, name: str) -> dict[str, Any] | None:
    read = checked_noise_reduction(fields, name, ("strength",))
    if read is None:
        return None
    strength = fields.inside(name, fields.given(name)).decimal("strength", 0.0, 1.0)
    return read if strength is None else {**read, "strength": strength}


def _detection(fields: Fields, name: str) -> TurnDetection | None:
    return checked_detection(fields, name, _DETECTION_KEYS)


def _truncation(fields: Fields, name: str) -> Truncation:
    value = fields.given(name)
    if value is None:
        return "auto"
    if isinstance(value, str):
        return "disabled" if fields.choice(name, ("auto", "disabled")) == "disabled" else "auto"
    inner = fields.inside(name, ("type", "retention_ratio", "token_limits"))
    inner.required_text("type")
    inner.choice("type", ("retention_ratio",))
    inner.required("retention_ratio")
    inner.decimal("retention_ratio", 0.0, 1.0)
    if inner.given("token_limits") is not None:
        limits = inner.inside("token_limits", ("post_instructions",))
        limits.integer("post_instructions", 0, 1_000_000)
    return dict(value)


def _prompt(fields: Fields, name: str) -> None:
    """Prompts are stored with the service; none is stored here."""
    if fields.given(name) is None:
        return
    inner = fields.inside(name, ("id", "version", "variables"))
    prompt_id = inner.required_text("id")
    raise invalid(inner.path("id"), f"Prompt with id '{prompt_id}' not found.")


def _reasoning(fields: Fields, name: str) -> dict[str, Any] | None:
    if fields.given(name) is None:
        return None
    fields.inside(name, ("effort",)).choice("effort", _EFFORTS)
    return dict(fields.given(name))


_SHARED: _Tree = {
    "output_modalities": ("modalities", _modalities),
    "instructions": ("instructions", checked_text),
    "tools": ("tools", lambda fields, name: checked_tools(fields.given(name), fields.path(name))),
    "tool_choice": (
        "tool_choice",
        lambda fields, name: checked_choice(fields.given(name), fields.path(name)),
    ),
}
_SESSION: _Tree = {
    **_SHARED,
    "type": ("", Fields.text),
    "model": ("", Fields.text),
    "max_output_tokens": ("max_response_output_tokens", _max_tokens),
    "tracing": ("tracing", checked_tracing),
    "truncation": ("truncation", _truncation),
    "prompt": ("", _prompt),
    "include": ("include", checked_include),
    "reasoning": ("reasoning", _reasoning),
    "parallel_tool_calls": ("parallel_tool_calls", Fields.boolean),
    "audio": {
        "input": {
            "format": ("input_audio_format", _format),
            "transcription": ("input_audio_transcription", _transcription),
            "noise_reduction": ("input_audio_noise_reduction", _noise_reduction),
            "turn_detection": ("turn_detection", _detection),
        },
        "output": {
            "format": ("output_audio_format", _format),
            "voice": ("voice", _voice),
            "speed": ("speed", checked_speed),
        },
    },
}
"""`session.update`."""

_RESPONSE: _Tree = {
    **_SHARED,
    "max_output_tokens": ("max_output_tokens", _max_tokens),
    "audio": {"output": {"format": ("output_audio_format", _format), "voice": ("voice", _voice)}},
}
"""`response.create`, by field of the options."""

RESPONSE: dict[str, Override] = dict.fromkeys(
    _RESPONSE, lambda fields, name: _read(fields, {name: _RESPONSE[name]})
)
