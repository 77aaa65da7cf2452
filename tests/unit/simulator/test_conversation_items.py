"""Items created, retrieved, truncated and deleted by the client, and the chain that they form."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.simulator.talk import CALL, WRITING, Talk, message, silence, types, utterance


def test_items_form_a_chain() -> None:
    talk = Talk()
    first, second = talk.typed("1")[0], talk.typed("2")[0]
    assert first["previous_item_id"] is None
    assert second["previous_item_id"] == first["item"]["id"]
    root = talk.typed("0", previous_item_id="root")[0]
    assert root["previous_item_id"] is None
    between = talk.typed("1.5", previous_item_id=first["item"]["id"])[0]
    assert between["previous_item_id"] == first["item"]["id"]
    talk.send("response.create")
    turn = talk.thoughts[-1].turn
    assert [line.text for line in turn.history] == ["0", "1", "1.5"]
    assert turn.text == "2"


def test_a_deleted_items_neighbours_close_ranks() -> None:
    talk = Talk()
    first, second = talk.typed("1")[0]["item"]["id"], talk.typed("2")[0]["item"]["id"]
    (deleted,) = talk.send("conversation.item.delete", item_id=second)
    assert deleted["item_id"] == second
    assert talk.typed("3")[0]["previous_item_id"] == first
    assert talk.refused("conversation.item.delete", item_id=second) == {
        "type": "invalid_request_error",
        "code": "item_delete_invalid_item_id",
        "message": f"Error deleting item: the item with id '{second}' does not exist.",
        "param": None,
        "event_id": None,
    }


def test_a_commit_chains_too() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    first = talk.typed("1")[0]["item"]["id"]
    talk.append(silence(200))
    committed, created = talk.send("input_audio_buffer.commit")
    assert committed["previous_item_id"] == created["previous_item_id"] == first


def test_ids_of_the_client_are_kept_and_may_not_be_repeated() -> None:
    talk = Talk()
    own = "item-_Qaa" + "x" * 23
    (created,) = talk.send("conversation.item.create", item=message("hi", id=own))
    assert created["item"]["id"] == own
    error = talk.refused("conversation.item.create", item=message("again", id=own))
    assert error["code"] == "item_create_duplicate_item_id"
    assert error["message"] == f"Error adding item: an item with id '{own}' already exists."
    assert error["param"] is None


def test_an_unknown_predecessor_is_refused() -> None:
    error = Talk().refused(
        "conversation.item.create", previous_item_id="item_9", item=message("hi")
    )
    assert (error["code"], error["param"]) == ("invalid_value", "previous_item_id")


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (None, "missing_required_parameter", "item"),
        ("hi", "invalid_type", "item"),
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "image"}, "invalid_value", "item.type"),
        ({"type": "item_reference", "id": "x"}, "invalid_value", "item.type"),
        ({"type": "mcp_approval_response", "approve": True}, "unknown_parameter", "item.approve"),
        ({"type": "message"}, "missing_required_parameter", "item.role"),
        ({"type": "message", "role": "developer"}, "invalid_value", "item.role"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        (message("x", output="y"), "unknown_parameter", "item.output"),
        (message("x", id="i" * 33), "string_above_max_length", "item.id"),
        (message("x", id=7), "invalid_type", "item.id"),
        (message("x", status="done"), "invalid_value", "item.status"),
        (message("x", object="thing"), "invalid_value", "item.object"),
        ({"type": "message", "role": "user", "content": "hi"}, "invalid_type", "item.content"),
        ({"type": "message", "role": "user", "content": ["hi"]}, "invalid_type", "item.content[0]"),
        (
            {"type": "message", "role": "user", "content": [{"text": "hi"}]},
            "missing_required_parameter",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": 1}]},
            "invalid_type",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "text", "text": "hi"}]},
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:"}],
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {
                "type": "message",
                "role": "system",
                "content": [{"type": "input_audio", "audio": ""}],
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "hi"}],
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "x", "audio": "y"}],
            },
            "unknown_parameter",
            "item.content[0].audio",
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_audio", "audio": "!!"}],
            },
            "invalid_value",
            "item.content[0].audio",
        ),
        (
            {"type": "function_call", "arguments": "{}"},
            "missing_required_parameter",
            "item.name",
        ),
        (
            {"type": "function_call_output", "output": "x"},
            "missing_required_parameter",
            "item.call_id",
        ),
        (
            {"type": "function_call_output", "call_id": "call_9", "output": "x"},
            "invalid_tool_call_id",
            None,
        ),
        (
            {"type": "function_call_output", "call_id": "call_9"},
            "missing_required_parameter",
            "item.output",
        ),
        (
            {"type": "function_call_output", "call_id": "call_9", "output": {}},
            "invalid_type",
            "item.output",
        ),
    ],
)
def test_refused(item: Any, code: str, param: str | None) -> None:
    talk = Talk()
    error = talk.refused("conversation.item.create", item=item)
    assert (error["code"], error["param"]) == (code, param), error["message"]
    assert talk.typed()[0]["previous_item_id"] is None, "nothing was added"


def test_all_kinds_of_items_can_be_created() -> None:
    talk = Talk()
    audio = base64.b64encode(silence(100)).decode()
    items: list[dict[str, Any]] = [
        message("be kind", "system"),
        message("yes", "assistant"),
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "this"},
                {"type": "input_audio", "audio": audio, "transcript": "that"},
            ],
        },
        {"type": "function_call", "name": "f", "call_id": "call_a", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_a", "output": "done"},
    ]
    for item in items:
        (created,) = talk.send("conversation.item.create", item=item)
        shown = created["item"]
        assert shown["object"] == "realtime.item"
        assert shown["status"] == "completed"
        wanted = {name: value for name, value in item.items() if name != "content"}
        assert {name: shown[name] for name in wanted} == wanted
        if len(item.get("content", ())) == 2:
            assert shown["content"] == [
                {"type": "input_text", "text": "this"},
                {"type": "input_audio", "transcript": "that"},
            ], "audio does not travel in events"


def test_retrieved_items_carry_their_audio() -> None:
    talk = Talk()
    speech = utterance()
    events = talk.append(silence(500) + speech + silence(1_000))
    user_id = events[0]["item_id"]
    answered = talk.answer()
    assistant_id = answered[0]["item"]["id"]

    (retrieved,) = talk.send("conversation.item.retrieve", item_id=user_id)
    assert retrieved["type"] == "conversation.item.retrieved"
    part = retrieved["item"]["content"][0]
    assert speech[:40_000] in base64.b64decode(part["audio"])
    (retrieved,) = talk.send("conversation.item.retrieve", item_id=assistant_id)
    part = retrieved["item"]["content"][0]
    assert (part["type"], part["transcript"]) == ("audio", "Hello there.")
    assert len(base64.b64decode(part["audio"])) == 48_000
    assert talk.refused("conversation.item.retrieve", item_id="item_99")["message"] == (
        "Error retrieving item: the item with id 'item_99' does not exist."
    )


@pytest.mark.parametrize("audio_format", ["g711_ulaw", "g711_alaw"])
def test_telephone_audio_is_retrieved_as_telephone_audio(audio_format: str) -> None:
    talk = Talk()
    talk.update(turn_detection=None, input_audio_format=audio_format)
    wire = bytes(range(128, 228)) * 20
    talk.append(wire)
    item_id = talk.send("input_audio_buffer.commit")[0]["item_id"]
    talk.send("response.create")
    assert len(talk.thoughts[0].turn.audio) == 6 * len(wire), "the brain hears pcm16 at 24 kHz"
    (retrieved,) = talk.send("conversation.item.retrieve", item_id=item_id)
    audio = base64.b64decode(retrieved["item"]["content"][0]["audio"])
    assert len(audio) == len(wire)


def spoken(talk: Talk) -> str:
    """The id of an assistant's message with one second of audio."""
    talk.send("response.create")
    return str(talk.answer()[0]["item"]["id"])


