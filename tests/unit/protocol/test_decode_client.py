"""A client's frame becomes an event in the internal spelling, or a refusal that says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.protocol.client_frames import decode_client
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, Dialect


def decode(event: Any, dialect: Dialect = Dialect.PREVIEW) -> ClientEvent | Malformed:
    frame = event if isinstance(event, bytes) else json.dumps(event).encode()
    return decode_client(frame, dialect)


def read(event: Any, dialect: Dialect = Dialect.PREVIEW) -> ClientEvent:
    decoded = decode(event, dialect)
    assert isinstance(decoded, ClientEvent), decoded
    return decoded


def refused(event: Any) -> Malformed:
    decoded = decode(event)
    assert isinstance(decoded, Malformed), decoded
    return decoded


def test_an_audio_append_takes_the_short_way() -> None:
    event = read({"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "e-1"})
    assert event.kind is ClientKind.AUDIO_APPEND
    assert event.event_id == "e-1"
    assert event.body == {"type": "input_audio_buffer.append", "audio": "AAAA"}


def test_an_audio_append_with_further_keys_takes_the_long_way_to_the_same_event() -> None:
    event = read({"type": "input_audio_buffer.append", "audio": "AAAA", "extra": 1})
    assert event.kind is ClientKind.AUDIO_APPEND
    assert event.body["audio"] == "AAAA"


@pytest.mark.parametrize("event_id", ["rly_1", "x" * 65, "", "a b", 'a"b', "é", "a\n"], ids=repr)
def test_a_bad_event_id_is_refused_without_repeating_it(event_id: str) -> None:
    for event in (
        {"type": "input_audio_buffer.append", "audio": "", "event_id": event_id},
        {"type": "response.create", "event_id": event_id},
    ):
        answer = refused(event)
        assert (answer.code, answer.param, answer.event_id) == ("invalid_value", "event_id", None)
        assert event_id not in answer.message or event_id in ("", "rly_1")


@pytest.mark.parametrize("event_id", [1, True, [], {}])
def test_an_event_id_that_is_no_string_is_refused(event_id: Any) -> None:
    assert refused({"type": "response.create", "event_id": event_id}).param == "event_id"


@pytest.mark.parametrize("event_id", [None, "agents_js_response_create_1", "a.b-C_9", "x" * 64])
def test_event_ids_that_real_clients_send_are_kept(event_id: str | None) -> None:
    assert read({"type": "response.create", "event_id": event_id}).event_id == event_id


def test_the_last_of_two_types_counts_wherever_they_stand() -> None:
    first = read(b'{"type":"input_audio_buffer.append","audio":"","type":"session.update"}')
    assert first.kind is ClientKind.SESSION_UPDATE
    second = read(b'{"type":"session.update","audio":"","type":"input_audio_buffer.append"}')
    assert second.kind is ClientKind.AUDIO_APPEND


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"hello",
        b"{",
        b'{"type":"response.create"} x',
        b'{"type":NaN}',
        b'{"type":"x","n":Infinity}',
        b'{"type":"x","n":-Infinity}',
        b'{"type":"x","n":1e999}',
        b'{"type":"x","n":' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"type":"response.create"}',
        '{"type":"response.create"}'.encode("utf-16"),
        b'{"type":"\\ud800"}',
        b'{"type":"\xff"}',
        b'{"type":"x","a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"{'type':'x'}",
    ],
    ids=lambda frame: repr(frame[:24]),
)
def test_what_is_not_strict_json_is_refused_in_words(frame: bytes) -> None:
    answer = refused(frame)
    assert answer.code == "invalid_json"
    assert answer.event_id is None


@pytest.mark.parametrize("value", [[], "x", 1, None, True])
def test_json_that_is_no_object_is_refused(value: Any) -> None:
    assert refused(value).code == "invalid_type"


def test_a_missing_type_is_named_and_the_event_id_kept() -> None:
    for event in ({"event_id": "e1"}, {"event_id": "e1", "type": None}):
        answer = refused(event)
        assert answer == Malformed(
            "missing_required_parameter", "Missing required parameter: 'type'.", "type", "e1"
        )


def test_a_type_that_is_no_string_is_refused() -> None:
    assert refused({"type": 5}).code == "invalid_type"


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1])
def test_integers_beyond_what_javascript_can_hold_are_refused_anywhere(number: int) -> None:
    answer = refused({"type": "x", "event_id": "e", "a": [{"b": number}]})
    assert (answer.code, answer.event_id) == ("invalid_value", "e")
    assert "2^53" in answer.message


def test_integers_up_to_the_bound_and_booleans_are_read() -> None:
    assert read({"type": "x", "a": [2**53, -(2**53), True]}).body["a"] == [2**53, -(2**53), True]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded() -> None:
    read({"type": "x", "a": nested(31)})
    assert "deeper" in refused({"type": "x", "a": nested(32)}).message


def test_the_number_of_values_is_bounded() -> None:
    assert "more than" in refused({"type": "x", "a": [0] * 20_000}).message


def test_the_number_of_keys_of_one_object_is_bounded() -> None:
    read({"type": "x", "a": {f"k{n}": 0 for n in range(512)}})
    assert "512 keys" in refused({"type": "x", "a": {f"k{n}": 0 for n in range(513)}}).message


@pytest.mark.parametrize(
    ("kind", "root"), [("session.update", "session"), ("response.create", "response")]
)
def test_a_tool_with_too_many_keys_is_refused(kind: str, root: str) -> None:
    def event(keys: int) -> dict[str, Any]:
        half = {f"k{n}": 0 for n in range(keys // 2)}
        parameters = {"properties": [half, half]}
        return {"type": kind, root: {"tools": ["odd", {"parameters": parameters}]}}

    read(event(500))
    answer = refused(event(600))
    assert answer.param == f"{root}.tools"
    assert "512 keys" in answer.message


def test_an_unknown_type_is_an_event_for_the_policy_to_refuse() -> None:
    event = read({"type": "session.close"})
    assert event.kind == "session.close"
    assert not isinstance(event.kind, ClientKind)


@pytest.mark.parametrize(
    "pair",
    [
        ("input", "append_input_items"),
        ("input_items", "append_input_items"),
        ("max_output_tokens", "max_response_output_tokens"),
    ],
)
def test_the_same_value_under_two_names_is_refused(pair: tuple[str, str]) -> None:
    answer = refused({"type": "response.create", "response": {name: [] for name in pair}})
    assert answer.code == "invalid_value"
    assert all(f"'response.{name}'" in answer.message for name in pair)


def test_a_text_prompt_beside_instructions_is_the_same_value_twice() -> None:
    refused({"type": "response.create", "response": {"instructions": "a", "prompt": "b"}})


def test_the_flat_session_becomes_the_nested_one() -> None:
    event = read(
        {
            "type": "session.update",
            "session": {
                "modalities": ["text", "audio"],
                "voice": "alloy",
                "speed": 1.1,
                "instructions": "hi",
                "input_audio_format": "pcm16",
                "output_audio_format": "g711_alaw",
                "input_audio_transcription": {"model": "whisper-1"},
                "input_audio_noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "none"},
                "max_response_output_tokens": "inf",
                "temperature": 0.9,
            },
        }
    )
    assert event.body["session"] == {
        "output_modalities": ["audio"],
        "instructions": "hi",
        "temperature": 0.9,
        "max_output_tokens": "inf",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "whisper-1"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": None,
            },
            "output": {"voice": "alloy", "speed": 1.1, "format": {"type": "audio/pcma"}},
        },
    }


def test_ga_names_on_a_preview_connection_are_set_aside_and_named() -> None:
    event = read(
        {
            "type": "session.update",
            "session": {"audio": {"output": {"voice": "x"}}, "output_modalities": ["text"]},
        }
    )
    assert event.body["session"] == {}
    assert event.sent.foreign == ("session.audio", "session.output_modalities")


def test_the_ga_dialect_is_the_identity() -> None:
    session = {"type": "realtime", "audio": {"output": {"voice": "x"}}, "prompt": "p"}
    event = read({"type": "session.update", "session": session}, Dialect.GA)
    assert event.body["session"] == session
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]}
    created = read({"type": "conversation.item.create", "item": item}, Dialect.GA)
    assert created.body["item"] == item


def test_aliases_of_response_create_keep_the_names_that_the_client_used() -> None:
    event = read(
        {
            "type": "response.create",
            "response": {"prompt": "What?", "input_items": [], "max_output_tokens": 5},
        }
    )
    assert event.body["response"] == {"instructions": "What?", "input": [], "max_output_tokens": 5}
    assert event.sent.path("response.instructions") == "response.prompt"
    assert event.sent.path("response.input[0].content[1]") == "response.input_items[0].content[1]"
    assert event.sent.path("response.inputs") == "response.inputs"
    assert event.sent.path("response.max_output_tokens") == "response.max_output_tokens"


def test_a_prompt_object_is_not_mistaken_for_text() -> None:
    event = read({"type": "response.create", "response": {"prompt": {"id": "p"}}})
    assert event.body["response"] == {"prompt": {"id": "p"}}


@pytest.mark.parametrize("session", [None, 5, "x", []])
def test_a_session_that_is_no_object_is_left_for_the_policy(session: Any) -> None:
    assert read({"type": "session.update", "session": session}).body["session"] == session


def test_what_the_assistant_said_is_spelled_as_ga_spells_it() -> None:
    item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "input_text"}, 5, {"type": []}],
    }
    event = read({"type": "conversation.item.create", "item": item})
    assert event.body["item"]["content"] == [
        {"type": "output_text", "text": "a"},
        {"type": "input_text"},
        5,
        {"type": []},
    ]
    context = read({"type": "response.create", "response": {"input": [item, 5]}})
    assert context.body["response"]["input"][0]["content"][0]["type"] == "output_text"


@pytest.mark.parametrize("item", [None, 5, [], {"content": 5}, {}])
def test_an_item_of_another_shape_is_left_for_the_policy(item: Any) -> None:
    assert read({"type": "conversation.item.create", "item": item}).body["item"] == item
    response = read({"type": "response.create", "response": {"input": item}}).body["response"]
    assert response["input"] == item


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("modalities", ["audio", "video"]),
        ("modalities", "audio"),
        ("input_audio_format", "mp3"),
        ("input_audio_format", 5),
        ("turn_detection", "none"),
    ],
)
def test_values_that_no_codec_knows_are_kept_for_the_policy_to_name(field: str, value: Any) -> None:
    event = read({"type": "session.update", "session": {field: value}})
    assert json.dumps(value) in json.dumps(event.body["session"])
