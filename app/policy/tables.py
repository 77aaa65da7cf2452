"""The policy as data: each client event, each field, each item, in each profile. PURE.

Read a row as: name; what locked, guided and open do with it; the rule, which is also the anchor in
docs/policy.md; what it is good for where it is allowed; where the value matters, the rule for
values; and `shut`: why it is not allowed elsewhere.

Names are in the internal spelling, which is GA's. docs/policy.md, the policy file and most clients
use the preview's: `session.voice` is `session.audio.output.voice` here. Each row of docs/policy.md
has both names, and so has `rows.spoken`.

    +  allow      s  strip, force or clamp, and say so      x  refuse the whole event

A field without a row is dropped. An event, item, role or content type without a row is refused.

Longer than 250 lines because the whole policy is to be read in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.policy import input_shapes, shapes, tool_shapes
from app.policy.findings import OTHER_SPELLING as OTHER_SPELLING
from app.policy.findings import UNKNOWN_FIELD as UNKNOWN_FIELD
from app.policy.policy import Act as Act
from app.policy.policy import Profile
from app.policy.shapes import Shape
from app.protocol.names import ClientKind

_COLUMN = {Profile.LOCKED: 0, Profile.GUIDED: 1, Profile.OPEN: 2}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the policy. `acts` holds one sign for each of locked, guided, open.

    `why` speaks of the profiles that allow it (empty: none does), `shut` of the others (empty:
    there are none, so that only the operator's file can close it). A row without a `shape` has no
    value rule here: it is an event, an item, or a field that no profile lets through.
    """

    name: str
    acts: str
    rule: str
    why: str = ""
    shape: Shape | None = None
    shut: str = ""

    def __post_init__(self) -> None:
        if len(self.acts) != len(_COLUMN) or set(self.acts) - set(Act):
            raise ValueError(f"{self.name}: acts are one of + s x for each profile")
        if self.opens() is not bool(self.why) or (set(self.acts) != {"+"}) is not bool(self.shut):
            raise ValueError(f"{self.name}: `why` speaks of what is allowed, `shut` of the rest")

    def act(self, profile: Profile) -> Act:
        """What this profile does."""
        return Act(self.acts[_COLUMN[profile]])

    def opens(self) -> bool:
        """Whether any profile lets it through."""
        return Act.ALLOW in self.acts


def _rows(*rows: Row) -> dict[str, Row]:
    return {row.name: row for row in rows}


_K = ClientKind

_LOCKED = "the session is the operator's"
_TOOLS = "the tools are the operator's"

EVENTS: dict[str, Row] = _rows(
    Row(_K.AUDIO_APPEND, "+++", "audio-append", "a person may talk"),
    Row(_K.AUDIO_COMMIT, "+++", "audio-commit", "push to talk"),
    Row(_K.AUDIO_CLEAR, "+++", "audio-clear", "push to talk"),
    Row(_K.ITEM_CREATE, "+++", "item-create", "by the rows for items"),
    Row(
        _K.ITEM_TRUNCATE, "+++", "item-truncate", "the client says how much of an answer was heard"
    ),
    Row(_K.ITEM_RETRIEVE, "+++", "item-retrieve", "agents SDKs ask after every turn"),
    Row(
        _K.ITEM_DELETE,
        "x++",
        "item-delete",
        "what was said may be taken back",
        shut="a locked client removes no item",
    ),
    Row(_K.RESPONSE_CREATE, "+++", "response-create", "by the rows for responses"),
    Row(_K.RESPONSE_CANCEL, "+++", "response-cancel", "a person may interrupt"),
    Row(_K.SESSION_UPDATE, "+++", "session-update", "by the rows for the session"),
    Row(
        _K.TRANSCRIPTION_SESSION_UPDATE,
        "xxx",
        "transcription-session",
        shut="transcription sessions are not offered",
    ),
)

SESSION_FIELDS: dict[str, Row] = _rows(
    Row("session.type", "+++", "session-type", "forced to realtime", shapes.session_type),
    Row(
        "session.instructions",
        "ss+",
        "session-instructions",
        "the frontend brings its own",
        shapes.instructions,
        "the operator's own instructions hold",
    ),
    Row(
        "session.tools",
        "s++",
        "session-tools",
        "chosen by name from the operator's client tools",
        tool_shapes.tools,
        _TOOLS,
    ),
    Row(
        "session.tool_choice",
        "s++",
        "session-tools",
        "auto, none, required, or a client tool",
        tool_shapes.tool_choice,
        _TOOLS,
    ),
    Row(
        "session.parallel_tool_calls",
        "s++",
        "session-tools",
        "of client tools",
        shapes.boolean,
        _TOOLS,
    ),
    Row(
        "session.output_modalities",
        "s++",
        "session-modalities",
        "a subset of the operator's",
        shapes.output_modalities,
        _LOCKED,
    ),
    Row(
        "session.max_output_tokens",
        "ss+",
        "session-tokens",
        "never more than the operator's cap",
        shapes.max_output_tokens,
        "the operator's own number holds",
    ),
    Row(
        "session.temperature",
        "s++",
        "session-sampling",
        "within the operator's range",
        shapes.temperature,
        _LOCKED,
    ),
    Row(
        "session.audio.input.turn_detection",
        "s++",
        "session-turn-detection",
        "in ranges that cannot bill a response for every noise",
        input_shapes.turn_detection,
        _LOCKED,
    ),
    Row(
        "session.audio.input.transcription",
        "s++",
        "session-transcription",
        "only the language; the operator switches it on and off",
        input_shapes.transcription,
        _LOCKED,
    ),
    Row(
        "session.audio.input.noise_reduction",
        "s++",
        "session-noise-reduction",
        "near or far field",
        input_shapes.noise_reduction,
        _LOCKED,
    ),
    Row(
        "session.audio.input.format",
        "s++",
        "session-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
        _LOCKED,
    ),
    Row(
        "session.audio.output.format",
        "s++",
        "session-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
        _LOCKED,
    ),
    Row(
        "session.audio.output.voice",
        "s++",
        "session-voice",
        "from the operator's list",
        shapes.voice,
        _LOCKED,
    ),
    Row(
        "session.audio.output.speed",
        "s++",
        "session-speed",
        "within the operator's range",
        shapes.speed,
        _LOCKED,
    ),
    Row("session.model", "sss", "session-closed", shut="fixed when the connection is made"),
    Row("session.prompt", "sss", "session-closed", shut="a stored prompt is the operator's"),
    Row("session.tracing", "sss", "session-closed", shut="traces are the operator's"),
    Row("session.include", "sss", "session-closed", shut="decides what upstream reveals"),
    Row("session.truncation", "sss", "session-closed", shut="decides what the model forgets"),
    Row("session.reasoning", "sss", "session-closed", shut="cost is the operator's"),
    Row("session.client_secret", "sss", "session-closed", shut="a live upstream credential"),
)