def test_truncate_shortens_the_audio_and_drops_the_transcript() -> None:
    talk = Talk()
    item_id = spoken(talk)
    (truncated,) = talk.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=400
    )
    assert {**truncated, "event_id": ""} == {
        "type": "conversation.item.truncated",
        "event_id": "",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 400,
    }
    (retrieved,) = talk.send("conversation.item.retrieve", item_id=item_id)
    part = retrieved["item"]["content"][0]
    assert len(base64.b64decode(part["audio"])) == 400 * 48
    assert not part["transcript"]
    talk.send("response.create")
    assert talk.thoughts[-1].turn.history == (), "unheard text is in no context"


def test_truncate_beyond_the_length_is_refused() -> None:
    talk = Talk()
    item_id = spoken(talk)
    place = {"item_id": item_id, "content_index": 0}
    error = talk.refused("conversation.item.truncate", **place, audio_end_ms=1_001)
    assert error["code"] == "invalid_value"
    assert error["message"] == "Audio content of 1000ms is already shorter than 1001ms"
    assert types(talk.send("conversation.item.truncate", **place, audio_end_ms=1_000)) == [
        "conversation.item.truncated"
    ]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_required_parameter", "item_id"),
        ({"item_id": "item_99"}, "item_truncate_invalid_item_id", None),
        ({"audio_end_ms": 5}, "missing_required_parameter", "content_index"),
        ({"content_index": 0}, "missing_required_parameter", "audio_end_ms"),
        ({"content_index": 0, "audio_end_ms": 1.5}, "invalid_type", "audio_end_ms"),
        ({"content_index": 0, "audio_end_ms": -1}, "invalid_value", "audio_end_ms"),
        ({"content_index": "0", "audio_end_ms": 1}, "invalid_type", "content_index"),
        ({"content_index": 0, "audio_end_ms": 0}, None, None),
        ({"content_index": 1, "audio_end_ms": 10}, None, None),
    ],
)
def test_refused_truncations(fields: dict[str, Any], code: str | None, param: str | None) -> None:
    talk = Talk()
    item_id = spoken(talk)
    given = fields if not fields or "item_id" in fields else {"item_id": item_id, **fields}
    error = talk.refused("conversation.item.truncate", **given)
    assert (error["code"], error["param"]) == (code, param)


def test_only_the_models_audio_can_be_truncated() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    talk.append(silence(500))
    user = talk.send("input_audio_buffer.commit")[0]["item_id"]
    talk.send("response.create", response={"modalities": ["text"]})
    text = talk.answer(WRITING)[0]["item"]["id"]
    talk.send("response.create")
    call = talk.answer(CALL)[0]["item"]["id"]
    for item_id in (user, text, call):
        error = talk.refused(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=10
        )
        assert error["code"] is None
        assert error["message"] == "Only model output audio messages can be truncated"
