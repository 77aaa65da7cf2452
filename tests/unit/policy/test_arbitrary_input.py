"""Whatever a client sends: no exception, and upstream gets only keys that somebody has listed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.client_events import judge
from app.policy.policy import Policy, Profile
from app.policy.server_events import judge_delta, judge_server
from app.policy.verdict import Acknowledge, Forward, Ignore, Refuse
from app.protocol.client_frames import decode_client, encode_client
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, Dialect, ServerKind
from app.protocol.server_frames import decode_server, encode_server, server_head
from app.protocol.session_object import PREVIEW_FORMATS
from tests.unit.policy.stand_in import LAMP, OPEN, SECRET, Session

TRANSCRIBING = {"transcription_model": "the-deployment"}
POLICIES = [
    Policy(profile=profile, client_tools=(LAMP,), server_tools=(SECRET,), **further)
    for profile in Profile
    for further in ({}, TRANSCRIBING, {"create_response": False, "history": True})
]

# What may stand in a frame for a preview upstream: path (list positions as []) by path.
ALLOWED = {
    "type event_id audio item_id content_index audio_end_ms response_id previous_item_id",
    "item.id item.type item.role item.call_id item.output item.content[].type",
    "item.content[].text item.content[].audio item.content[].image_url",
    "session.modalities session.instructions session.voice session.input_audio_format",
    "session.output_audio_format session.input_audio_transcription.model",
    "session.input_audio_transcription.language session.input_audio_transcription",
    "session.turn_detection session.turn_detection.type session.turn_detection.threshold",
    "session.turn_detection.prefix_padding_ms session.turn_detection.silence_duration_ms",
    "session.turn_detection.create_response session.turn_detection.interrupt_response",
    "session.turn_detection.eagerness session.input_audio_noise_reduction",
    "session.input_audio_noise_reduction.type session.tools[].type session.tools[].name",
    "session.tools[].description session.tool_choice session.tool_choice.type session.speed",
    "session.tool_choice.name session.temperature session.max_response_output_tokens",
    "response.conversation response.modalities response.instructions response.voice",
    "response.output_audio_format response.tools[].type response.tools[].name",
    "response.tools[].description response.tool_choice response.tool_choice.type",
    "response.tool_choice.name response.temperature response.max_response_output_tokens",
    "response.input[].type response.input[].id response.input[].role response.input[].call_id",
    "response.input[].output response.input[].content[].type response.input[].content[].text",
    "response.input[].content[].audio response.input[].content[].image_url",
}
LISTED = {path for line in ALLOWED for path in line.split()}
FREE = ("session.tools[].parameters", "response.tools[].parameters", "response.metadata")

WORDS = sorted(
    {step.removesuffix("[]") for path in LISTED for step in path.split(".")}
    | set(ClientKind)
    | set(ServerKind)
    | set(PREVIEW_FORMATS)
    | {"parameters", "metadata", "append_input_items", "prompt", "output_modalities", "format"}
    | {"user", "assistant", "system", "message", "function_call_output", "item_reference", "mcp"}
    | {"input_text", "text", "input_audio", "output", "none", "auto", "server_vad", "function"}
    | {"semantic_vad", "lamp", "secret", "alloy", "item_user", "item_said", "resp_1", "call_1"}
    | {"realtime", "root", "tools", "session", "response", "item", "conversation", "relay", "inf"}
)
text = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
# What JSON cannot hold, or we refuse to read, would only hide what comes after decoding.
number = st.floats(allow_nan=False, allow_infinity=False)
integer = st.integers(-(2**53), 2**53)
scalar = st.one_of(st.none(), st.booleans(), integer, number, text)
tree = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=6)),
    max_leaves=30,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.one_of(st.sampled_from(names), text), tree, max_size=8)


PARTS = ["input_text", "input_text", "text", "input_audio", "item_reference"]
part = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["input_text", "input_text", "text", "input_audio", "item_reference"]
        ),
        "text": text,
        "audio": st.sampled_from(["AAAA", "AAAAAAAA", ""]),
    },
    optional={"id": tree, "transcript": tree},
)
item = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["message", "message", "function_call_output", "item_reference", "mcp_call"]
        ),
        "role": st.sampled_from(["user", "user", "assistant", "system", "tool"]),
        "content": st.lists(part, min_size=1, max_size=2),
        "call_id": st.sampled_from(["call_1", "call_2"]),
        "output": text,
    },
    optional={"id": st.sampled_from(["item_user", "own", "rly_1"]), "status": tree, "object": tree},
)
PLAUSIBLE: dict[str, Any] = {
    "voice": st.sampled_from(["alloy", "echo", "marin"]),
    "modalities": st.sampled_from([["text"], ["text", "audio"]]),
    "instructions": text,
    "turn_detection": st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["none", "server_vad", "semantic_vad"])},
            optional={
                "threshold": number,
                "silence_duration_ms": integer,
                "create_response": st.booleans(),
                "eagerness": st.sampled_from(["low", "auto"]),
                "idle_timeout_ms": tree,
                "new": tree,
            },
        ),
    ),
    "tools": st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["lamp", "secret", "mine"])},
            optional={
                "type": st.just("function"),
                "parameters": objects("type"),
                "server_url": tree,
            },
        ),
        max_size=4,
    ),
    "tool_choice": st.sampled_from(["auto", {"type": "function", "name": "lamp"}]),
    "speed": number,
    "temperature": number,
    "input_audio_transcription": st.fixed_dictionaries(
        {}, optional={"language": st.just("de"), "model": tree, "prompt": tree}
    ),
    "input_audio_format": st.sampled_from(sorted(PREVIEW_FORMATS)),
    "output_audio_format": st.sampled_from(sorted(PREVIEW_FORMATS)),
    "input_audio_noise_reduction": st.just({"type": "far_field"}),
    "max_response_output_tokens": st.one_of(integer, st.just("inf")),
    "tracing": tree,
    "audio": tree,
    "model": text,
    "prompt": tree,
}
IN_RESPONSE: dict[str, Any] = {
    "metadata": st.dictionaries(text, text, max_size=3),
    "conversation": st.sampled_from(["auto", "none"]),
    "input": st.lists(item, max_size=2),
    "commit": tree,
}


def mostly(plausible: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose fields make sense, and now and then one that does not."""
    one = st.one_of(
        *(st.fixed_dictionaries({name: values}) for name, values in sorted(plausible.items()))
    )
    return st.one_of(one, st.fixed_dictionaries({}, optional=plausible), objects(*plausible))


