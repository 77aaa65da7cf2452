"""The frozen rules of one profile, and the operator's own session configuration. PURE.

`settings` builds these values at the start; the gate hands them to `policy.client_events` and
`policy.server_events` with each event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from app.policy.placeholders import fill
from app.policy.turn_detection import TurnDetection
from app.protocol.dialects.voices import PREVIEW_VOICES


class Profile(StrEnum):
    """How much a browser may change: see the table in docs/policy.md."""

    LOCKED = "locked"
    GUIDED = "guided"
    OPEN = "open"


class Act(StrEnum):
    """What is done with a row of the tables."""

    ALLOW = "+"
    STRIP = "s"
    REFUSE = "x"


class Ruled(Protocol):
    """A row of `tables`, as far as a policy must know it."""

    @property
    def name(self) -> str:
        """Unique among all rows."""

    @property
    def rule(self) -> str:
        """The anchor in docs/policy.md."""

    def act(self, profile: Profile) -> Act:
        """What the table says for a profile."""


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function tool. `definition` is the operator's, sent as it is (`type`, `name`,
    `description`, `parameters`). It runs in the client, or behind the relay (`on_server`): the
    model knows such a tool, and no client does."""

    name: str
    definition: dict[str, Any]
    on_server: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Frozen rules. Field names are those of the internal (GA) spelling.

    `transcription_model` is the operator's, None: transcription is off, and no client switches it
    on. `server_tools` run behind the relay and are hidden; they go out again with every list of
    tools. `create_response` and `interrupt_response` are forced where they are not None.
    `history` lets guided clients add what the assistant said before (text, before the first
    response). `languages`: None allows any. Ranges are inclusive; sizes are decoded bytes, texts
    are in characters: of one part, of a client in one session, of instructions.

    `rows` holds the acts that the operator's policy file changes, by the row's name; `reports`
    names the rows that are in report mode: what they would forbid goes on, and is told.
    """

    profile: Profile = Profile.GUIDED
    hints: bool = True
    show_usage: bool = True
    show_rate_limits: bool = False
    voices: tuple[str, ...] = PREVIEW_VOICES
    output_modalities: tuple[str, ...] = ("audio", "text")
    client_tools: tuple[ClientTool, ...] = ()
    max_output_tokens: int = 4096
    transcription_model: str | None = None
    languages: tuple[str, ...] | None = None
    server_tools: tuple[ClientTool, ...] = ()
    create_response: bool | None = None
    interrupt_response: bool | None = None
    moderates: bool = False
    history: bool = False
    speed: tuple[float, float] = (0.25, 1.5)
    temperature: tuple[float, float] = (0.6, 1.2)
    append_bytes: int = 96 * 1024
    image_bytes: int = 1024 * 1024
    tool_output_bytes: int = 16 * 1024
    text_characters: int = 4_000
    session_characters: int = 64_000
    instructions_characters: int = 16_000
    rows: Mapping[str, Act] = field(default_factory=dict)
    reports: frozenset[str] = frozenset()

    def act(self, row: Ruled) -> Act:
        """What is done with the row: as the policy file says, or else as the profile does."""
        return self.rows.get(row.name) or row.act(self.profile)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The server's own session configuration, applied before the client is heard.

    None leaves upstream's default. `instructions` may hold placeholders until `for_user` has
    filled them. `tools` holds every tool of the session, hidden ones too. `transcription_model`
    switches transcription of the user's audio on; the language says nothing without it.
    """

    instructions: str | None = None
    voice: str | None = None
    transcription_model: str | None = None
    tools: tuple[ClientTool, ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    turn_detection: TurnDetection | None = None
    transcription_language: str | None = None
    output_modalities: tuple[str, ...] | None = None
    speed: float | None = None

    def for_user(self, value_of: Callable[[str], str | None]) -> Configuration:
        """What this user's session is told; `value_of(claim)` is None where there is no claim."""
        if self.instructions is None:
            return self
        return replace(self, instructions=fill(self.instructions, value_of))

    def session(self) -> dict[str, Any]:
        """The `session` object of our own `session.update`, in the internal spelling."""
        session: dict[str, Any] = {"type": "realtime"}
        if self.instructions is not None:
            session["instructions"] = self.instructions
        if self.output_modalities is not None:
            session["output_modalities"] = list(self.output_modalities)
        audio = {"input": self._input(), "output": self._output()}
        if audio := {side: known for side, known in audio.items() if known}:
            session["audio"] = audio
        if self.tools:
            session["tools"] = [tool.definition for tool in self.tools]
            session["tool_choice"] = "auto"
        if self.temperature is not None:
            session["temperature"] = self.temperature
        if self.max_output_tokens is not None:
            session["max_output_tokens"] = self.max_output_tokens
        return session

    def _input(self) -> dict[str, Any]:
        built: dict[str, Any] = {}
        if self.transcription_model is not None:
            built["transcription"] = {"model": self.transcription_model}
            if self.transcription_language is not None:
                built["transcription"]["language"] = self.transcription_language
        if self.turn_detection is not None:
            built["turn_detection"] = self.turn_detection.setting()
        return built

    def _output(self) -> dict[str, Any]:
        known = {"voice": self.voice, "speed": self.speed}
        return {name: value for name, value in known.items() if value is not None}
