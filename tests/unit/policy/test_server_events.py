"""Upstream's events: what passes, what is rebuilt from known keys, what no client ever sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.policy.policy import Policy, Profile
from app.policy.server_events import (
    DELTAS,
    Drop,
    Pass,
    Rebuild,
    ServerVerdict,
    judge_delta,
    judge_server,
)
from app.policy.server_objects import may_show
from app.protocol.dialects import KINDS
from app.protocol.events import ServerEvent
from app.protocol.names import Dialect, ServerKind
from app.protocol.server_frames import decode_server, encode_server, server_head
from tests.unit.policy.stand_in import OPEN, PROFILES, Session

CANARY = "canary-7f3a"


def told(
    event: dict[str, Any],
    policy: Policy | None = None,
    session: Session | None = None,
    dialect: Dialect = Dialect.PREVIEW,
) -> ServerVerdict:
    decoded = decode_server(json.dumps(event).encode(), dialect)
    assert decoded is not None
    return judge_server(decoded, policy or Policy(), session or Session())


def shown(
    event: dict[str, Any],
    policy: Policy | None = None,
    session: Session | None = None,
    dialect: Dialect = Dialect.PREVIEW,
) -> dict[str, Any]:
    verdict = told(event, policy, session, dialect)
    assert isinstance(verdict, Rebuild), verdict
    sent: dict[str, Any] = json.loads(encode_server(verdict.body, dialect))
    return sent


def said(**further: Any) -> dict[str, Any]:
    """An assistant's message, whole, with secrets wherever a new field could stand."""
    return {
        "id": "item_said",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [
            {"type": "audio", "transcript": "hi", "audio": CANARY, "id": CANARY, "new": CANARY}
        ],
        "new": CANARY,
        "phase": {"x": CANARY},
        **further,
    }


USAGE = {
    "total_tokens": 82,
    "input_tokens": 5,
    "output_tokens": 77,
    "input_token_details": {
        "cached_tokens": 1,
        "text_tokens": 5,
        "audio_tokens": 0,
        "cached_tokens_details": {"text_tokens": 1, "audio_tokens": 0, "new": CANARY},
        "new": CANARY,
    },
    "output_token_details": {"text_tokens": 21, "audio_tokens": 56, "new": CANARY},
    "new": CANARY,
}

RESPONSE: dict[str, Any] = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "failed",
    "status_details": {
        "type": "failed",
        "reason": "x",
        "error": {"type": CANARY, "code": CANARY, "message": CANARY, "param": CANARY},
        "new": CANARY,
    },
    "output": [
        said(),
        {**said(), "id": "item_hidden"},
        {
            "id": "item_call",
            "type": "function_call",
            "name": "lamp",
            "call_id": "call_1",
            "arguments": "{}",
            "new": CANARY,
        },
        {"id": "item_call", "type": "function_call", "name": "secret", "arguments": CANARY},
        {"id": "item_call", "type": "mcp_call", "name": CANARY},
        5,
    ],
    "conversation_id": "conv_1",
    "modalities": ["text", "audio"],
    "voice": "alloy",
    "output_audio_format": "pcm16",
    "temperature": 0.8,
    "max_output_tokens": "inf",
    "metadata": {"topic": "x", "relay_own": CANARY},
    "usage": USAGE,
    "instructions": CANARY,
    "tools": [{"name": CANARY}],
    "prompt": {"id": CANARY},
    "new": CANARY,
}


# -- deltas ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(DELTAS))
@pytest.mark.parametrize(
    ("response_id", "item_id", "passes"),
    [
        ("resp_1", "item_said", True),
        ("resp_hidden", "item_said", False),
        ("resp_1", "item_hidden", False),
        (None, "item_said", False),
        ("resp_1", None, False),
    ],
)
def test_a_part_of_a_response_passes_if_response_and_item_are_visible(
    kind: ServerKind, response_id: Any, item_id: Any, passes: bool
) -> None:
    wire = next(name for name, known in KINDS[Dialect.PREVIEW].items() if known is kind)
    event = {"type": wire, "response_id": response_id, "item_id": item_id, "delta": "AAAA"}
    head = server_head(json.dumps(event).encode(), Dialect.PREVIEW)
    assert head is not None
    assert judge_delta(head, Session()) is passes
    assert told(event) == (Pass() if passes else Drop("hidden"))


