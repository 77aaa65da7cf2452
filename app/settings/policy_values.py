"""What a profile's table in the policy file may hold beside rows: each key, its form, its use.

    voices = ["alloy", "coral"]        max_output_tokens = 1024        create_response = false

A key is named like the value of `policy.Policy` that it sets. A `ValueError` here completes the
sentence "`KEY` ...".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from app.policy.policy import Profile
from app.protocol.dialects.voices import GA_VOICES
from app.settings.forms import LANGUAGE

MOST_TOKENS = 4096
MOST_AUDIO_BYTES = 15 * 1024 * 1024
SPEED = (0.25, 1.5)
TEMPERATURE = (0.6, 1.2)
"""Bounds of the API."""

_ANY = tuple(Profile)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `read` turns the TOML value into the policy's. `rows` are those that use the value
    (empty: it always counts); `profiles` may have it. `decides` says of a value that it counts
    where none of the rows is open, too, because it alone says what sessions begin with."""

    read: Callable[[Any], Any]
    rows: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = _ANY
    decides: Callable[[Any], bool] = lambda _value: False


def near(name: str, known: object) -> str:
    """` (did you mean ...?)`, or nothing."""
    found = get_close_matches(name, [str(entry) for entry in _listed(known)], n=1)
    return f" (did you mean `{found[0]}`?)" if found else ""


def _listed(known: object) -> list[Any]:
    return list(known) if isinstance(known, list | tuple | dict) else []


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts, none twice, at least one."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValueError('must be a list of texts, for example ["one", "two"]')
    if not value:
        raise ValueError("is empty, so nothing could be chosen: name something, or strip the row")
    if len(set(value)) != len(value):
        raise ValueError("names something twice: remove one")
    return tuple(value)


def _some_or_none(value: Any) -> Any:
    """As `texts`, and the empty list, which says: none."""
    return () if value == [] else texts(value)


def _one_of(words: tuple[str, ...], what: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        named = texts(value)
        for word in named:
            if word not in words:
                known = f"; there are {', '.join(words)}"
                raise ValueError(f"names no {what} with {word[:40]!r}{near(word, words)}{known}")
        return named

    return read


def _languages(value: Any) -> Any:
    named = texts(value)
    for word in named:
        if not LANGUAGE.fullmatch(word):
            raise ValueError(f"holds {word[:40]!r}, which is no language such as `en` or `en-GB`")
    return named


def _integer(most: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise ValueError(f"must be a whole number from 1 to {most}")
        return value

    return read


def _range(bounds: tuple[float, float]) -> Callable[[Any], Any]:
    low, high = bounds

    def read(value: Any) -> Any:
        pair = value if isinstance(value, list) and len(value) == 2 else []
        if not pair or not all(type(end) in (int, float) for end in pair):
            raise ValueError(f"must be the least and the most, for example [{low}, {high}]")
        if not low <= pair[0] <= pair[1] <= high:
            raise ValueError(f"must lie within {low} and {high}, the least first")
        return float(pair[0]), float(pair[1])

    return read


def _boolean(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


KEYS: dict[str, Key] = {
    "voices": Key(
        _one_of(GA_VOICES, "voice"),
        ("session.audio.output.voice", "response.audio.output.voice"),
    ),
    "languages": Key(_languages, ("session.audio.input.transcription",)),
    "output_modalities": Key(
        _one_of(("audio", "text"), "modality"),
        ("session.output_modalities", "response.output_modalities"),
        decides=lambda value: "audio" not in value,  # a session that never speaks
    ),
    "client_tools": Key(_some_or_none),
    "max_output_tokens": Key(_integer(MOST_TOKENS)),
    "speed": Key(_range(SPEED), ("session.audio.output.speed",)),
    "temperature": Key(_range(TEMPERATURE), ("session.temperature", "response.temperature")),
    "append_bytes": Key(_integer(MOST_AUDIO_BYTES)),
    "image_bytes": Key(_integer(MOST_AUDIO_BYTES), ("user/input_image",)),
    "tool_output_bytes": Key(_integer(1024 * 1024), ("function_call_output",)),
    "text_characters": Key(_integer(1_000_000)),
    "session_characters": Key(_integer(100_000_000)),
    "instructions_characters": Key(
        _integer(100_000), ("session.instructions", "response.instructions")
    ),
    "create_response": Key(_boolean),
    "interrupt_response": Key(_boolean),
    "history": Key(_boolean, profiles=(Profile.GUIDED,)),
    "moderates": Key(_boolean, profiles=(Profile.GUIDED,)),
}
"""`client_tools` names tools of RELAY_SESSION_TOOLS_FILE; whether they exist is checked there."""
