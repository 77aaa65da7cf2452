"""Everything that one response goes by: the session's values, with the event's own over them."""

from __future__ import annotations

from dataclasses import dataclass

from app.simulator.items import Item
from app.simulator.session import Session
from app.simulator.tools import Tool, ToolChoice


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """Everything that one response goes by.

    `context` replaces the conversation as what the response reads (None: it does not);
    `appended` follows it. `in_conversation` is false for an out-of-band response.
    """

    modalities: tuple[str, ...]
    instructions: str
    voice: str
    output_audio_format: str
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice
    temperature: float
    max_output_tokens: int | str
    in_conversation: bool = True
    context: tuple[Item, ...] | None = None
    appended: tuple[Item, ...] = ()
    metadata: dict[str, str] | None = None
    commit: bool = False
    cancel_previous: bool = False

    @property
    def speaks(self) -> bool:
        return "audio" in self.modalities


def session_options(session: Session) -> ResponseOptions:
    """What a response goes by where nobody said otherwise: those that a turn's end starts."""
    return ResponseOptions(
        modalities=session.modalities,
        instructions=session.instructions,
        voice=session.voice,
        output_audio_format=session.output_audio_format,
        tools=session.tools,
        tool_choice=session.tool_choice,
        temperature=session.temperature,
        max_output_tokens=session.max_response_output_tokens,
    )
