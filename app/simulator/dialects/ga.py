"""What the GA dialect says, after the GA reference, the migration guide, and frames as captured
from the service: the session's shape, items without `object`, the order of `done` events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from app.protocol.names import ClientKind, Dialect
from app.simulator.checks import BoundedFields, Fields
from app.simulator.dialects import ga_fields
from app.simulator.dialects.spelling import CLIENT_EVENTS, Refusal, Shown, Spelling, Unreadable
from app.simulator.inputs import Inputs
from app.simulator.item_checks import Contents
from app.simulator.items import Item
from app.simulator.plan import words
from app.simulator.response import Response
from app.simulator.session import Session, TurnDetection
from app.simulator.usage import Tokens, heard_tokens, text_tokens


class Ga(Spelling):
    """`/openai/v1/realtime?model=...`, and `/v1/realtime` where nothing stands before it."""

    dialect = Dialect.GA
    fields = BoundedFields
    unreadable = Unreadable(
        binary=Refusal(
            "invalid_event", "Expected a text WebSocket message; binary frames are not supported."
        ),
        not_json=Refusal("invalid_json", "Invalid event: failed to parse JSON value."),
        no_object=Refusal("invalid_type", "Invalid type for the event: expected an object."),
    )
    event_names: ClassVar[Mapping[str, str]] = {}
    entered = ("conversation.item.added", "conversation.item.done")
    opened = ("conversation.item.added",)
    concluded = ("conversation.item.done",)
    contents = Contents(
        of_role={
            "system": ("input_text",),
            "user": ("input_text", "input_audio", "input_image"),
            "assistant": ("output_text",),
        },
        words={"text": "output_text", "audio": "output_audio"},
    )
    overrides = ga_fields.RESPONSE
    input_names = ("input",)
    extras = ga_fields.EXTRAS

    def client_kinds(self, _version: str, /) -> list[ClientKind]:
        """All of them: the service still lists `transcription_session.update`."""
        return list(CLIENT_EVENTS)

    def new_session(self, session_id: str, model: str, expires_at: int) -> Session:
        return Session(id=session_id, model=model, expires_at=expires_at, modalities=("audio",))

    def session(self, session: Session) -> Shown:
        """In the service's order. What only reasoning models have is shown once it was set."""
        shown: Shown = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session.id,
            "model": session.model,
            "output_modalities": list(session.modalities),
            "instructions": session.instructions,
            "tools": list(session.tools),
            "tool_choice": session.tool_choice,
            "max_output_tokens": session.max_response_output_tokens,
            "tracing": session.tracing,
            "truncation": session.truncation,
            "prompt": None,
            "expires_at": session.expires_at,
            "audio": {"input": _input_shown(session), "output": _output_shown(session)},
            "include": None if session.include is None else list(session.include),
        }
        if session.reasoning is not None:
            shown["reasoning"] = session.reasoning
        if session.parallel_tool_calls is not None:
            shown["parallel_tool_calls"] = session.parallel_tool_calls
        return shown

    def changed(self, session: Session, value: Any, *, voice_locked: bool) -> Session:
        return ga_fields.changed(session, value, voice_locked=voice_locked)

    def changed_transcription(self, _session: Session, _value: Any, /) -> tuple[Session, Shown]:
        raise ga_fields.no_transcription_session()

    def item(self, item: Item, *, whole_audio: str | None = None) -> Shown:
        head = {"id": item.id, "type": item.type, "status": item.status}
        return {**head, **item.body(self.contents.words, whole_audio)}

    def response(self, response: Response) -> Shown:
        options = response.options
        output = {"format": _format_shown(options.output_audio_format), "voice": options.voice}
        return {
            "object": "realtime.response",
            "id": response.id,
            "status": response.status,
            "status_details": response.status_details,
            "output": [self.item(item) for item in response.output],
            "conversation_id": response.conversation_id,
            "output_modalities": list(options.modalities),
            "max_output_tokens": options.max_output_tokens,
            "audio": {"output": output},
            "usage": None if response.running else _usage(response.taken, response.given),
            "metadata": options.metadata,
        }

    def extra_options(self, fields: Fields, _inputs: Inputs, /) -> dict[str, Any]:
        return ga_fields.extra_options(fields)

    def transcript_deltas(self, model: str, text: str) -> list[str]:
        """Whisper's transcript comes whole, in one delta."""
        if model == "whisper-1":
            return [text] if text else []
        return words(text)

    def transcript_usage(self, model: str, text: str, audio_ms: float, /) -> Shown:
        """Whisper is paid by the second, the others by tokens."""
        if model == "whisper-1":
            return {"usage": {"type": "duration", "seconds": round(audio_ms / 1000, 3)}}
        taken, given = heard_tokens(audio_ms), text_tokens(text)
        return {
            "usage": {
                "type": "tokens",
                "total_tokens": taken + given,
                "input_tokens": taken,
                "input_token_details": {"text_tokens": 0, "audio_tokens": taken},
                "output_tokens": given,
            }
        }


def _input_shown(session: Session) -> Shown:
    transcription = session.input_audio_transcription
    return {
        "format": _format_shown(session.input_audio_format),
        "transcription": transcription and {"language": None, "prompt": None, **transcription},
        "noise_reduction": session.input_audio_noise_reduction,
        "turn_detection": _detection_shown(session.turn_detection),
    }


def _output_shown(session: Session) -> Shown:
    return {
        "format": _format_shown(session.output_audio_format),
        "voice": session.voice,
        "speed": session.speed,
    }


def _format_shown(audio_format: str) -> Shown:
    shown: Shown = {"type": ga_fields.GA_FORMATS[audio_format]}
    if audio_format == "pcm16":
        shown["rate"] = ga_fields.RATE
    return shown


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
        "idle_timeout_ms": detection.idle_timeout_ms,
        **answers,
    }


def _usage(taken: Tokens, given: Tokens) -> Shown:
    """With all details; nothing is ever cached here."""
    return {
        "total_tokens": taken.total + given.total,
        "input_tokens": taken.total,
        "output_tokens": given.total,
        "input_token_details": {
            "text_tokens": taken.text,
            "audio_tokens": taken.audio,
            "image_tokens": taken.image,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": given.text, "audio_tokens": given.audio},
    }


GA = Ga()