session_updates = st.fixed_dictionaries(
    {"type": st.just("session.update"), "session": mostly(PLAUSIBLE)}, optional={"event_id": text}
)
response_creates = st.fixed_dictionaries(
    {"type": st.just("response.create"), "response": mostly(PLAUSIBLE | IN_RESPONSE)}
)
item_creates = st.fixed_dictionaries(
    {"type": st.just("conversation.item.create"), "item": item},
    optional={"previous_item_id": text, "extra": tree},
)
other_events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(sorted(ClientKind)),
        "item_id": st.one_of(st.sampled_from(["item_user", "item_said", "item_gone"]), tree),
        "audio": st.one_of(st.sampled_from(["AAAAAAAA", "AAA", ""]), tree),
        "content_index": st.integers(-1, 15),
        "audio_end_ms": st.one_of(st.integers(0, 9999), tree),
    },
    optional={"response_id": st.one_of(st.just("resp_1"), tree), "extra": tree},
)
often = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def paths(value: Any, path: str = "") -> set[str]:
    """Every leaf and every object below the top, as a path; list positions as []."""
    if path in FREE:
        return set()
    if isinstance(value, dict) and value:
        return {
            found
            for key, entry in value.items()
            for found in paths(entry, f"{path}.{key}" if path else key)
        }
    if isinstance(value, list):
        return {found for entry in value for found in paths(entry, f"{path}[]")}
    return {path}


def check_client(frame: bytes) -> None:
    for dialect in Dialect:
        for policy in POLICIES:
            decoded = decode_client(frame, dialect)
            if isinstance(decoded, Malformed):
                assert decoded.message
                continue
            assert isinstance(decoded, ClientEvent)
            check_verdict(judge(decoded, policy, Session()), decoded.event_id, policy)


