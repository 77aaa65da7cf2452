"""Items of a conversation and their content parts, and how the service prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.audio import PCM16, encoded, from_pcm, length_ms

MESSAGE = "message"
FUNCTION_CALL = "function_call"
FUNCTION_CALL_OUTPUT = "function_call_output"


@dataclass(slots=True)
class Part:
    """One content part. `type` is input_text, input_audio, text or audio.

    `audio` of an `input_audio` part is pcm16 whatever came over the wire; that of an `audio` part
    is in `audio_format`, as it was sent.
    """

    type: str
    text: str = ""
    audio: bytes | bytearray = b""
    audio_format: str = PCM16
    transcript: str | None = None

    @property
    def has_audio(self) -> bool:
        return self.type in ("input_audio", "audio")

    @property
    def audio_ms(self) -> float:
        return length_ms(self.audio, self.audio_format)

    @property
    def words(self) -> str:
        """The part as text: what it says, as far as that is known."""
        return (self.transcript or "") if self.has_audio else self.text

    def describe(self) -> dict[str, Any]:
        """The part as events show it: audio never travels in them, only its transcript."""
        if self.has_audio:
            return {"type": self.type, "transcript": self.transcript}
        return {"type": self.type, "text": self.text}

    def describe_whole(self, input_format: str) -> dict[str, Any]:
        """The part with its audio in base64, for `conversation.item.retrieved`."""
        shown = self.describe()
        if self.type == "input_audio":
            shown["audio"] = encoded(from_pcm(bytes(self.audio), input_format))
        elif self.type == "audio":
            shown["audio"] = encoded(self.audio)
        return shown


@dataclass(slots=True)
class Item:
    """A message, a function call, or a function's output. `status` is in_progress, completed or
    incomplete."""

    id: str
    type: str
    status: str = "completed"
    role: str = ""
    content: list[Part] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""

    @property
    def words(self) -> str:
        return " ".join(part.words for part in self.content if part.words)

    def describe(self, *, whole_audio: str | None = None) -> dict[str, Any]:
        """The item as the wire shows it; `whole_audio` is the input's format if audio is wanted."""
        head = {"id": self.id, "object": "realtime.item", "type": self.type, "status": self.status}
        if self.type == FUNCTION_CALL:
            call = {"name": self.name, "call_id": self.call_id, "arguments": self.arguments}
            return {**head, **call}
        if self.type == FUNCTION_CALL_OUTPUT:
            return {**head, "call_id": self.call_id, "output": self.output}
        if whole_audio is None:
            content = [part.describe() for part in self.content]
        else:
            content = [part.describe_whole(whole_audio) for part in self.content]
        return {**head, "role": self.role, "content": content}
