"""The policy as data: each client event, each field, each item, in each profile. PURE.

Read a row as: name (internal spelling); what locked, guided and open do with it; the rule, which
is also the anchor in docs/policy.md; why; and, where the value matters, the rule for values.

    +  allow      s  strip, force or clamp, and say so      x  refuse the whole event

A field without a row is dropped. An event, item, role or content type without a row is refused.

Longer than 250 lines because the whole policy is to be read in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.policy import input_shapes, shapes, tool_shapes
from app.policy.policy import Act as Act
from app.policy.policy import Profile
from app.policy.shapes import Shape
from app.protocol.names import ClientKind

_COLUMN = {Profile.LOCKED: 0, Profile.GUIDED: 1, Profile.OPEN: 2}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the policy. `acts` holds one sign for each of locked, guided, open.

    A row without a `shape` has no value rule here: it is an event, an item, or a field that no
    profile lets through.
    """

    name: str
    acts: str
    rule: str
    why: str
    shape: Shape | None = None

    def __post_init__(self) -> None:
        if len(self.acts) != len(_COLUMN) or set(self.acts) - set(Act):
            raise ValueError(f"{self.name}: acts are one of + s x for each profile")

    def act(self, profile: Profile) -> Act:
        """What this profile does."""
        return Act(self.acts[_COLUMN[profile]])

    def opens(self) -> bool:
        """Whether any profile lets it through."""
        return Act.ALLOW in self.acts


def _rows(*rows: Row) -> dict[str, Row]:
    return {row.name: row for row in rows}


_K = ClientKind

EVENTS: dict[str, Row] = _rows(
    Row(_K.AUDIO_APPEND, "+++", "audio-append", "a person may talk"),
    Row(_K.AUDIO_COMMIT, "+++", "audio-commit", "push to talk"),
    Row(_K.AUDIO_CLEAR, "+++", "audio-clear", "push to talk"),
    Row(_K.ITEM_CREATE, "+++", "item-create", "by the rows for items"),
    Row(_K.ITEM_TRUNCATE, "+++", "item-truncate", "what was not heard is forgotten"),
    Row(_K.ITEM_RETRIEVE, "+++", "item-retrieve", "agents SDKs ask after every turn"),
    Row(_K.ITEM_DELETE, "x++", "item-delete", "a locked conversation keeps what was said"),
    Row(_K.RESPONSE_CREATE, "+++", "response-create", "by the rows for responses"),
    Row(_K.RESPONSE_CANCEL, "+++", "response-cancel", "a person may interrupt"),
    Row(_K.SESSION_UPDATE, "+++", "session-update", "by the rows for the session"),
    Row(
        _K.TRANSCRIPTION_SESSION_UPDATE,
        "xxx",
        "transcription-session",
        "transcription sessions are not offered",
    ),
)

SESSION_FIELDS: dict[str, Row] = _rows(
    Row("session.type", "+++", "session-type", "forced to realtime", shapes.session_type),
    Row(
        "session.instructions",
        "ss+",
        "session-instructions",
        "the operator's own instructions hold",
        shapes.instructions,
    ),
    Row(
        "session.tools",
        "s++",
        "session-tools",
        "chosen by name from the operator's client tools",
        tool_shapes.tools,
    ),
    Row(
        "session.tool_choice",
        "s++",
        "session-tools",
        "auto, none, required, or a client tool",
        tool_shapes.tool_choice,
    ),
    Row("session.parallel_tool_calls", "s++", "session-tools", "of client tools", shapes.boolean),
    Row(
        "session.output_modalities",
        "s++",
        "session-modalities",
        "a subset of the operator's",
        shapes.output_modalities,
    ),
    Row(
        "session.max_output_tokens",
        "ss+",
        "session-tokens",
        "clamped to the operator's cap",
        shapes.max_output_tokens,
    ),
    Row(
        "session.temperature",
        "s++",
        "session-sampling",
        "clamped to the operator's range",
        shapes.temperature,
    ),
    Row(
        "session.audio.input.turn_detection",
        "s++",
        "session-turn-detection",
        "ranges that cannot bill a response for every noise",
        input_shapes.turn_detection,
    ),
    Row(
        "session.audio.input.transcription",
        "s++",
        "session-transcription",
        "only the language; the operator switches it on and off",
        input_shapes.transcription,
    ),
    Row(
        "session.audio.input.noise_reduction",
        "s++",
        "session-noise-reduction",
        "near or far field",
        input_shapes.noise_reduction,
    ),
    Row(
        "session.audio.input.format",
        "s++",
        "session-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
    ),
    Row(
        "session.audio.output.format",
        "s++",
        "session-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
    ),
    Row(
        "session.audio.output.voice",
        "s++",
        "session-voice",
        "from the operator's list",
        shapes.voice,
    ),
    Row(
        "session.audio.output.speed",
        "s++",
        "session-speed",
        "clamped to the operator's range",
        shapes.speed,
    ),
    Row("session.model", "sss", "session-closed", "fixed when the connection is made"),
    Row("session.prompt", "sss", "session-closed", "a stored prompt is the operator's"),
    Row("session.tracing", "sss", "session-closed", "traces are the operator's"),
    Row("session.include", "sss", "session-closed", "decides what upstream reveals"),
    Row("session.truncation", "sss", "session-closed", "decides what the model forgets"),
    Row("session.reasoning", "sss", "session-closed", "cost is the operator's"),
    Row("session.client_secret", "sss", "session-closed", "a live upstream credential"),
)

