"""How each dialect says things: literal events of a service and of a client, from the documents.

Nothing here asks the application. Both spellings of one event are made by one function, so that a
conversation can be told in either.
"""

from __future__ import annotations

from typing import Any

from app.protocol.names import Dialect

Event = dict[str, Any]

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA
PCM = {"type": "audio/pcm", "rate": 24000}
VAD: Event = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "create_response": True,
    "interrupt_response": True,
}
USAGE: Event = {
    "total_tokens": 9,
    "input_tokens": 4,
    "output_tokens": 5,
    "input_token_details": {"cached_tokens": 0, "text_tokens": 4, "audio_tokens": 0},
    "output_token_details": {"text_tokens": 2, "audio_tokens": 3},
}
AUDIO = "AAAAAAAAAAAA"

_RENAMED = {
    "text": ("response.text", "response.output_text"),
    "audio": ("response.audio", "response.output_audio"),
    "transcript": ("response.audio_transcript", "response.output_audio_transcript"),
}


def session(dialect: Dialect) -> Event:
    """The service's session before anybody has changed it."""
    known: Event = {
        "id": "sess_upstream",
        "object": "realtime.session",
        "model": "true-model",
        "expires_at": 1_900_000_000,
        "instructions": "The service's own.",
        "tools": [],
        "tool_choice": "auto",
    }
    if dialect is PREVIEW:
        return known | {
            "modalities": ["audio", "text"],
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "turn_detection": VAD,
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
        }
    return known | {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": VAD | {"idle_timeout_ms": None},
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
        "max_output_tokens": "inf",
        "truncation": "auto",
        "prompt": None,
        "tracing": None,
        "include": None,
    }


def update(dialect: Dialect, **settings: Any) -> Event:
    """A client's `session.update`; settings by the preview's names."""
    said = settings if dialect is PREVIEW else _nested(settings)
    return {"type": "session.update", "event_id": "upd", "session": said}


def _nested(settings: Event) -> Event:
    paths = {
        "modalities": ("output_modalities",),
        "voice": ("audio", "output", "voice"),
        "turn_detection": ("audio", "input", "turn_detection"),
        "input_audio_format": ("audio", "input", "format"),
    }
    values = {"modalities": lambda value: ["audio"] if "audio" in value else value}
    nested: Event = {"type": "realtime"}
    for name, value in settings.items():
        target, path = nested, paths.get(name, (name,))
        for step in path[:-1]:
            target = target.setdefault(step, {})
        target[path[-1]] = values.get(name, lambda same: same)(value)
    return nested


def request(dialect: Dialect, **settings: Any) -> Event:
    """A client's `response.create`; settings by the preview's names."""
    said = settings if dialect is PREVIEW else _nested(settings)
    said.pop("type", None)
    create: Event = {"type": "response.create", "event_id": "ask"}
    return {**create, "response": said} if said else create


def message(dialect: Dialect, role: str, text: str, item_id: str | None = None) -> Event:
    kind = "input_text" if role != "assistant" else _part_type(dialect, "text")
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    return item if item_id is None else {"id": item_id, **item}


def _part_type(dialect: Dialect, kind: str) -> str:
    return kind if dialect is PREVIEW else f"output_{kind}"