def check_verdict(verdict: Any, event_id: str | None, policy: Policy) -> None:
    assert isinstance(verdict, Forward | Refuse | Ignore | Acknowledge)
    assert verdict.rule
    if isinstance(verdict, Refuse):
        assert verdict.message
        assert verdict.code
    if not isinstance(verdict, Forward):
        return
    sent = json.loads(encode_client(verdict.event, Dialect.PREVIEW, event_id))
    leaves = {path.removesuffix("[]") for path in paths(sent)}
    unlisted = leaves - LISTED - {"session", "session.tools", "response.tools", "response.input"}
    assert not unlisted, unlisted
    if policy.profile is not OPEN:
        assert not leaves & {"session.instructions", "response.instructions"}
        assert {item.get("role") for item in items_of(sent)} <= {None, "user", "assistant"}
    assert {item["type"] for item in items_of(sent)} <= ITEM_TYPES
    for root in ("session", "response"):
        assert {tool["type"] for tool in sent.get(root, {}).get("tools", [])} <= {"function"}


ITEM_TYPES = {"message", "function_call_output", "item_reference"}


def items_of(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """The items in a frame for upstream, wherever they stand."""
    own: list[dict[str, Any]] = [sent["item"]] if "item" in sent else []
    return [*own, *sent.get("response", {}).get("input", [])]


@given(event=session_updates)
@often
def test_no_session_update_raises_or_smuggles_a_key(event: dict[str, Any]) -> None:
    check_client(json.dumps(event).encode())


@given(event=response_creates)
@often
def test_no_response_create_raises_or_smuggles_a_key(event: dict[str, Any]) -> None:
    check_client(json.dumps(event).encode())


@given(event=item_creates)
@often
def test_no_item_raises_or_smuggles_a_key(event: dict[str, Any]) -> None:
    check_client(json.dumps(event).encode())


@given(event=other_events)
@often
def test_no_other_event_raises_or_smuggles_a_key(event: dict[str, Any]) -> None:
    check_client(json.dumps(event).encode())


@given(value=tree)
@often
def test_no_json_raises(value: Any) -> None:
    check_client(json.dumps(value).encode())


@given(frame=st.binary(max_size=200))
@often
def test_no_bytes_raise(frame: bytes) -> None:
    check_client(frame)
    assert server_head(frame, Dialect.PREVIEW) is None
    assert decode_server(frame, Dialect.PREVIEW) is None


server_event = st.fixed_dictionaries(
    {"type": st.sampled_from([*sorted(ServerKind), "response.audio.delta"])},
    optional={
        **dict.fromkeys(("session", "response", "item", "error", "conversation"), tree),
        **dict.fromkeys(("item_id", "response_id", "previous_item_id", "event_id"), text),
        **dict.fromkeys(("usage", "delta", "part", "logprobs"), tree),
    },
)


@given(event=server_event)
@often
def test_no_server_event_raises(event: dict[str, Any]) -> None:
    frame = json.dumps(event).encode()
    for dialect in Dialect:
        head = server_head(frame, dialect)
        decoded = decode_server(frame, dialect)
        if head is not None:
            judge_delta(head, Session())
        if decoded is None:
            continue
        for profile in Profile:
            policy = Policy(profile=profile, show_usage=profile is OPEN)
            verdict = judge_server(decoded, policy, Session())
            if hasattr(verdict, "body"):
                json.loads(encode_server(verdict.body, dialect))


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type":"session.update","session":{"voice":"echo"},"session":{"instructions":"x"}}',
        b'{"type":"session.update","session":{"voice":"echo","voice":"ash"}}',
        b'{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        b'"role":"system","content":[{"type":"input_text","text":"x"}]}}',
        b'{"note":{"type":"input_audio_buffer.append"},"type":"session.update","session":{}}',
    ],
    ids=lambda frame: repr(frame[:40]),
)
def test_a_repeated_key_means_one_thing_to_the_policy_and_to_upstream(frame: bytes) -> None:
    check_client(frame)