RESPONSE_FIELDS: dict[str, Row] = _rows(
    Row(
        "response.conversation",
        "x++",
        "response-out-of-band",
        "stripped, an out-of-band call would become speech",
        shapes.conversation,
    ),
    Row(
        "response.input",
        "x++",
        "response-input",
        "at most 16 entries, each by the rows for items",
    ),
    Row("response.metadata", "+++", "response-metadata", "echoed to the client", shapes.metadata),
    Row(
        "response.output_modalities",
        "s++",
        "response-modalities",
        "a subset of the operator's",
        shapes.output_modalities,
    ),
    Row(
        "response.instructions",
        "ss+",
        "response-instructions",
        "the operator's own instructions hold",
        shapes.instructions,
    ),
    Row(
        "response.tools",
        "s++",
        "response-tools",
        "chosen by name from the operator's client tools",
        tool_shapes.tools,
    ),
    Row(
        "response.tool_choice",
        "s++",
        "response-tools",
        "auto, none, required, or a client tool",
        tool_shapes.tool_choice,
    ),
    Row("response.parallel_tool_calls", "s++", "response-tools", "of client tools", shapes.boolean),
    Row(
        "response.max_output_tokens",
        "ss+",
        "response-tokens",
        "clamped to the operator's cap",
        shapes.max_output_tokens,
    ),
    Row(
        "response.audio.output.voice",
        "s++",
        "response-voice",
        "from the operator's list",
        shapes.voice,
    ),
    Row(
        "response.audio.output.format",
        "s++",
        "response-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
    ),
    Row(
        "response.temperature",
        "s++",
        "response-sampling",
        "clamped to the operator's range",
        shapes.temperature,
    ),
    Row("response.prompt", "sss", "response-closed", "a stored prompt is the operator's"),
    Row("response.reasoning", "sss", "response-closed", "cost is the operator's"),
)

PARENTS: frozenset[str] = frozenset(
    ".".join(steps[:length])
    for steps in (name.split(".") for name in (*SESSION_FIELDS, *RESPONSE_FIELDS))
    for length in range(2, len(steps))
)
"""Objects that merely hold fields with rows: `session.audio`, `session.audio.input` ..."""

CONTENT_PARTS: dict[str, Row] = _rows(
    Row("user/input_text", "+++", "item-user-text", "a person may type"),
    Row(
        "user/input_audio",
        "x++",
        "item-user-audio",
        "audio in items escapes the operator's moderation and transcription",
    ),
    Row("user/input_image", "xx+", "item-user-image", "images cost and are not moderated"),
    Row("system/input_text", "xx+", "item-system", "a system message steers the model"),
    Row(
        "assistant/output_text",
        "xx+",
        "item-assistant",
        "a client must not put words into the model's mouth",
    ),
    Row("any/item_reference", "xxx", "item-reference", "it could name hidden items"),
)
"""`role/type` of the parts of a message; role `developer` is `system`. Two switches of the
operator's change guided: `history` opens assistant text before the first response, and moderation
or transcription close audio in items, unless the policy file speaks of that row."""

ITEM_TYPES: dict[str, Row] = _rows(
    Row(
        "function_call_output",
        "x++",
        "item-tool-output",
        "one result for each call of a client tool",
    ),
    Row("function_call", "xxx", "item-tool-call", "only the model calls tools"),
    Row("mcp_approval_response", "xxx", "item-mcp", "it would approve a tool of the operator's"),
    Row("mcp_approval_request", "xxx", "item-mcp", "only the service writes it"),
    Row("mcp_list_tools", "xxx", "item-mcp", "only the service writes it"),
    Row("mcp_call", "xxx", "item-mcp", "only the service writes it"),
    Row("item_reference", "xxx", "item-reference", "it stands in response.input alone"),
)
"""Items that are no messages."""

ITEM_REFERENCE = "item_reference"
REFERENCE = Row(
    f"response.input/{ITEM_REFERENCE}", "x++", "item-reference", "each visible item once"
)
"""`item_reference` as an entry of `response.input`."""

UNKNOWN_EVENT = Row("event", "xxx", "unknown-event", "only listed events are accepted")
UNKNOWN_ITEM = Row("item", "xxx", "unknown-item", "only listed items are accepted")
MCP_TOOL = Row("tools", "xxx", "mcp-tools", "the service itself would call its server")
UNKNOWN_FIELD = "unknown-field"
