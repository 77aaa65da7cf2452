"""Session and response objects: the preview's flat keys and the internal nested ones. PURE.

    preview   voice, turn_detection, input_audio_format ...     flat
                 |  inward            ^  outward
    internal  audio.output.voice, audio.input.turn_detection ...  nested, as GA spells it

Each dialect has one `ObjectTable` per object. GA's renames nothing: it only says which names are
the preview's. Values that a codec does not understand are kept as they are, so that the policy can
refuse them by name.
Source: Microsoft's preview-to-GA migration guide and the realtime-audio reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.protocol.dialects.values import PREVIEW_FORMATS as PREVIEW_FORMATS
from app.protocol.dialects.values import (
    format_in,
    format_out,
    modalities_in,
    modalities_out,
    same,
    turn_in,
    turn_out,
)
from app.protocol.dialects.values import format_name as format_name
from app.protocol.dialects.voices import preview_voice
from app.protocol.names import Dialect

Path = tuple[str, ...]
Codec = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Renaming:
    """One flat key, where its value stands inside, and how the value changes on the way."""

    flat: str
    nested: Path
    inward: Codec = same
    outward: Codec = same


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """How one object is spelled in one dialect.

    `aliases` are further names that clients really send, with the path that they mean;
    `text_aliases` are such names only where the value is a text. `foreign`
    are internal names that mean nothing in this dialect: a client's value under one is set aside
    (it must not be mistaken for ours). `unsent` are internal names that this dialect refuses.
    """

    renamings: tuple[Renaming, ...] = ()
    aliases: Mapping[str, Path] = field(default_factory=dict)
    text_aliases: Mapping[str, Path] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    unsent: frozenset[str] = frozenset()


_VOICE = Renaming("voice", ("audio", "output", "voice"), outward=preview_voice)
_MODALITIES = Renaming("modalities", ("output_modalities",), modalities_in, modalities_out)
_OUTPUT_FORMAT = Renaming(
    "output_audio_format", ("audio", "output", "format"), format_in, format_out
)
_MAX_TOKENS = Renaming("max_response_output_tokens", ("max_output_tokens",))
_INPUT_ALIASES: dict[str, Path] = {"append_input_items": ("input",), "input_items": ("input",)}
# As Microsoft's how-to writes the instructions of an out-of-band response.
_TEXT_ALIASES: dict[str, Path] = {"prompt": ("instructions",)}
_GA_FIELDS = frozenset({"prompt", "reasoning", "parallel_tool_calls"})
_PREVIEW_FIELDS = frozenset({"temperature"})

PREVIEW_SESSION = (
    _MODALITIES,
    _VOICE,
    Renaming("speed", ("audio", "output", "speed")),
    Renaming("input_audio_format", ("audio", "input", "format"), format_in, format_out),
    _OUTPUT_FORMAT,
    Renaming("input_audio_transcription", ("audio", "input", "transcription")),
    Renaming("input_audio_noise_reduction", ("audio", "input", "noise_reduction")),
    Renaming("turn_detection", ("audio", "input", "turn_detection"), turn_in, turn_out),
    _MAX_TOKENS,
)
"""How preview spells the settings of a session."""
_PREVIEW_RESPONSE = (_MODALITIES, _VOICE, _OUTPUT_FORMAT, _MAX_TOKENS)


def _flat_names(renamings: tuple[Renaming, ...]) -> frozenset[str]:
    return frozenset(renaming.flat for renaming in renamings)


SESSION: dict[Dialect, ObjectTable] = {
    Dialect.PREVIEW: ObjectTable(
        renamings=PREVIEW_SESSION,
        foreign=frozenset({"audio", "output_modalities", "max_output_tokens"})
        | frozenset({"parallel_tool_calls"}),
        unsent=_GA_FIELDS | {"type", "truncation", "tracing", "include"},
    ),
    Dialect.GA: ObjectTable(
        foreign=_flat_names(PREVIEW_SESSION) | _PREVIEW_FIELDS, unsent=_PREVIEW_FIELDS
    ),
}
"""The `session` object: of `session.update`, `session.created` and `session.updated`."""

RESPONSE_CREATE: dict[Dialect, ObjectTable] = {
    Dialect.PREVIEW: ObjectTable(
        renamings=_PREVIEW_RESPONSE,
        # Microsoft's rtclient spells the token limit as GA does.
        aliases=_INPUT_ALIASES | {"max_output_tokens": ("max_output_tokens",)},
        text_aliases=_TEXT_ALIASES,
        foreign=frozenset({"audio", "output_modalities", "parallel_tool_calls"}),
        unsent=_GA_FIELDS,
    ),
    Dialect.GA: ObjectTable(
        aliases=_INPUT_ALIASES,
        text_aliases=_TEXT_ALIASES,
        foreign=_flat_names(_PREVIEW_RESPONSE) | _PREVIEW_FIELDS,
        unsent=_PREVIEW_FIELDS,
    ),
}
"""The `response` object of `response.create`."""

RESPONSE: dict[Dialect, ObjectTable] = {
    Dialect.PREVIEW: ObjectTable(renamings=(_MODALITIES, _VOICE, _OUTPUT_FORMAT)),
    Dialect.GA: ObjectTable(unsent=_PREVIEW_FIELDS),
}
"""The `response` object of `response.created` and `response.done`."""

PREVIEW_SESSION_DEFAULTS: dict[str, Any] = {
    "id": "",
    "model": "",
    "modalities": ["text", "audio"],
    "instructions": "",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "turn_detection": None,
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
}
"""The 13 keys that strict preview clients demand of every session object, with the API's values."""


