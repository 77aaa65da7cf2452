"""Frames that are no events, and events that the server does not know."""

from __future__ import annotations

import pytest

from tests.unit.simulator.talk import Talk, types


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "{",
        '{"type": NaN}',
        '{"type": "response.cancel"} trailing',
        '{"type": "\\ud800"}',
        "[" * 100_000,
        b"\x00\x01",
        b'{"type":"response.cancel"}',
    ],
)
def test_what_is_not_json_text_is_an_error_and_the_conversation_goes_on(frame: str | bytes) -> None:
    talk = Talk()
    (event,) = talk.frame(frame)
    assert event["type"] == "error"
    assert event["error"]["code"] == "invalid_json"
    assert event["error"]["event_id"] is None
    assert types(talk.typed()) == ["conversation.item.created"]


@pytest.mark.parametrize("frame", ["[]", "3", "null", '"text"'])
def test_an_event_is_an_object(frame: str) -> None:
    (event,) = Talk().frame(frame)
    assert event["error"]["code"] == "invalid_type"


def test_a_type_is_needed_and_must_be_known() -> None:
    talk = Talk()
    (event,) = talk.frame('{"event_id": "e"}')
    assert (event["error"]["code"], event["error"]["param"]) == (
        "missing_required_parameter",
        "type",
    )
    assert event["error"]["event_id"] == "e"
    (event,) = talk.frame('{"type": 3}')
    assert event["error"]["code"] == "invalid_type"
    error = talk.refused("session.destroy")
    assert (error["code"], error["param"]) == ("invalid_value", "type")
    assert error["message"].startswith(
        "Invalid value: 'session.destroy'. Supported values are: 'session.update', "
    )
    assert error["message"].endswith(", and 'response.cancel'.")


@pytest.mark.parametrize("kind", ["output_audio_buffer.clear", "session.close"])
def test_events_of_other_transports_and_dialects_are_unknown(kind: str) -> None:
    assert Talk().refused(kind)["code"] == "invalid_value"


def test_older_versions_know_fewer_events() -> None:
    oldest, middle = Talk(version="2024-10-01-preview"), Talk(version="2024-12-17")
    retrieve = {"item_id": "item_9"}
    assert oldest.refused("conversation.item.retrieve", **retrieve)["code"] == "invalid_value"
    assert middle.refused("conversation.item.retrieve", **retrieve)["code"] == (
        "item_retrieve_invalid_item_id"
    )
    update = "transcription_session.update"
    assert middle.refused(update, session={})["param"] == "type"
    assert types(Talk().send(update, session={})) == ["transcription_session.updated"]


def test_unknown_members_of_an_event_are_refused() -> None:
    error = Talk().refused("input_audio_buffer.commit", audio="")
    assert (error["code"], error["param"]) == ("unknown_parameter", "audio")
    assert error["message"] == "Unknown parameter: 'audio'."


def test_event_id_may_be_null_and_must_be_text() -> None:
    talk = Talk()
    assert talk.refused("response.cancel", event_id=None)["event_id"] is None
    error = talk.refused("response.cancel", event_id=3)
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_type", "event_id", None)
    error = talk.refused("response.cancel", event_id="x" * 513)
    assert error["code"] == "string_above_max_length"


def test_the_last_of_repeated_keys_counts() -> None:
    (event,) = Talk().frame('{"type": "session.update", "type": "input_audio_buffer.clear"}')
    assert event["type"] == "input_audio_buffer.cleared"
