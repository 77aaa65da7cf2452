"""What the preview dialect says, after Microsoft's how-to and the realtime-audio reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.protocol.names import ClientKind, Dialect
from app.simulator.checks import Fields
from app.simulator.dialects import preview_fields
from app.simulator.dialects.spelling import CLIENT_EVENTS, Refusal, Shown, Spelling, Unreadable
from app.simulator.inputs import Inputs
from app.simulator.item_checks import Contents
from app.simulator.items import Item
from app.simulator.plan import words
from app.simulator.response import Response
from app.simulator.session import Session, TurnDetection
from app.simulator.usage import Tokens

VERSIONS = ("2024-10-01-preview", "2024-12-17", "2025-04-01-preview")
"""The API versions that speak this dialect. Later ones know more events; fields are those of the
last one throughout, because the model behind all of them is the same."""

_SINCE = {
    ClientKind.ITEM_RETRIEVE: "2024-12-17",
    ClientKind.TRANSCRIPTION_SESSION_UPDATE: "2025-04-01-preview",
}


class Preview(Spelling):
    """`/openai/realtime?api-version=...`."""

    dialect = Dialect.PREVIEW
    fields = Fields
    unreadable = Unreadable(
        binary=Refusal("invalid_json", "Events are JSON in text messages, not binary messages."),
        not_json=Refusal("invalid_json", "We could not parse the JSON body of your event."),
        no_object=Refusal("invalid_type", "Invalid type for the event: expected an object."),
    )
    event_names: ClassVar[Mapping[str, str]] = {
        "response.output_text.delta": "response.text.delta",
        "response.output_text.done": "response.text.done",
        "response.output_audio.delta": "response.audio.delta",
        "response.output_audio.done": "response.audio.done",
        "response.output_audio_transcript.delta": "response.audio_transcript.delta",
        "response.output_audio_transcript.done": "response.audio_transcript.done",
    }
    entered = ("conversation.item.created",)
    opened = ("conversation.item.created",)
    concluded = ()
    contents = Contents(
        of_role={
            "system": ("input_text",),
            "user": ("input_text", "input_audio"),
            "assistant": ("text",),
        },
        words={},
    )
    overrides = preview_fields.RESPONSE
    input_names = ("input", "input_items")
    extras = preview_fields.EXTRAS

    def client_kinds(self, version: str, /) -> list[ClientKind]:
        return [kind for kind in CLIENT_EVENTS if _SINCE.get(kind, "") <= version]

    def new_session(self, session_id: str, model: str, expires_at: int) -> Session:
        return Session(id=session_id, model=model, expires_at=expires_at)

    def session(self, session: Session) -> Shown:
        """Newer fields follow the thirteen of the how-to's example."""
        return {
            "id": session.id,
            "object": "realtime.session",
            "model": session.model,
            "expires_at": session.expires_at,
            "modalities": list(session.modalities),
            "instructions": session.instructions,
            "voice": session.voice,
            "turn_detection": _detection_shown(session.turn_detection),
            "input_audio_format": session.input_audio_format,
            "output_audio_format": session.output_audio_format,
            "input_audio_transcription": session.input_audio_transcription,
            "tool_choice": session.tool_choice,
            "temperature": session.temperature,
            "max_response_output_tokens": session.max_response_output_tokens,
            "tools": list(session.tools),
            "input_audio_noise_reduction": session.input_audio_noise_reduction,
            "speed": session.speed,
            "tracing": session.tracing,
        }

    def changed(self, session: Session, value: Any, *, voice_locked: bool) -> Session:
        return preview_fields.changed(session, value, voice_locked=voice_locked)

    def changed_transcription(self, session: Session, value: Any, /) -> tuple[Session, Shown]:
        changed = preview_fields.changed_transcription(session, value)
        return changed, _transcription_shown(changed)

    def item(self, item: Item, *, whole_audio: str | None = None) -> Shown:
        head = {"id": item.id, "object": "realtime.item", "type": item.type, "status": item.status}
        return {**head, **item.body(self.contents.words, whole_audio)}

    def response(self, response: Response) -> Shown:
        options = response.options
        return {
            "object": "realtime.response",
            "id": response.id,
            "status": response.status,
            "status_details": response.status_details,
            "output": [self.item(item) for item in response.output],
            "conversation_id": response.conversation_id,
            "modalities": list(options.modalities),
            "voice": options.voice,
            "output_audio_format": options.output_audio_format,
            "temperature": options.temperature,
            "max_output_tokens": options.max_output_tokens,
            "usage": None if response.running else _usage(response.taken, response.given),
            "metadata": options.metadata,
        }

    def extra_options(self, fields: Fields, inputs: Inputs, /) -> dict[str, Any]:
        return preview_fields.extra_options(fields, inputs)

    def transcript_deltas(self, model: str, text: str) -> list[str]:
        """Whisper's transcript comes whole."""
        return [] if model == "whisper-1" else words(text)

    def transcript_usage(self, _model: str, _text: str, _audio_ms: float, /) -> Shown:
        """Nothing: the preview service says nothing of it."""
        return {}


def _transcription_shown(session: Session) -> Shown:
    return {
        "id": session.id,
        "object": "realtime.transcription_session",
        "expires_at": session.expires_at,
        "turn_detection": _detection_shown(session.turn_detection),
        "input_audio_format": session.input_audio_format,
        "input_audio_transcription": session.input_audio_transcription,
        "input_audio_noise_reduction": session.input_audio_noise_reduction,
        "include": list(session.include or ()),
    }


def _detection_shown(detection: TurnDetection | None) -> Shown | None:
    if detection is None:
        return None
    answers = {
        "create_response": detection.create_response,
        "interrupt_response": detection.interrupt_response,
    }
    if detection.type == "semantic_vad":
        return {"type": detection.type, "eagerness": detection.eagerness, **answers}
    return {
        "type": detection.type,
        "threshold": detection.threshold,
        "prefix_padding_ms": detection.prefix_padding_ms,
        "silence_duration_ms": detection.silence_duration_ms,
        **answers,
    }


def _usage(taken: Tokens, given: Tokens) -> Shown:
    """With all details; nothing is ever cached here."""
    return {
        "total_tokens": taken.total + given.total,
        "input_tokens": taken.total,
        "output_tokens": given.total,
        "input_token_details": {
            "cached_tokens": 0,
            "text_tokens": taken.text,
            "audio_tokens": taken.audio,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0},
        },
        "output_token_details": {"text_tokens": given.text, "audio_tokens": given.audio},
    }


PREVIEW = Preview()
