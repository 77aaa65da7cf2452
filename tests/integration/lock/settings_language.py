"""The second grammar's rules for settings: `session` of `session.update`, `response` of
`response.create`. Written from the policy's design, in both spellings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.integration.lock.words import (
    Illegal,
    World,
    exactly,
    flag,
    number_in,
    one_of,
    text,
    whole,
)

Check = Callable[[Any, World], None]

INSTRUCTIONS = 16_000
DESCRIPTION = 4_000
PARAMETERS = 16 * 1024
DEPTH, KEYS = 32, 512
FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")


def session_settings(session: Any, world: World) -> None:
    """The `session` object of a client's `session.update`."""
    if not isinstance(session, dict):
        raise Illegal("a session that is no object")
    flat = session if world.preview else _flattened(session)
    for key, value in flat.items():
        if key not in _SESSION:
            raise Illegal(f"session.{key}")
        profiles, check = _SESSION[key]
        _setting(f"session.{key}", profiles, check, value, world)


def response_settings(key: str, value: Any, world: World) -> None:
    """One key of the `response` object of a client's `response.create`, but `input`."""
    if key == "type":
        raise Illegal("response.type")
    flat = {key: value} if world.preview else _flattened({"type": "realtime", key: value})
    for name, entry in flat.items():
        if name not in _RESPONSE:
            raise Illegal(f"response.{name}")
        profiles, check = _RESPONSE[name]
        _setting(f"response.{name}", profiles, check, entry, world)


def _setting(path: str, profiles: str, check: Check, value: Any, world: World) -> None:
    if not world.opens(path, world.profile[0] in profiles):
        raise Illegal(f"{path} of a {world.profile} client")
    try:
        check(value, world)
    except Illegal as illegal:
        raise Illegal(f"{path}: {illegal}") from illegal


def _flattened(session: dict[str, Any]) -> dict[str, Any]:
    """The GA object under the preview's names; what has none keeps its path and is illegal."""
    if session.get("type") != "realtime":
        raise Illegal("no realtime session")
    flat: dict[str, Any] = {}
    for key, value in session.items():
        if key == "audio":
            exactly(value, required=(), optional=("input", "output"))
            for side, entries in value.items():
                if not isinstance(entries, dict):
                    raise Illegal(f"audio.{side}")
                for name, entry in entries.items():
                    flat[_AUDIO.get((side, name), f"audio.{side}.{name}")] = entry
        elif key != "type":
            flat[_GA.get(key, f"preview's {key}" if key in _PREVIEW_ONLY else key)] = value
    return flat


_AUDIO = {
    ("input", "format"): "input_audio_format",
    ("input", "transcription"): "input_audio_transcription",
    ("input", "noise_reduction"): "input_audio_noise_reduction",
    ("input", "turn_detection"): "turn_detection",
    ("output", "format"): "output_audio_format",
    ("output", "voice"): "voice",
    ("output", "speed"): "speed",
}
_GA = {"output_modalities": "modalities", "max_output_tokens": "max_response_output_tokens"}
_PREVIEW_ONLY = frozenset(_AUDIO.values()) | frozenset(_GA.values())


STAND_INS = {"marin": "coral", "cedar": "ash"}
"""What a preview upstream is told in place of the voices that it does not have."""


def _voice(value: Any, world: World) -> None:
    voices = [STAND_INS.get(name, name) for name in world.voices] if world.preview else world.voices
    one_of(value, *voices)


def _of_ga_alone(check: Check) -> Check:
    def checked(value: Any, world: World) -> None:
        if world.preview:
            raise Illegal("a name that a preview upstream does not know")
        check(value, world)

    return checked


def _of_preview_alone(check: Check) -> Check:
    def checked(value: Any, world: World) -> None:
        if not world.preview:
            raise Illegal("a name that a GA upstream does not know")
        check(value, world)

    return checked


def _modalities(value: Any, world: World) -> None:
    if value not in ([["text", "audio"], ["text"]] if world.preview else [["audio"], ["text"]]):
        raise Illegal("modalities")
    if ("audio" if "audio" in value else "text") not in world.modalities:
        raise Illegal("a modality that the operator does not offer")


def _format(value: Any, world: World) -> None:
    allowed: list[Any] = list(FORMATS) if world.preview else list(FORMATS.values())
    if value not in allowed:
        raise Illegal("a format")


def _turn_detection(value: Any, world: World) -> None:
    forced = {name: must for name in _FLAGS if (must := getattr(world, name)) is not None}
    if value is None:
        if any(forced.values()):
            raise Illegal("what the operator forces on is off")
        return
    exactly(value, required=("type", *forced), optional=(*_FLAGS, "eagerness", *_RANGES))
    one_of(value["type"], "server_vad", "semantic_vad")
    foreign = ("eagerness",) if value["type"] == "server_vad" else _RANGES
    if any(name in value for name in foreign):
        raise Illegal("a field of the other kind of turn detection")
    for name, (low, high) in _RANGES.items():
        if name in value:
            number_in(value[name] if name == "threshold" else whole(value[name]), low, high)
    if "eagerness" in value:
        one_of(value["eagerness"], "low", "medium", "high", "auto")
    for name in _FLAGS:
        if name in value:
            flag(value[name])
        if value.get(name) != forced.get(name, value.get(name)):
            raise Illegal("forced means forced")