@pytest.mark.parametrize("value", [5, {}, []])
def test_an_id_of_another_type_is_no_id(value: Any) -> None:
    event = {"type": "response.text.delta", "response_id": value, "item_id": "item_said"}
    assert told(event) == Drop("hidden")


# -- events about one item ------------------------------------------------------------------------

OF_AN_ITEM = [
    ("input_audio_buffer.speech_started", Dialect.PREVIEW),
    ("input_audio_buffer.speech_stopped", Dialect.PREVIEW),
    ("input_audio_buffer.timeout_triggered", Dialect.GA),
    ("conversation.item.truncated", Dialect.PREVIEW),
    ("conversation.item.deleted", Dialect.PREVIEW),
    ("conversation.item.input_audio_transcription.segment", Dialect.GA),
]


@pytest.mark.parametrize(("kind", "dialect"), OF_AN_ITEM)
def test_an_event_about_an_item_passes_if_the_item_is_visible(kind: str, dialect: Dialect) -> None:
    event = {"type": kind, "item_id": "item_user", "new": CANARY}
    assert told(event, dialect=dialect) == Rebuild({"type": kind, "item_id": "item_user"})
    for item_id in ("item_hidden", None, 5):
        assert told({"type": kind, "item_id": item_id}, dialect=dialect) == Drop("hidden")


def test_a_cleared_buffer_is_always_told() -> None:
    cleared = {"type": "input_audio_buffer.cleared"}
    assert told({**cleared, "new": CANARY}) == Rebuild(cleared)


def test_committed_audio_is_placed_among_what_the_client_sees() -> None:
    event = {
        "type": "input_audio_buffer.committed",
        "event_id": "e",
        "previous_item_id": "item_hidden",
        "item_id": "item_user",
        "new": CANARY,
    }
    session = Session(predecessors={"item_hidden": "item_said"})
    assert shown(event, session=session) == {
        "type": "input_audio_buffer.committed",
        "event_id": "e",
        "previous_item_id": "item_said",
        "item_id": "item_user",
    }
    assert told({**event, "item_id": "item_hidden"}) == Drop("hidden")


@pytest.mark.parametrize(
    ("previous", "goes"),
    [("item_user", "item_user"), ("item_hidden", None), (None, None), (5, None)],
)
def test_a_predecessor_is_visible_or_null(previous: Any, goes: str | None) -> None:
    event = {
        "type": "conversation.item.created",
        "previous_item_id": previous,
        "item": said(),
    }
    assert shown(event)["previous_item_id"] == goes


def test_a_predecessor_that_upstream_did_not_name_is_not_invented() -> None:
    assert "previous_item_id" not in shown({"type": "conversation.item.created", "item": said()})


# -- items ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "dialect"),
    [
        ("conversation.item.created", Dialect.PREVIEW),
        ("conversation.item.added", Dialect.GA),
        ("conversation.item.done", Dialect.GA),
        ("response.output_item.added", Dialect.PREVIEW),
        ("response.output_item.done", Dialect.PREVIEW),
    ],
)
def test_an_item_is_rebuilt_from_known_keys(kind: str, dialect: Dialect) -> None:
    event = {
        "type": kind,
        "event_id": "e",
        "response_id": "resp_1",
        "output_index": 0,
        "item": said(),
        "new": CANARY,
    }
    sent = shown(event, dialect=dialect)
    assert CANARY not in json.dumps(sent)
    assert sent["item"] == {
        "id": "item_said",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "audio", "transcript": "hi"}],
    }
    if kind.startswith("response."):
        assert (sent["response_id"], sent["output_index"]) == ("resp_1", 0)
    assert told({**event, "item": {**said(), "id": "item_hidden"}}, dialect=dialect) == Drop(
        "hidden"
    )


