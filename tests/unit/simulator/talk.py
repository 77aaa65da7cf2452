"""A conversation as a test writes it: events in, events out, thoughts answered by hand."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import msgspec

from app.simulator.conversation import Conversation, Sources
from app.simulator.dialects import PREVIEW, Spelling
from app.simulator.outputs import Hear, Output, Send, Stop, Think
from app.simulator.plan import Calling, Plan, Speech, Writing
from app.simulator.voice.speech import speak

Event = dict[str, Any]

SECOND_OF_SPEECH = Speech(bytes(48_000), ((0, "Hello"), (24_000, " there.")))
"""One second of pcm16 in five deltas, with words at its beginning and in its middle."""
CALL = Calling("weather", '{"city": "Paris", "unit": "celsius", "days": 3}')
WRITING = Writing(("Hello", " there."))


class Talk:
    """Drives one `Conversation`; ids are `item_1`, `item_2`, ... and time is `now`."""

    def __init__(
        self,
        *,
        spelling: Spelling = PREVIEW,
        version: str = "2025-04-01-preview",
        conversation_created: bool = False,
    ) -> None:
        self.now = 1000.0
        self.thoughts: list[Think] = []
        self.hearings: list[Hear] = []
        self.stopped: list[str] = []
        self._counts: Counter[str] = Counter()
        session = spelling.new_session("sess_0", "gpt-4o-realtime-preview", 1800)
        sources = Sources(self._new_id, lambda: self.now)
        self.conversation = Conversation(
            session,
            sources,
            spelling=spelling,
            version=version,
            conversation_created=conversation_created,
        )
        self.opening = self._sent(self.conversation.open())

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """One client event; what the server answers."""
        return self.frame(msgspec.json.encode({"type": kind, **fields}).decode())

    def frame(self, frame: str | bytes) -> list[Event]:
        return self._sent(self.conversation.on_frame(frame))

    def refused(self, kind: str, **fields: Any) -> Event:
        """One client event that must be answered by an error alone; the error's body."""
        events = self.send(kind, **fields)
        assert types(events) == ["error"], events
        error: Event = events[0]["error"]
        return error

    def plan(self, plan: Plan = SECOND_OF_SPEECH, *, thought: int = -1) -> list[Event]:
        """Answers a thought (the latest) without streaming yet."""
        return self._sent(self.conversation.on_plan(self.thoughts[thought].response_id, plan))

    def step(self, *, thought: int = -1) -> list[Event]:
        """One step of a response."""
        return self._sent(self.conversation.advance(self.thoughts[thought].response_id).outputs)

    def stream(self, *, thought: int = -1) -> list[Event]:
        """All steps up to the end of the response."""
        events: list[Event] = []
        for _ in range(10_000):
            advance = self.conversation.advance(self.thoughts[thought].response_id)
            events += self._sent(advance.outputs)
            if advance.done:
                return events
        raise AssertionError("the response does not end")

    def answer(self, plan: Plan = SECOND_OF_SPEECH, *, thought: int = -1) -> list[Event]:
        """Answers a thought and streams it whole."""
        return [*self.plan(plan, thought=thought), *self.stream(thought=thought)]

    def heard(self, text: str | None) -> list[Event]:
        """The transcript that was asked for last."""
        return self._sent(self.conversation.on_heard(self.hearings[-1].item_id, text))

    def failed(self) -> list[Event]:
        """The thought that was had last came to nothing."""
        return self._sent(self.conversation.on_failure(self.thoughts[-1].response_id, "Sorry."))

    def append(self, pcm: bytes) -> list[Event]:
        return self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def typed(self, text: str = "hello", **fields: Any) -> list[Event]:
        """A user's typed message."""
        return self.send("conversation.item.create", item=message(text), **fields)

    def update(self, **session: Any) -> list[Event]:
        events = self.send("session.update", session=session)
        assert types(events) == ["session.updated"], events
        return events

    def _sent(self, outputs: list[Output]) -> list[Event]:
        events: list[Event] = []
        for output in outputs:
            match output:
                case Send(event=event):
                    # What was sent stays as it was, whatever becomes of the objects behind it.
                    events.append(msgspec.json.decode(msgspec.json.encode(event)))
                case Think():
                    self.thoughts.append(output)
                case Hear():
                    self.hearings.append(output)
                case Stop(response_id=response_id):
                    self.stopped.append(response_id)
        return events

    def _new_id(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]}"


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def squeezed(events: list[Event]) -> list[str]:
    """The types in order, with neighbours of the same type counted once."""
    result: list[str] = []
    for kind in types(events):
        if not result or result[-1] != kind:
            result.append(kind)
    return result


def message(text: str, role: str = "user", **fields: Any) -> Event:
    kind = "text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def silence(ms: int) -> bytes:
    return bytes(48 * ms)


def utterance(text: str = "You are welcome.") -> bytes:
    """Recorded speech without a pause in it, pcm16 at 24 kHz."""
    return b"".join(fragment.pcm for fragment in speak(text, "alloy"))
