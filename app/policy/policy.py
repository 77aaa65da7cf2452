"""The frozen rules of one profile, and the operator's own session configuration. PURE.

`settings` builds these values at the start; the gate hands them to `policy.client_events` and
`policy.server_events` with each event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Profile(StrEnum):
    """How much a browser may change: see the table in docs/policy.md."""

    LOCKED = "locked"
    GUIDED = "guided"
    OPEN = "open"


PREVIEW_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function tool that runs in the client. `definition` is the operator's, sent as it is
    (`type`, `name`, `description`, `parameters`)."""

    name: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """Frozen rules. Field names are those of the internal (GA) spelling.

    `transcription_model` is the operator's, None: transcription is off, and no client switches it
    on. `server_tools` run behind the relay and are hidden; they go out again with every list of
    tools. `create_response` and `interrupt_response` are forced where they are not None.
    `history` lets guided clients add what the assistant said before (text, before the first
    response). `languages`: None allows any. Ranges are inclusive; sizes are decoded bytes.
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


@dataclass(frozen=True, slots=True)
class Configuration:
    """The server's own session configuration, applied before the client is heard.

    None leaves upstream's default. `tools` holds every tool of the session (today: the client
    tools). `transcription_model` switches transcription of the user's audio on.
    """

    instructions: str | None = None
    voice: str | None = None
    transcription_model: str | None = None
    tools: tuple[ClientTool, ...] = ()
    max_output_tokens: int | None = None

    def session(self) -> dict[str, Any]:
        """The `session` object of our own `session.update`, in the internal spelling."""
        session: dict[str, Any] = {"type": "realtime"}
        if self.instructions is not None:
            session["instructions"] = self.instructions
        audio: dict[str, Any] = {}
        if self.transcription_model is not None:
            audio["input"] = {"transcription": {"model": self.transcription_model}}
        if self.voice is not None:
            audio["output"] = {"voice": self.voice}
        if audio:
            session["audio"] = audio
        if self.tools:
            session["tools"] = [tool.definition for tool in self.tools]
            session["tool_choice"] = "auto"
        if self.max_output_tokens is not None:
            session["max_output_tokens"] = self.max_output_tokens
        return session