def test_an_output_item_of_a_hidden_response_is_hidden() -> None:
    event = {"type": "response.output_item.done", "response_id": "resp_hidden", "item": said()}
    assert told(event) == Drop("hidden")


def test_a_retrieved_item_brings_its_audio() -> None:
    item = said(content=[{"type": "audio", "audio": "AAAA", "transcript": "hi", "id": CANARY}, 5])
    sent = shown({"type": "conversation.item.retrieved", "item": item})
    assert sent["item"]["content"] == [{"type": "audio", "transcript": "hi", "audio": "AAAA"}]


@pytest.mark.parametrize("item", [None, 5, {}, {"id": 5, "type": "message", "role": "user"}])
def test_what_is_no_item_is_hidden(item: Any) -> None:
    assert told({"type": "conversation.item.created", "item": item}) == Drop("hidden")


@pytest.mark.parametrize("content", [None, 5])
def test_a_message_without_parts_is_shown_without_parts(content: Any) -> None:
    sent = shown({"type": "conversation.item.created", "item": said(content=content)})
    assert "content" not in sent["item"]


@pytest.mark.parametrize(
    ("item", "may"),
    [
        ({"id": "i", "type": "message", "role": "user"}, True),
        ({"id": "i", "type": "message", "role": "assistant"}, True),
        ({"id": "i", "type": "message", "role": "system"}, False),
        ({"id": "mine", "type": "message", "role": "system"}, True),
        ({"id": "i", "type": "message", "role": "tool"}, False),
        ({"id": "rly_i", "type": "message", "role": "user"}, False),
        ({"id": "i", "type": "function_call", "name": "lamp"}, True),
        ({"id": "i", "type": "function_call", "name": "secret"}, False),
        ({"id": "i", "type": "function_call"}, False),
        ({"id": "i", "type": "function_call_output", "call_id": "call_1"}, True),
        ({"id": "i", "type": "function_call_output", "call_id": "call_hidden"}, False),
        ({"id": "i", "type": "function_call_output"}, False),
        ({"id": "i", "type": "mcp_call", "call_id": "call_1"}, False),
        ({"id": "i", "type": "mcp_list_tools"}, False),
    ],
)
def test_which_items_are_for_a_client_at_all(item: dict[str, Any], may: bool) -> None:
    assert may_show(item, Session(wrote={"mine"})) is may


def test_the_output_of_a_shown_call_is_shown() -> None:
    item = {
        "id": "item_user",
        "type": "function_call_output",
        "call_id": "call_1",
        "output": "{}",
        "content": [CANARY],
        "new": CANARY,
    }
    sent = shown({"type": "conversation.item.created", "item": item})["item"]
    assert sent == {k: v for k, v in item.items() if k not in ("content", "new")}


# -- responses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", ["response.created", "response.done"])
def test_a_response_is_rebuilt_from_known_keys(kind: str, profile: Profile) -> None:
    sent = shown(
        {"type": kind, "event_id": "e", "response": RESPONSE, "new": CANARY},
        Policy(profile=profile),
    )
    assert CANARY not in json.dumps(sent)
    response = sent["response"]
    assert [item["id"] for item in response["output"]] == ["item_said", "item_call"]
    assert response["metadata"] == {"topic": "x"}
    assert response["conversation_id"] == "conv_1"
    assert response["status_details"]["error"]["code"] == "upstream_error"
    assert response["usage"]["input_token_details"]["cached_tokens_details"] == {
        "text_tokens": 1,
        "audio_tokens": 0,
    }
    for key in ("modalities", "voice", "output_audio_format", "temperature", "max_output_tokens"):
        assert response[key] == RESPONSE[key]


def test_the_documented_minimal_response_is_itself() -> None:
    response: dict[str, Any] = {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "usage": None,
    }
    event = {"type": "response.created", "event_id": "e", "response": response}
    assert shown(event) == event


def test_an_out_of_band_response_keeps_its_null_conversation() -> None:
    response = {"id": "resp_1", "conversation_id": None, "metadata": None}
    assert shown({"type": "response.done", "response": response})["response"] == response


