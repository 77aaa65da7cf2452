"""The policy in force as lines of a table: each row, what is done with it, who said so, values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.policy.policy import Act, Profile
from app.policy.rows import ROWS, spoken
from app.policy.switches import switched
from app.policy.tables import Row
from app.settings import Settings
from app.settings.policy_file import PolicyFile
from app.settings.policy_values import KEYS

_WORDS = {Act.ALLOW: "allow", Act.STRIP: "strip", Act.REFUSE: "refuse"}
_FURTHER: dict[str, tuple[str, ...]] = {
    "input_audio_buffer.append": ("append_bytes",),
    "user/input_audio": ("append_bytes",),
    "user/input_text": ("text_characters", "session_characters"),
    "session.tools": ("client_tools",),
    "response.tools": ("client_tools",),
    "session.max_output_tokens": ("max_output_tokens",),
    "response.max_output_tokens": ("max_output_tokens",),
    "session.audio.input.turn_detection": ("create_response", "interrupt_response"),
}
"""Values that a row uses beside those of `policy_values.KEYS`."""

_SETTINGS = {
    "client_tools": ("session_tools", "RELAY_SESSION_TOOLS_FILE"),
    "max_output_tokens": ("session_max_output_tokens", "RELAY_SESSION_MAX_OUTPUT_TOKENS"),
}
"""Settings that say a value where the file does not."""

_TRANSCRIPTION = "session.audio.input.transcription"
_NOT_HEARD = "never: RELAY_SESSION_TRANSCRIPTION_MODEL is not set"


@dataclass(frozen=True, slots=True)
class Line:
    """One row in one profile. `source` is the profile, a line of the file, or "setting", of the
    act; each of `values` has its own behind it. `differs`: something is not as the profile alone
    has it."""

    row: str
    act: str
    source: str
    values: str
    differs: bool = False


def lines(settings: Settings, profile: Profile) -> Iterator[Line]:
    """Every row, in the order of docs/policy.md."""
    reader = _Reader(settings, profile)
    return (reader.line(row) for row in ROWS.values())


def begins_with(settings: Settings, profile: Profile) -> tuple[str, ...]:
    """What sessions of this profile are told before their client is heard, in short."""
    reader, configuration = _Reader(settings, profile), settings.configuration(profile)
    said: list[str] = []

    def add(text: str, value: object, by: str = "") -> None:
        if value is not None:
            said.append(f"{text.format(value)}{f' ({by})' if by else ''}")

    def line(name: str, setting: object = None) -> str:
        """The line of the file, where no setting says it."""
        return reader.source(name) if setting is None else ""

    if configuration.instructions is not None:
        said.append(f"instructions of {len(configuration.instructions)} characters")
    if configuration.output_modalities is not None:
        kinds = " and ".join(configuration.output_modalities)
        add("{} alone", kinds, line("output_modalities"))
    add("voice {}", configuration.voice, line("voices", settings.session_voice))
    add("speed {:g}", configuration.speed, line("speed"))
    tokens = line("max_output_tokens", settings.session_max_output_tokens)
    tokens = tokens or "RELAY_SESSION_MAX_OUTPUT_TOKENS"
    add("at most {} tokens a response", configuration.max_output_tokens, tokens)
    warmth = line("temperature", settings.session_temperature)
    add("temperature {:g}", configuration.temperature, warmth)
    if configuration.turn_detection is not None:
        said.append(f"turn detection {configuration.turn_detection.kind.value}")
    add("transcription by {}", configuration.transcription_model)
    if configuration.tools:
        said.append(f"tools {', '.join(tool.name for tool in configuration.tools)}")
    return tuple(said)


class _Reader:
    """One profile, with the file and the settings that change it."""

    def __init__(self, settings: Settings, profile: Profile) -> None:
        self._settings = settings
        self._profile = profile
        self._policy = settings.policy(profile)
        self._file = settings.policy_file or PolicyFile()

    def line(self, row: Row) -> Line:
        act, source, notes = self._policy.act(row), self._profile.value, []
        if (line := self._file.line_of(self._profile, row.name)) is not None:
            source = f"line {line}"
        if (switch := switched(row, self._policy)) is not None:
            act, source = switch.act, self.source(switch.by) or "setting"
            before = ", before the first response" if act is Act.ALLOW else ""
            notes.append(f"by {switch.by}{before}")
        reported = self._file.line_of_report(self._profile, row.name)
        if reported is not None:
            notes.append(f"reported only (line {reported})")
        if row.name == _TRANSCRIPTION and self._policy.transcription_model is None:
            notes.append(_NOT_HEARD)
        names = self._names(row) if act is Act.ALLOW or reported is not None else ()
        changed = any(self.source(name) for name in names)
        moved = act is not row.act(self._profile) or reported is not None or switch is not None
        named = row.name in self._policy.rows
        shown = "; ".join([*notes, *self._values(names)])
        return Line(spoken(row), _WORDS[act], source, shown, moved or named or changed)

    def source(self, name: str) -> str:
        """Who says a value: a line of the file, or a setting; empty: the profile."""
        if name in self._file.changes(self._profile).values:
            return f"line {self._file.line(self._profile.value, name)}"
        field, variable = _SETTINGS.get(name, ("", ""))
        return variable if field and getattr(self._settings, field) else ""

    def _names(self, row: Row) -> tuple[str, ...]:
        own = tuple(name for name, key in KEYS.items() if row.name in key.rows)
        return own + _FURTHER.get(row.name, ())

    def _values(self, names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            if value := _shown(getattr(self._policy, name)):
                by = self.source(name)
                yield f"{name}: {value}{f' ({by})' if by else ''}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f"forced to {str(value).lower()}"
        case (float(), float()):
            return f"{value[0]:g} to {value[1]:g}"
        case tuple():
            return ", ".join(str(getattr(entry, "name", entry)) for entry in value) or "none"
        case _:
            return f"at most {value}"