RESPONSE_FIELDS: dict[str, Row] = _rows(
    Row(
        "response.conversation",
        "x++",
        "response-out-of-band",
        "beside the conversation, or in it",
        shapes.conversation,
        "stripped, an out-of-band call would become speech",
    ),
    Row(
        "response.input",
        "x++",
        "response-input",
        "at most 16 entries, each by the rows for items",
        shut="a locked client brings no context of its own",
    ),
    Row("response.metadata", "+++", "response-metadata", "echoed to the client", shapes.metadata),
    Row(
        "response.output_modalities",
        "s++",
        "response-modalities",
        "a subset of the operator's",
        shapes.output_modalities,
        _LOCKED,
    ),
    Row(
        "response.instructions",
        "ss+",
        "response-instructions",
        "the frontend brings its own",
        shapes.instructions,
        "the operator's own instructions hold",
    ),
    Row(
        "response.tools",
        "s++",
        "response-tools",
        "chosen by name from the operator's client tools",
        tool_shapes.tools,
        _TOOLS,
    ),
    Row(
        "response.tool_choice",
        "s++",
        "response-tools",
        "auto, none, required, or a client tool",
        tool_shapes.tool_choice,
        _TOOLS,
    ),
    Row(
        "response.parallel_tool_calls",
        "s++",
        "response-tools",
        "of client tools",
        shapes.boolean,
        _TOOLS,
    ),
    Row(
        "response.max_output_tokens",
        "ss+",
        "response-tokens",
        "never more than the operator's cap",
        shapes.max_output_tokens,
        "the operator's own number holds",
    ),
    Row(
        "response.audio.output.voice",
        "s++",
        "response-voice",
        "from the operator's list",
        shapes.voice,
        _LOCKED,
    ),
    Row(
        "response.audio.output.format",
        "s++",
        "response-formats",
        "pcm16 at 24 kHz or g711",
        shapes.audio_format,
        _LOCKED,
    ),
    Row(
        "response.temperature",
        "s++",
        "response-sampling",
        "within the operator's range",
        shapes.temperature,
        _LOCKED,
    ),
    Row("response.prompt", "sss", "response-closed", shut="a stored prompt is the operator's"),
    Row("response.reasoning", "sss", "response-closed", shut="cost is the operator's"),
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
        "sound that was recorded before",
        shut="audio in items escapes the operator's moderation and transcription",
    ),
    Row(
        "user/input_image",
        "xx+",
        "item-user-image",
        "a person may show something",
        shut="images cost and are not moderated",
    ),
    Row(
        "system/input_text",
        "xx+",
        "item-system",
        "the frontend steers the model",
        shut="a system message steers the model",
    ),
    Row(
        "assistant/output_text",
        "xx+",
        "item-assistant",
        "what the model said before",
        shut="a client must not put words into the model's mouth",
    ),
    Row("any/item_reference", "xxx", "item-reference", shut="it could name hidden items"),
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
        shut="a locked client answers no calls",
    ),
    Row("function_call", "xxx", "item-tool-call", shut="only the model calls tools"),
    Row(
        "mcp_approval_response",
        "xxx",
        "item-mcp",
        shut="it would approve a tool of the operator's",
    ),
    Row("mcp_approval_request", "xxx", "item-mcp", shut="only the service writes it"),
    Row("mcp_list_tools", "xxx", "item-mcp", shut="only the service writes it"),
    Row("mcp_call", "xxx", "item-mcp", shut="only the service writes it"),
    Row("item_reference", "xxx", "item-reference", shut="it stands in response.input alone"),
)
"""Items that are no messages."""

ITEM_REFERENCE = "item_reference"
REFERENCE = Row(
    f"response.input/{ITEM_REFERENCE}",
    "x++",
    "item-reference",
    "each visible item once",
    shut="a locked client brings no context of its own",
)
"""`item_reference` as an entry of `response.input`."""

UNKNOWN_EVENT = Row("event", "xxx", "unknown-event", shut="only listed events are accepted")
UNKNOWN_ITEM = Row("item", "xxx", "unknown-item", shut="only listed items are accepted")
MCP_TOOL = Row("tools", "xxx", "mcp-tools", shut="the service itself would call its server")