def test_a_cancelled_response_says_why() -> None:
    details = {"type": "cancelled", "reason": "turn_detected"}
    response = {"id": "resp_1", "status": "cancelled", "status_details": details}
    assert shown({"type": "response.done", "response": response})["response"] == response


def test_a_custom_voice_is_not_shown() -> None:
    response = {"id": "resp_1", "audio": {"output": {"voice": {"id": CANARY}}}}
    sent = shown({"type": "response.done", "response": response}, dialect=Dialect.GA)
    assert sent["response"] == {"id": "resp_1", "audio": {"output": {}}}


@pytest.mark.parametrize("audio", [None, 5, {}, {"output": None}])
def test_odd_audio_settings_are_not_shown(audio: Any) -> None:
    response = {"id": "resp_1", "audio": audio}
    sent = shown({"type": "response.done", "response": response}, dialect=Dialect.GA)
    assert sent["response"] == {"id": "resp_1"}


@pytest.mark.parametrize("response", [None, 5, {}, {"id": "resp_hidden"}, {"id": 5}])
def test_a_hidden_response_is_dropped_whole(response: Any) -> None:
    assert told({"type": "response.done", "response": response}) == Drop("hidden")


def test_hidden_usage_is_zero_with_all_its_keys() -> None:
    response = {"id": "resp_1", "usage": USAGE}
    sent = shown({"type": "response.done", "response": response}, Policy(show_usage=False))
    assert sent["response"]["usage"] == {
        "total_tokens": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "input_token_details": {"cached_tokens": 0, "text_tokens": 0, "audio_tokens": 0},
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }


def test_odd_values_do_not_travel_as_containers() -> None:
    response: dict[str, Any] = {
        "id": "resp_1",
        "status": {"x": CANARY},
        "output": CANARY,
        "modalities": [{"x": CANARY}, "text"],
        "temperature": {"x": CANARY},
        "metadata": {"a": {"x": CANARY}},
        "usage": {"total_tokens": [CANARY], "input_token_details": CANARY},
        "status_details": CANARY,
    }
    sent = shown({"type": "response.done", "response": response})["response"]
    assert sent == {
        "id": "resp_1",
        "modalities": ["text"],
        "metadata": {},
        "usage": {},
        "status_details": None,
    }


# -- transcription --------------------------------------------------------------------------------

TRANSCRIBED = {
    "type": "conversation.item.input_audio_transcription.completed",
    "event_id": "e",
    "item_id": "item_user",
    "content_index": 0,
    "transcript": "hello",
    "logprobs": [{"token": "hello", "logprob": -0.1}],
    "usage": {"type": "duration", "seconds": 2, "new": CANARY},
    "new": CANARY,
}


def test_a_transcript_passes_without_logprobs() -> None:
    sent = shown(TRANSCRIBED)
    assert sent == {
        "type": TRANSCRIBED["type"],
        "event_id": "e",
        "item_id": "item_user",
        "content_index": 0,
        "transcript": "hello",
        "usage": {"type": "duration", "seconds": 2},
    }
    assert shown(TRANSCRIBED, Policy(profile=OPEN))["logprobs"] == TRANSCRIBED["logprobs"]
    assert told({**TRANSCRIBED, "item_id": "item_hidden"}) == Drop("hidden")


def test_hidden_transcription_usage_is_zero_and_keeps_its_type() -> None:
    off = Policy(show_usage=False)
    assert shown(TRANSCRIBED, off)["usage"] == {"type": "duration", "seconds": 0}
    tokens = {**TRANSCRIBED, "usage": {"type": "tokens", **USAGE}}
    usage = shown(tokens, off)["usage"]
    assert usage["type"] == "tokens"
    assert usage["input_token_details"]["text_tokens"] == 0
    assert shown({**TRANSCRIBED, "usage": None}, off)["usage"] is None


