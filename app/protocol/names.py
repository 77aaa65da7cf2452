"""The names on the wire: event types of both dialects, as Microsoft and OpenAI document them.

Sources: Microsoft's how-to "Use the GPT-4o Realtime API" and the realtime-audio reference
(preview), the GA reference and the preview-to-GA migration guide. This module is the only one
that the embedded upstream shares with the relay: names, and nothing that gives them meaning.
"""

from __future__ import annotations

from enum import StrEnum


class Dialect(StrEnum):
    """Which spelling of the protocol a peer speaks."""

    PREVIEW = "preview"
    GA = "ga"


class ClientKind(StrEnum):
    """Events from a client. Both dialects spell them alike."""

    SESSION_UPDATE = "session.update"
    TRANSCRIPTION_SESSION_UPDATE = "transcription_session.update"
    AUDIO_APPEND = "input_audio_buffer.append"
    AUDIO_COMMIT = "input_audio_buffer.commit"
    AUDIO_CLEAR = "input_audio_buffer.clear"
    ITEM_CREATE = "conversation.item.create"
    ITEM_RETRIEVE = "conversation.item.retrieve"
    ITEM_TRUNCATE = "conversation.item.truncate"
    ITEM_DELETE = "conversation.item.delete"
    RESPONSE_CREATE = "response.create"
    RESPONSE_CANCEL = "response.cancel"


class ServerKind(StrEnum):
    """Events from upstream, in the internal (GA) spelling.

    `ITEM_CREATED` exists in the preview dialect alone: an item is announced once, where GA says
    `ITEM_ADDED` and `ITEM_DONE`. Until translation is built it keeps its own kind.
    """

    ERROR = "error"
    SESSION_CREATED = "session.created"
    SESSION_UPDATED = "session.updated"
    CONVERSATION_CREATED = "conversation.created"
    AUDIO_COMMITTED = "input_audio_buffer.committed"
    AUDIO_CLEARED = "input_audio_buffer.cleared"
    SPEECH_STARTED = "input_audio_buffer.speech_started"
    SPEECH_STOPPED = "input_audio_buffer.speech_stopped"
    AUDIO_TIMEOUT = "input_audio_buffer.timeout_triggered"
    ITEM_CREATED = "conversation.item.created"
    ITEM_ADDED = "conversation.item.added"
    ITEM_DONE = "conversation.item.done"
    ITEM_RETRIEVED = "conversation.item.retrieved"
    ITEM_TRUNCATED = "conversation.item.truncated"
    ITEM_DELETED = "conversation.item.deleted"
    TRANSCRIPTION_DELTA = "conversation.item.input_audio_transcription.delta"
    TRANSCRIPTION_SEGMENT = "conversation.item.input_audio_transcription.segment"
    TRANSCRIPTION_COMPLETED = "conversation.item.input_audio_transcription.completed"
    TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"
    RESPONSE_CREATED = "response.created"
    RESPONSE_DONE = "response.done"
    OUTPUT_ITEM_ADDED = "response.output_item.added"
    OUTPUT_ITEM_DONE = "response.output_item.done"
    CONTENT_PART_ADDED = "response.content_part.added"
    CONTENT_PART_DONE = "response.content_part.done"
    TEXT_DELTA = "response.output_text.delta"
    TEXT_DONE = "response.output_text.done"
    AUDIO_DELTA = "response.output_audio.delta"
    AUDIO_DONE = "response.output_audio.done"
    AUDIO_TRANSCRIPT_DELTA = "response.output_audio_transcript.delta"
    AUDIO_TRANSCRIPT_DONE = "response.output_audio_transcript.done"
    ARGUMENTS_DELTA = "response.function_call_arguments.delta"
    ARGUMENTS_DONE = "response.function_call_arguments.done"
    RATE_LIMITS_UPDATED = "rate_limits.updated"


PREVIEW_SERVER_TYPES: dict[str, ServerKind] = {
    "response.text.delta": ServerKind.TEXT_DELTA,
    "response.text.done": ServerKind.TEXT_DONE,
    "response.audio.delta": ServerKind.AUDIO_DELTA,
    "response.audio.done": ServerKind.AUDIO_DONE,
    "response.audio_transcript.delta": ServerKind.AUDIO_TRANSCRIPT_DELTA,
    "response.audio_transcript.done": ServerKind.AUDIO_TRANSCRIPT_DONE,
}
"""Wire types that only the preview dialect uses, and their kinds."""

PRIVATE_SUBPROTOCOL = "relay-events.v1"
REALTIME_SUBPROTOCOL = "realtime"
CREDENTIAL_SUBPROTOCOL_PREFIX = "openai-insecure-api-key."
RELAY_ID_PREFIX = "rly_"
