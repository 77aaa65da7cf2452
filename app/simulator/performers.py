"""The three things that a response can be: speech with its transcript, text, a function call."""

from __future__ import annotations

from collections.abc import Iterator

from app.simulator.audio import encoded, length_ms
from app.simulator.events import Event
from app.simulator.items import FUNCTION_CALL, MESSAGE, Item, Part
from app.simulator.performance import Performance, Stage, Step
from app.simulator.plan import Calling, Plan, Speech, Writing, chunks, pieces

_MS_PER_CHARACTER = 15.0
"""How long text counts for the pace: a quarter of what it takes to say it."""


def performance(stage: Stage, plan: Plan, *, item_id: str, call_id: str) -> Performance:
    """The performance of a plan; `call_id` is used if it is a function call."""
    match plan:
        case Speech():
            return _Speaking(stage, Item(id=item_id, type=MESSAGE, role="assistant"), plan)
        case Writing():
            return _Typing(stage, Item(id=item_id, type=MESSAGE, role="assistant"), plan)
        case Calling():
            item = Item(id=item_id, type=FUNCTION_CALL, name=plan.name, call_id=call_id)
            return _Calling(stage, item, plan)


class _Speaking(Performance):
    """Audio with its transcript."""

    def __init__(self, stage: Stage, item: Item, speech: Speech) -> None:
        super().__init__(stage, item)
        self._speech = speech
        self._format = stage.response.options.output_audio_format
        self._said = ""

    def _open_part(self) -> list[Event]:
        part = Part("audio", audio=bytearray(), audio_format=self._format, transcript="")
        self.item.content.append(part)
        return [self._part_event("response.content_part.added", part=self._spelling.part(part))]

    def _stream(self) -> Iterator[Step]:
        for chunk in chunks(self._speech, self._format):
            text, ms = "".join(chunk.words), length_ms(chunk.audio, self._format)
            if not self._afford(text, ms):
                return
            part = self.item.content[0]
            part.audio += chunk.audio
            part.transcript = (part.transcript or "") + text
            self._said += text
            events = [
                self._part_event("response.output_audio_transcript.delta", delta=words)
                for words in chunk.words
            ]
            if chunk.audio:
                delta = encoded(chunk.audio)
                events.append(self._part_event("response.output_audio.delta", delta=delta))
            yield Step(events, ms)

    def _close_part(self) -> list[Event]:
        part = {"type": "audio", "transcript": self._said}
        return [
            self._part_event("response.output_audio.done"),
            self._part_event("response.output_audio_transcript.done", transcript=self._said),
            self._part_event("response.content_part.done", part=part),
        ]


class _Typing(Performance):
    """Text alone."""

    def __init__(self, stage: Stage, item: Item, writing: Writing) -> None:
        super().__init__(stage, item)
        self._writing = writing

    def _open_part(self) -> list[Event]:
        part = Part("text")
        self.item.content.append(part)
        return [self._part_event("response.content_part.added", part=self._spelling.part(part))]

    def _stream(self) -> Iterator[Step]:
        for piece in self._writing.pieces:
            if not self._afford(piece):
                return
            self.item.content[0].text += piece
            delta = self._part_event("response.output_text.delta", delta=piece)
            yield Step([delta], _MS_PER_CHARACTER * len(piece))

    def _close_part(self) -> list[Event]:
        part = self.item.content[0]
        return [
            self._part_event("response.output_text.done", text=part.text),
            self._part_event("response.content_part.done", part=self._spelling.part(part)),
        ]


class _Calling(Performance):
    """A function call: arguments in the place of a content part."""

    def __init__(self, stage: Stage, item: Item, calling: Calling) -> None:
        super().__init__(stage, item)
        self._calling = calling

    def _open_part(self) -> list[Event]:
        return []

    def _stream(self) -> Iterator[Step]:
        for piece in pieces(self._calling.arguments, 12):
            if not self._afford(piece):
                return
            self.item.arguments += piece
            delta = self._call_event("delta", delta=piece)
            yield Step([delta], _MS_PER_CHARACTER * len(piece))

    def _close_part(self) -> list[Event]:
        item = self.item
        return [self._call_event("done", name=item.name, arguments=item.arguments)]

    def _call_event(self, ending: str, **fields: object) -> Event:
        return self._event(
            f"response.function_call_arguments.{ending}",
            response_id=self._response.id,
            item_id=self.item.id,
            output_index=0,
            call_id=self.item.call_id,
            **fields,
        )