def test_a_transcription_delta_is_rebuilt() -> None:
    event = {
        "type": "conversation.item.input_audio_transcription.delta",
        "item_id": "item_user",
        "content_index": 0,
        "delta": "hel",
        "logprobs": None,
    }
    assert shown(event) == {k: v for k, v in event.items() if k != "logprobs"}


@pytest.mark.parametrize("error", [{"code": CANARY, "message": CANARY, "param": CANARY}, None])
def test_a_failed_transcription_does_not_name_its_deployment(error: Any) -> None:
    event = {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "item_user",
        "content_index": 0,
        "error": error,
    }
    sent = shown(event)
    assert sent["error"]["message"] == "The audio could not be transcribed."
    assert CANARY not in json.dumps(sent)
    assert told({**event, "item_id": "item_hidden"}) == Drop("hidden")


# -- the rest -------------------------------------------------------------------------------------


def test_an_error_keeps_its_code_and_the_clients_event_id_alone() -> None:
    error = {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": CANARY,
        "param": "session.voice",
        "event_id": "evt_1",
        "new": CANARY,
    }
    sent = shown({"type": "error", "event_id": "e", "error": error, "new": CANARY})
    assert sent == {
        "type": "error",
        "event_id": "e",
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "Invalid value.",
            "param": "session.voice",
            "event_id": "evt_1",
        },
    }


def test_an_error_for_an_event_of_the_relays_never_reaches_the_client() -> None:
    assert told({"type": "error", "error": {"event_id": "rly_1"}}) == Drop("own-error")


def test_an_error_of_no_shape_is_still_an_error() -> None:
    assert shown({"type": "error", "error": CANARY})["error"]["code"] == "upstream_error"


def test_the_conversation_is_announced_by_its_id() -> None:
    event = {"type": "conversation.created", "event_id": "e", "conversation": {"id": "c", "x": 1}}
    assert shown(event)["conversation"] == {"id": "c"}
    assert shown({**event, "conversation": 5})["conversation"] == {}


def test_the_deployments_shared_quota_is_shown_by_setting_only() -> None:
    limit = {"name": "tokens", "limit": 9, "remaining": 3, "reset_seconds": 1.5}
    event = {"type": "rate_limits.updated", "rate_limits": [{**limit, "new": CANARY}, 5]}
    assert told(event) == Drop("rate-limits")
    shown_limits = {"type": "rate_limits.updated", "rate_limits": [limit]}
    assert told(event, Policy(show_rate_limits=True)) == Rebuild(shown_limits)
    assert told({**event, "rate_limits": 5}, Policy(show_rate_limits=True)) == Rebuild(
        {"type": "rate_limits.updated", "rate_limits": []}
    )


@pytest.mark.parametrize("kind", ["added", "done"])
def test_a_content_part_is_rebuilt_where_its_item_is_visible(kind: str) -> None:
    event = {
        "type": f"response.content_part.{kind}",
        "response_id": "resp_1",
        "item_id": "item_said",
        "part": {"type": "audio", "transcript": "hi", "new": CANARY},
        "new": CANARY,
    }
    verdict = told(event)
    assert isinstance(verdict, Rebuild)
    assert verdict.body["part"] == {"type": "audio", "transcript": "hi"}
    assert "new" not in verdict.body
    odd = told({**event, "part": 5})
    assert isinstance(odd, Rebuild)
    assert odd.body["part"] == {}
    assert told({**event, "response_id": "resp_hidden"}) == Drop("hidden")
    assert told({**event, "item_id": "item_hidden"}) == Drop("hidden")


@pytest.mark.parametrize("kind", ["session.created", "session.updated"])
def test_upstreams_session_is_never_passed(kind: str) -> None:
    event = {"type": kind, "session": {"instructions": CANARY}}
    assert told(event, Policy(profile=OPEN)) == Drop("session-view")


@pytest.mark.parametrize("kind", list(ServerKind))
def test_every_kind_has_a_verdict(kind: ServerKind) -> None:
    verdict = judge_server(ServerEvent(kind, {"type": kind.value}), Policy(), Session())
    assert isinstance(verdict, Pass | Rebuild | Drop)
