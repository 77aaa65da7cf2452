"""The values that go into the brain and come out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Line:
    """One earlier message of the conversation. `role` is `user`, `assistant` or `system`."""

    role: str
    text: str


@dataclass(frozen=True)
class Turn:
    """All that an answer may depend on.

    `text` is what the person typed, `audio` what they spoke (pcm16, 24 kHz, may be empty),
    `tool_output` the result of the call that this response follows, if it follows one. `tools`
    and `tool_choice` are as the protocol carries them. `history` is oldest first. The script does
    not read `instructions`, and so cannot be talked into giving them away.
    """

    text: str | None
    audio: bytes
    instructions: str
    tools: tuple[dict[str, Any], ...]
    tool_choice: str | dict[str, Any]
    history: tuple[Line, ...]
    tool_output: str | None


@dataclass(frozen=True)
class Say:
    """Speak: strings are spoken with the voice, bytes are pcm16 at 24 kHz played as they are."""

    parts: tuple[str | bytes, ...]


@dataclass(frozen=True)
class Call:
    """Call a function tool; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


Reply: TypeAlias = Say | Call
