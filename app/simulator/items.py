"""Items of a conversation and their content parts, and what of them both dialects print alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.simulator.audio import PCM16, encoded, from_pcm, length_ms

MESSAGE = "message"
FUNCTION_CALL = "function_call"
FUNCTION_CALL_OUTPUT = "function_call_output"


@dataclass(slots=True)
class Part:
    """One content part. `type` is input_text, input_audio, input_image, text or audio.

    `audio` of an `input_audio` part is pcm16 whatever came over the wire; that of an `audio` part
    is in `audio_format`, as it was sent. `image_url` and `detail` belong to an `input_image`.
    """

    type: str
    text: str = ""
    audio: bytes | bytearray = b""
    audio_format: str = PCM16
    transcript: str | None = None
    image_url: str = ""
    detail: str = "auto"

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

    def describe(self, name: str) -> dict[str, Any]:
        """The part as items show it, under its dialect's `name`: audio never travels in them,
        only its transcript."""
        if self.has_audio:
            return {"type": name, "transcript": self.transcript}
        if self.type == "input_image":
            return {"type": name, "image_url": self.image_url, "detail": self.detail}
        return {"type": name, "text": self.text}

    def describe_whole(self, name: str, input_format: str) -> dict[str, Any]:
        """The part with its audio in base64, for `conversation.item.retrieved`."""
        shown = self.describe(name)
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

    def body(self, names: dict[str, str], whole_audio: str | None) -> dict[str, Any]:
        """What distinguishes the kinds of items; `names` are a dialect's words for types of
        parts, `whole_audio` is the input's format if audio is wanted."""
        if self.type == FUNCTION_CALL:
            return {"name": self.name, "call_id": self.call_id, "arguments": self.arguments}
        if self.type == FUNCTION_CALL_OUTPUT:
            return {"call_id": self.call_id, "output": self.output}
        content = [
            part.describe(names.get(part.type, part.type))
            if whole_audio is None
            else part.describe_whole(names.get(part.type, part.type), whole_audio)
            for part in self.content
        ]
        return {"role": self.role, "content": content}