class Service:
    """One upstream of a dialect. Ids of events count up; each conversation has its own."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._events = 0

    def event(self, kind: str, **fields: Any) -> Event:
        self._events += 1
        return {"type": kind, "event_id": f"event_{self._events}", **fields}

    def known(self, item: Event, previous: str | None) -> list[Event]:
        """An item that is there at once."""
        item = {"object": "realtime.item", "status": "completed", **item}
        place = {"previous_item_id": previous, "item": item}
        if self.dialect is PREVIEW:
            return [self.event("conversation.item.created", **place)]
        return [
            self.event("conversation.item.added", **place),
            self.event("conversation.item.done", **place),
        ]

    def spoken_by_user(self, item_id: str, previous: str | None) -> list[Event]:
        """A turn of the person, as the service hears it."""
        heard = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "type": "message", "role": "user", "content": heard}
        return [
            self.event("input_audio_buffer.speech_started", audio_start_ms=10, item_id=item_id),
            self.event("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id=item_id),
            self.event("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id),
            *self.known(item, previous),
        ]

    def transcribed(self, item_id: str, text: str) -> list[Event]:
        """The person's words. Older preview services do not say what that cost."""
        kind = "conversation.item.input_audio_transcription"
        about = {"item_id": item_id, "content_index": 0}
        cost = {} if self.dialect is PREVIEW else {"usage": {"type": "duration", "seconds": 2.5}}
        return [
            self.event(f"{kind}.delta", **about, delta=text),
            self.event(f"{kind}.completed", **about, transcript=text, **cost),
        ]

    def _named(self, kind: str, end: str, **fields: Any) -> Event:
        return self.event(f"{_RENAMED[kind][self.dialect is GA]}.{end}", **fields)

    def _response(self, response_id: str, kind: str, **fields: Any) -> Event:
        known: Event = {"object": "realtime.response", "id": response_id, "metadata": None}
        known |= {"conversation_id": "conv_1", "max_output_tokens": "inf", "status_details": None}
        if self.dialect is PREVIEW:
            known |= {"modalities": ["audio", "text"] if kind == "audio" else ["text"]}
            known |= {"voice": "alloy", "output_audio_format": "pcm16", "temperature": 0.8}
        else:
            known |= {"output_modalities": [kind]}
            known |= {"audio": {"output": {"format": PCM, "voice": "alloy"}}}
        return known | fields

    def begins(self, response_id: str, kind: str, **more: Any) -> Event:
        fields = {"status": "in_progress", "output": [], "usage": None, **more}
        return self.event("response.created", response=self._response(response_id, kind, **fields))

    def ends(self, response_id: str, kind: str, output: list[Event], **more: Any) -> Event:
        fields = {"status": "completed", "output": output, "usage": USAGE, **more}
        return self.event("response.done", response=self._response(response_id, kind, **fields))

    def item_begins(self, response_id: str, item: Event, previous: str | None) -> list[Event]:
        """An item of the model's, in the conversation."""
        begun = {"object": "realtime.item", "status": "in_progress", **item}
        kind = "created" if self.dialect is PREVIEW else "added"
        place = {"previous_item_id": previous, "item": begun}
        return [
            self.event(
                "response.output_item.added", response_id=response_id, output_index=0, item=begun
            ),
            self.event(f"conversation.item.{kind}", **place),
        ]

    def item_ends(
        self, response_id: str, item: Event, previous: str | None, beside: bool = False
    ) -> list[Event]:
        place = {"previous_item_id": previous, "item": item}
        done = []
        if self.dialect is GA and not beside:
            done = [self.event("conversation.item.done", **place)]
        return [
            *done,
            self.event(
                "response.output_item.done", response_id=response_id, output_index=0, item=item
            ),
        ]

    def streams(self, response_id: str, item_id: str, kind: str, text: str) -> list[Event]:
        """The only part of an item, but for its end."""
        place: Event = {"response_id": response_id, "item_id": item_id}
        place |= {"output_index": 0, "content_index": 0}
        part = (
            {"type": "audio", "transcript": ""} if kind == "audio" else {"type": kind, "text": ""}
        )
        words = "transcript" if kind == "audio" else "text"
        pieces = [self.event("response.content_part.added", **place, part=part)]
        pieces += [self._named(words, "delta", **place, delta=piece) for piece in text.split(" ")]
        if kind == "audio":
            pieces += [self._named("audio", "delta", **place, delta=AUDIO) for _ in range(2)]
            pieces += [self._named("audio", "done", **place)]
        whole = part | {words: text}
        return [
            *pieces,
            self._named(words, "done", **place, **{words: text}),
            self.event("response.content_part.done", **place, part=whole),
        ]

    def said(self, item_id: str, kind: str, text: str, status: str = "completed") -> Event:
        """What the model said, as an item."""
        words = {"transcript": text} if kind == "audio" else {"text": text}
        part = {"type": _part_type(self.dialect, kind), **words}
        head = {"id": item_id, "object": "realtime.item", "type": "message", "status": status}
        return {**head, "role": "assistant", "content": [part]}

    def answers(
        self, response_id: str, item_id: str, previous: str | None, kind: str, text: str
    ) -> list[Event]:
        """A whole answer in the conversation."""
        item = self.said(item_id, kind, text)
        begun = {**item, "status": "in_progress", "content": []}
        return [
            self.begins(response_id, kind),
            *self.item_begins(response_id, begun, previous),
            *self.streams(response_id, item_id, kind, text),
            *self.item_ends(response_id, item, previous),
            self.ends(response_id, kind, [item]),
            self.event("rate_limits.updated", rate_limits=[{"name": "requests", "limit": 1}]),
        ]

    def error(self, code: str | None, message: str, param: str | None = None) -> Event:
        """The runner puts in the id of the event that it answers."""
        fault = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        return self.event("error", error=fault)