@dataclass(frozen=True, slots=True)
class Inward:
    """An object in the internal spelling.

    `renamed` maps internal paths to the alias that the client used; `foreign` are keys set aside;
    `clash` names two keys that stand for the same value (None: no such pair).
    """

    value: dict[str, Any]
    renamed: dict[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    clash: tuple[str, str] | None = None


def inward(flat: Mapping[str, Any], table: ObjectTable) -> Inward:
    """`flat` in the internal spelling. `flat` is not changed; values may be shared with it."""
    by_flat = {renaming.flat: renaming for renaming in table.renamings}
    value: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    renamed: dict[str, str] = {}
    foreign: list[str] = []
    for key, entry in flat.items():
        path = table.aliases.get(key, (key,))
        if isinstance(entry, str):
            path = table.text_aliases.get(key, path)
        if key in by_flat:
            path = by_flat[key].nested
        elif key in table.foreign:
            foreign.append(key)
            continue
        elif key in table.aliases or path != (key,):
            renamed[".".join(path)] = key
        if path in origins:
            return Inward(value, clash=(origins[path], key))
        origins[path] = key
        _put(value, path, by_flat[key].inward(entry) if key in by_flat else entry)
    return Inward(value, renamed, tuple(foreign))


def outward(nested: Mapping[str, Any], table: ObjectTable) -> dict[str, Any]:
    """`nested` in the dialect's spelling. `nested` is not changed; values may be shared with it."""
    roots = {renaming.nested[0] for renaming in table.renamings}
    flat = {
        key: entry for key, entry in nested.items() if key not in roots and key not in table.unsent
    }
    for renaming in table.renamings:
        parent: Any = nested
        for step in renaming.nested[:-1]:
            parent = parent.get(step) if isinstance(parent, dict) else None
        leaf = renaming.nested[-1]
        if isinstance(parent, Mapping) and leaf in parent:
            flat[renaming.flat] = renaming.outward(parent[leaf])
    return flat


def shown_session(session: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A session object for a client: in its spelling, with every key that it demands."""
    flat = outward(session, SESSION[dialect])
    if dialect is Dialect.PREVIEW:
        for key, default in PREVIEW_SESSION_DEFAULTS.items():
            flat.setdefault(key, default)
    return flat


def _put(target: dict[str, Any], path: Path, entry: Any) -> None:
    for step in path[:-1]:
        target = target.setdefault(step, {})
    target[path[-1]] = entry
