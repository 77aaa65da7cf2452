"""What both dialects can say, made up by hypothesis: settings, items, responses, whole events.

Each strategy draws the preview's words and GA's words of one meaning side by side, written down
from the documents of the two; nothing here asks the application's tables.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Both = tuple[dict[str, Any], dict[str, Any]]
"""One meaning: in the preview's words, in GA's."""

texts = st.text("abc é\n", max_size=8)
ids = st.from_regex(r"[a-z]{1,4}_[A-Za-z0-9]{1,6}", fullmatch=True)
counts = st.integers(0, 5000)
tokens = st.one_of(st.just("inf"), st.integers(1, 4096))
voices = st.sampled_from(["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"])

_FORMATS: list[tuple[str, dict[str, Any]]] = [
    ("pcm16", {"type": "audio/pcm", "rate": 24000}),
    ("g711_ulaw", {"type": "audio/pcmu"}),
    ("g711_alaw", {"type": "audio/pcma"}),
]
_MODALITIES = [(["text", "audio"], ["audio"]), (["text"], ["text"])]
_TOOL = {"type": "function", "description": "d", "parameters": {"type": "object"}}

_tools = st.lists(ids.map(lambda name: {**_TOOL, "name": name}), max_size=2)
_choices = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    ids.map(lambda name: {"type": "function", "name": name}),
)
_turns = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"type": st.just("server_vad")},
        optional={
            "threshold": st.sampled_from([0.0, 0.5, 1.0]),
            "prefix_padding_ms": counts,
            "silence_duration_ms": counts,
            "create_response": st.booleans(),
            "interrupt_response": st.booleans(),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("semantic_vad")}, optional={"eagerness": st.sampled_from(["low", "auto"])}
    ),
)
_transcriptions = st.one_of(
    st.none(),
    st.fixed_dictionaries({"model": st.just("whisper-1")}, optional={"language": st.just("de")}),
)
_noise = st.sampled_from([None, {"type": "near_field"}, {"type": "far_field"}])

# flat name, path inside, pairs of values
_SETTINGS: dict[str, tuple[tuple[str, ...], st.SearchStrategy[tuple[Any, Any]]]] = {
    "modalities": (("output_modalities",), st.sampled_from(_MODALITIES)),
    "instructions": (("instructions",), texts.map(lambda v: (v, v))),
    "voice": (("audio", "output", "voice"), voices.map(lambda v: (v, v))),
    "output_audio_format": (("audio", "output", "format"), st.sampled_from(_FORMATS)),
    "tools": (("tools",), _tools.map(lambda v: (v, v))),
    "tool_choice": (("tool_choice",), _choices.map(lambda v: (v, v))),
    "max_response_output_tokens": (("max_output_tokens",), tokens.map(lambda v: (v, v))),
}
_OF_SESSIONS: dict[str, tuple[tuple[str, ...], st.SearchStrategy[tuple[Any, Any]]]] = {
    "speed": (("audio", "output", "speed"), st.sampled_from([(1.0, 1.0), (1.5, 1.5)])),
    "input_audio_format": (("audio", "input", "format"), st.sampled_from(_FORMATS)),
    "input_audio_transcription": (
        ("audio", "input", "transcription"),
        _transcriptions.map(lambda v: (v, v)),
    ),
    "input_audio_noise_reduction": (
        ("audio", "input", "noise_reduction"),
        _noise.map(lambda v: (v, v)),
    ),
    "turn_detection": (("audio", "input", "turn_detection"), _turns.map(lambda v: (v, v))),
}


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        target = target.setdefault(step, {})
    target[path[-1]] = value


@st.composite
def _settings(
    draw: st.DrawFn, table: dict[str, tuple[tuple[str, ...], Any]], whole: bool = False
) -> Both:
    preview: dict[str, Any] = {}
    ga: dict[str, Any] = {}
    for flat, (path, values) in table.items():
        if whole or draw(st.booleans()):
            preview[flat], inside = draw(values)
            _put(ga, path, inside)
    return preview, ga


sessions = _settings(_SETTINGS | _OF_SESSIONS)
whole_sessions = _settings(_SETTINGS | _OF_SESSIONS, whole=True)


@st.composite
def items(draw: st.DrawFn, by_client: bool = False) -> Both:
    """An item of a conversation; `by_client`: as a client writes it."""
    identity: dict[str, Any] = {"id": draw(ids)}
    if not by_client:
        identity |= {"object": "realtime.item", "status": draw(st.sampled_from(["completed"]))}
    kind = draw(st.sampled_from(["message", "function_call_output", "function_call"]))
    if kind == "function_call_output" or (by_client and kind == "function_call"):
        same = {**identity, "type": "function_call_output", "call_id": "c", "output": draw(texts)}
        return same, dict(same)
    if kind == "function_call":
        same = {**identity, "type": kind, "call_id": "c", "name": "f", "arguments": draw(texts)}
        return same, dict(same)
    role = draw(st.sampled_from(["user", "assistant", "system"]))
    parts = draw(st.lists(_part(role, by_client), min_size=1, max_size=2))
    head = {**identity, "type": "message", "role": role}
    return {**head, "content": [p for p, _ in parts]}, {**head, "content": [g for _, g in parts]}


def _part(role: str, by_client: bool) -> st.SearchStrategy[Both]:
    written = texts.map(lambda text: ({"type": "input_text", "text": text},) * 2)
    if role == "system":
        return written
    if role == "user":
        audio = st.just("AAAA").map(lambda text: ({"type": "input_audio", "audio": text},) * 2)
        heard = texts.map(lambda text: ({"type": "input_audio", "transcript": text},) * 2)
        return written | (audio if by_client else heard)
    said = texts.map(
        lambda text: ({"type": "text", "text": text}, {"type": "output_text", "text": text})
    )
    spoken = texts.map(
        lambda text: (
            {"type": "audio", "transcript": text},
            {"type": "output_audio", "transcript": text},
        )
    )
    return said if by_client else said | spoken


@st.composite
def response_creates(draw: st.DrawFn) -> Both:
    preview, ga = draw(_settings(_SETTINGS))
    if draw(st.booleans()):
        same = {"conversation": "none", "metadata": {"topic": draw(texts)}}
        context = draw(st.lists(items(by_client=True), max_size=2))
        preview |= {**same, "input": [p for p, _ in context]}
        ga |= {**same, "input": [g for _, g in context]}
    return preview, ga


_BARE: list[dict[str, Any]] = [
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.retrieve", "item_id": "i"},
    {"type": "conversation.item.delete", "item_id": "i"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 7},
    {"type": "response.cancel", "response_id": "r"},
    {"type": "response.cancel"},
]


@st.composite
def client_events(draw: st.DrawFn) -> Both:
    """Any event of a client's, but for `type` inside GA's sessions, which preview has not."""
    kind = draw(st.sampled_from(["session", "response", "item", "other"]))
    if kind == "session":
        preview, ga = draw(sessions)
        head = {"type": "session.update"}
        return {**head, "session": preview}, {**head, "session": {"type": "realtime", **ga}}
    if kind == "response":
        preview, ga = draw(response_creates())
        head = {"type": "response.create"}
        return {**head, "response": preview}, {**head, "response": ga}
    if kind == "item":
        preview, ga = draw(items(by_client=True))
        head = {"type": "conversation.item.create", "previous_item_id": draw(ids)}
        return {**head, "item": preview}, {**head, "item": ga}
    same = draw(st.sampled_from(_BARE))
    return same, dict(same)


@st.composite
def responses(draw: st.DrawFn) -> Both:
    """The `response` of `response.created` and `response.done`."""
    head: dict[str, Any] = {
        "id": draw(ids),
        "object": "realtime.response",
        "status": draw(st.sampled_from(["in_progress", "completed", "cancelled"])),
        "status_details": draw(st.sampled_from([None, {"type": "failed", "reason": "x"}])),
        "conversation_id": draw(st.none() | ids),
        "metadata": draw(st.none() | st.dictionaries(ids, texts, max_size=2)),
        "usage": draw(st.none() | _usage),
        "max_output_tokens": draw(tokens),
    }
    spoken, output = draw(st.sampled_from(_MODALITIES)), draw(st.lists(items(), max_size=2))
    voice, (name, form) = draw(voices), draw(st.sampled_from(_FORMATS))
    preview = {"modalities": spoken[0], "voice": voice, "output_audio_format": name}
    ga = {"output_modalities": spoken[1], "audio": {"output": {"voice": voice, "format": form}}}
    return (
        {**head, **preview, "output": [p for p, _ in output]},
        {**head, **ga, "output": [g for _, g in output]},
    )


_details = {"text_tokens": counts, "audio_tokens": counts}
_usage = st.fixed_dictionaries(
    {
        "total_tokens": counts,
        "input_tokens": counts,
        "output_tokens": counts,
        "input_token_details": st.fixed_dictionaries({"cached_tokens": counts, **_details}),
        "output_token_details": st.fixed_dictionaries(_details),
    }
)

_PLACE = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
_RENAMED: list[tuple[str, str, dict[str, Any]]] = [
    ("response.text.delta", "response.output_text.delta", {"delta": "x"}),
    ("response.text.done", "response.output_text.done", {"text": "x"}),
    ("response.audio.delta", "response.output_audio.delta", {"delta": "AAAA"}),
    ("response.audio.done", "response.output_audio.done", {}),
    (
        "response.audio_transcript.delta",
        "response.output_audio_transcript.delta",
        {"delta": "x"},
    ),
    (
        "response.audio_transcript.done",
        "response.output_audio_transcript.done",
        {"transcript": "x"},
    ),
]
_SAME: list[dict[str, Any]] = [
    {"type": "input_audio_buffer.speech_started", "audio_start_ms": 1, "item_id": "i"},
    {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 2, "item_id": "i"},
    {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "i"},
    {"type": "input_audio_buffer.cleared"},
    {"type": "conversation.created", "conversation": {"id": "c", "object": "o"}},
    {
        "type": "conversation.item.truncated",
        "item_id": "i",
        "content_index": 0,
        "audio_end_ms": 3,
    },
    {"type": "conversation.item.deleted", "item_id": "i"},
    {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "i",
        "content_index": 0,
        "transcript": "x",
        "usage": {"type": "duration", "seconds": 2},
    },
    {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": "i",
        "content_index": 0,
        "delta": "x",
    },
    {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "i",
        "content_index": 0,
        "error": {"type": "t", "code": "c", "message": "m", "param": None},
    },
    {"type": "response.function_call_arguments.delta", **_PLACE, "call_id": "c", "delta": "{"},
    {
        "type": "response.function_call_arguments.done",
        **_PLACE,
        "call_id": "c",
        "name": "f",
        "arguments": "{}",
    },
    {"type": "response.content_part.added", **_PLACE, "part": {"type": "audio", "transcript": ""}},
    {"type": "response.content_part.done", **_PLACE, "part": {"type": "text", "text": "x"}},
    {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 1}]},
    {
        "type": "error",
        "error": {"type": "t", "code": "c", "message": "m", "param": None, "event_id": "e"},
    },
]
_PARAMS = [
    ("session.voice", "session.audio.output.voice"),
    ("session.turn_detection.threshold", "session.audio.input.turn_detection.threshold"),
    ("session.max_response_output_tokens", "session.max_output_tokens"),
    ("session.tools[0].name", "session.tools[0].name"),
    ("response.modalities", "response.output_modalities"),
    ("item.content[0].type", "item.content[0].type"),
]


@st.composite
def server_events(draw: st.DrawFn) -> Both:
    """Any single event of upstream's, but for those that announce items."""
    head = {"event_id": draw(ids)}
    kind = draw(st.sampled_from(["renamed", "same", "session", "response", "item", "error"]))
    if kind == "renamed":
        preview, ga, rest = draw(st.sampled_from(_RENAMED))
        return {"type": preview, **head, **_PLACE, **rest}, {"type": ga, **head, **_PLACE, **rest}
    if kind == "same":
        same = {**draw(st.sampled_from(_SAME)), **head}
        return same, dict(same)
    if kind == "error":
        said, inside = draw(st.sampled_from(_PARAMS))
        fault = {"type": "t", "code": "c", "message": "m", "event_id": None}
        return (
            {"type": "error", **head, "error": {**fault, "param": said}},
            {"type": "error", **head, "error": {**fault, "param": inside}},
        )
    if kind == "session":
        preview, ga = draw(whole_sessions)
        named = {"id": "s", "model": "m", "object": "realtime.session", "expires_at": 7}
        head |= {"type": draw(st.sampled_from(["session.created", "session.updated"]))}
        return {**head, "session": named | preview}, {**head, "session": named | ga}
    if kind == "response":
        preview, ga = draw(responses())
        head |= {"type": draw(st.sampled_from(["response.created", "response.done"]))}
        return {**head, "response": preview}, {**head, "response": ga}
    preview, ga = draw(items())
    kinds = ["response.output_item.added", "conversation.item.retrieved"]
    head |= {"type": draw(st.sampled_from(kinds))}
    return {**head, "item": preview}, {**head, "item": ga}


@st.composite
def announced(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """How an item comes to be: as a preview service tells it, and as a GA service does."""
    preview, ga = draw(items())
    head = {"event_id": draw(ids), "previous_item_id": draw(st.none() | ids)}
    if draw(st.booleans()):
        return (
            [{"type": "conversation.item.created", **head, "item": preview}],
            [
                {"type": "conversation.item.added", **head, "item": ga},
                {"type": "conversation.item.done", **head, "item": ga},
            ],
        )
    begun = {**preview, "status": "in_progress"}
    if "content" in begun:
        begun["content"] = []
    ended = {"type": "response.output_item.done", "event_id": draw(ids), "response_id": "r"}
    return (
        [
            {"type": "conversation.item.created", **head, "item": begun},
            {**ended, "item": preview},
        ],
        [
            {"type": "conversation.item.added", **head, "item": begun},
            {"type": "conversation.item.done", **head, "item": ga},
            {**ended, "item": ga},
        ],
    )