_FLAGS = ("create_response", "interrupt_response")
_RANGES = {
    "threshold": (0.1, 0.95),
    "prefix_padding_ms": (0, 2000),
    "silence_duration_ms": (200, 5000),
}


def _transcription(value: Any, world: World) -> None:
    if world.transcription_model is None:
        raise Illegal("a client switches transcription on")
    exactly(value, required=("model", "language"))
    one_of(value["model"], world.transcription_model)
    if not isinstance(value["language"], str) or not _LANGUAGE.match(value["language"]):
        raise Illegal("a language")
    if world.languages is not None:
        one_of(value["language"], *world.languages)


def _noise_reduction(value: Any, _world: World) -> None:
    if value is not None:
        exactly(value, required=("type",))
        one_of(value["type"], "near_field", "far_field")


def _tools(value: Any, world: World) -> None:
    if not isinstance(value, list):
        raise Illegal("no list")
    named: dict[str, Any] = {}
    for tool in value:
        exactly(tool, required=("type", "name"), optional=("description", "parameters"))
        one_of(tool["type"], "function")
        if not isinstance(tool["name"], str) or not _NAME.match(tool["name"]):
            raise Illegal("a tool's name")
        if tool["name"] in named:
            raise Illegal("a tool twice")
        named[tool["name"]] = tool
    for name, definition in world.hidden_tools.items():
        if named.pop(name, None) != definition:
            raise Illegal("a hidden tool is missing, or changed")
    for name, tool in named.items():
        _offered(name, tool, world)
    if world.opened and set(world.tools) - named.keys():
        raise Illegal("an operator's tool is missing")


def _offered(name: str, tool: dict[str, Any], world: World) -> None:
    """A tool that is not hidden: the operator's as it is, or an open client's own."""
    if name in world.tools:
        if tool != world.tools[name]:
            raise Illegal("an operator's tool in the client's words")
    elif not world.opened:
        raise Illegal("a tool that the operator does not offer")
    else:
        text(tool.get("description", ""), DESCRIPTION)
        parameters = tool.get("parameters", {})
        if not isinstance(parameters, dict) or len(json.dumps(parameters)) > 6 * PARAMETERS:
            raise Illegal("parameters")
        if _depth(parameters) > DEPTH or _keys(tool) > KEYS:
            raise Illegal("parameters without end")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level := [entry for outer in level for entry in _inside(outer)]:
        depth += 1
    return depth


def _keys(value: Any) -> int:
    own = len(value) if isinstance(value, dict) else 0
    return own + sum(map(_keys, _inside(value)))


def _tool_choice(value: Any, world: World) -> None:
    if isinstance(value, str):
        one_of(value, "auto", "none", "required")
        return
    exactly(value, required=("type", "name"))
    one_of(value["type"], "function")
    name = value["name"]
    if not isinstance(name, str) or name in world.hidden_tools:
        raise Illegal("a hidden tool is named")
    if not world.opened and name not in world.tools:
        raise Illegal("a tool that the operator does not offer")


MARK = "relay_request"
"""The pair in which the relay says which request it is."""


def _metadata(value: Any, world: World) -> None:
    if not isinstance(value, dict) or len(value) > 16:
        raise Illegal("no object of 16 pairs")
    for key, entry in value.items():
        text(key, 64)
        text(entry, 512)
        if key.casefold().startswith("relay") and (key, entry) != (MARK, world.lent):
            raise Illegal("a key of the relay's")


def _ranged(low: float, high: float) -> Check:
    return lambda value, _world: number_in(value, low, high)


_SHARED: dict[str, tuple[str, Check]] = {
    "instructions": ("o", lambda value, _world: text(value, INSTRUCTIONS)),
    "tools": ("go", _tools),
    "tool_choice": ("go", _tool_choice),
    "parallel_tool_calls": ("go", _of_ga_alone(lambda value, _world: flag(value))),
    "modalities": ("go", _modalities),
    "max_response_output_tokens": (
        "o",
        lambda value, world: number_in(whole(value), 1, world.most_tokens),
    ),
    "temperature": ("go", _of_preview_alone(_ranged(0.6, 1.2))),
    "voice": ("go", _voice),
    "output_audio_format": ("go", _format),
}
_SESSION: dict[str, tuple[str, Check]] = {
    **_SHARED,
    "input_audio_format": ("go", _format),
    "turn_detection": ("go", _turn_detection),
    "input_audio_transcription": ("go", _transcription),
    "input_audio_noise_reduction": ("go", _noise_reduction),
    "speed": ("go", _ranged(0.25, 1.5)),
}
_RESPONSE: dict[str, tuple[str, Check]] = {
    **_SHARED,
    "metadata": ("lgo", _metadata),
    "conversation": ("go", lambda value, _world: one_of(value, "auto", "none")),
}
