"""Events about ids that may not exist for this client, and audio that must be whole samples."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from app.policy.policy import Policy
from app.policy.verdict import Ignore
from tests.unit.policy.stand_in import (
    GUIDED,
    OPEN,
    Session,
    ask,
    forwarded,
    frame,
    refused,
)

APPEND, DELETE = "input_audio_buffer.append", "conversation.item.delete"
RETRIEVE, TRUNCATE = "conversation.item.retrieve", "conversation.item.truncate"
ENDS: dict[str, Any] = {"content_index": 0, "audio_end_ms": 1500}


def audio(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


@pytest.mark.parametrize(
    ("kind", "further", "code", "doing"),
    [
        (DELETE, {}, "item_delete_invalid_item_id", "deleting"),
        (RETRIEVE, {}, "item_retrieve_invalid_item_id", "retrieving"),
        (TRUNCATE, ENDS, "item_truncate_invalid_item_id", "truncating"),
    ],
)
def test_an_item_that_is_hidden_or_unknown_does_not_exist(
    kind: str, further: dict[str, Any], code: str, doing: str
) -> None:
    verdict = refused({"type": kind, "item_id": "item_hidden", **further}, OPEN)
    assert (verdict.code, verdict.violation, verdict.param) == (code, False, "item_id")
    assert verdict.message == (
        f"Error {doing} item: the item with id 'item_hidden' does not exist."
    )


def test_an_id_of_any_form_is_answered_without_repeating_all_of_it() -> None:
    verdict = refused({"type": DELETE, "item_id": "<script>" + "x" * 999})
    assert verdict.message == "Error deleting item: the item with this id does not exist."


@pytest.mark.parametrize("kind", [DELETE, RETRIEVE, TRUNCATE])
@pytest.mark.parametrize(
    ("item_id", "code"), [(None, "missing_required_parameter"), (5, "invalid_type")]
)
def test_an_event_about_an_item_names_one(kind: str, item_id: Any, code: str) -> None:
    verdict = refused({"type": kind, "item_id": item_id, **ENDS})
    assert (verdict.code, verdict.param) == (code, "item_id")


def test_only_messages_are_retrieved() -> None:
    sent = frame(forwarded({"type": RETRIEVE, "item_id": "item_user", "extra": 1}))
    assert sent == {"type": RETRIEVE, "item_id": "item_user"}
    verdict = refused({"type": RETRIEVE, "item_id": "item_call"})
    assert verdict.code == "item_retrieve_invalid_item_id"


def test_only_what_the_model_said_aloud_is_truncated() -> None:
    sent = frame(forwarded({"type": TRUNCATE, "item_id": "item_said", **ENDS, "extra": 1}))
    assert sent == {"type": TRUNCATE, "item_id": "item_said", **ENDS}
    verdict = refused({"type": TRUNCATE, "item_id": "item_user", **ENDS})
    assert verdict.message == "Only model output audio messages can be truncated"
    assert not verdict.violation


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("content_index", None, "missing_required_parameter"),
        ("content_index", True, "invalid_type"),
        ("content_index", 16, "invalid_value"),
        ("content_index", -1, "invalid_value"),
        ("audio_end_ms", "5", "invalid_type"),
        ("audio_end_ms", 1.5, "invalid_type"),
        ("audio_end_ms", -1, "invalid_value"),
    ],
)
def test_places_to_truncate_are_integers_from_zero(name: str, value: Any, code: str) -> None:
    verdict = refused({"type": TRUNCATE, "item_id": "item_said", **ENDS, name: value})
    assert (verdict.code, verdict.param, verdict.violation) == (code, name, False)


def test_a_response_is_cancelled_by_its_visible_id_or_without() -> None:
    assert frame(forwarded({"type": "response.cancel", "response_id": None})) == {
        "type": "response.cancel"
    }
    assert frame(forwarded({"type": "response.cancel", "response_id": "resp_1"})) == {
        "type": "response.cancel",
        "response_id": "resp_1",
    }
    hidden = refused({"type": "response.cancel", "response_id": "resp_hidden"})
    assert hidden.code == "response_cancel_not_active"
    assert hidden.message == "Cancellation failed: no active response found"
    assert refused({"type": "response.cancel", "response_id": 5}).code == "invalid_type"


@pytest.mark.parametrize(
    ("audio_format", "size", "milliseconds"),
    [("pcm16", 4800, 100), ("g711_ulaw", 800, 100), ("g711_alaw", 801, 100.125)],
)
def test_audio_is_charged_by_time_whatever_its_format(
    audio_format: str, size: int, milliseconds: float
) -> None:
    event = {"type": APPEND, "audio": audio(size)}
    verdict = forwarded(event, GUIDED, Session(audio_format=audio_format))
    assert verdict.audio_ms == milliseconds
    assert frame(verdict) == event


def test_empty_audio_is_nothing_to_say_or_do() -> None:
    assert ask({"type": APPEND, "audio": ""}) == Ignore("audio-append")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "missing_required_parameter"),
        (5, "invalid_type"),
        ({}, "invalid_type"),
        ("AAAA", "invalid_value"),  # three bytes
        ("AAA", "invalid_value"),
        ("AA=A", "invalid_value"),
        ("AAA=AAA=", "invalid_value"),
        ("AAAA\nAAAA", "invalid_value"),
        ("AA-_", "invalid_value"),
        ("é" * 4, "invalid_value"),
        ("====", "invalid_value"),
    ],
)
def test_audio_is_strict_base64_of_whole_samples(value: Any, code: str) -> None:
    verdict = refused({"type": APPEND, "audio": value})
    assert (verdict.code, verdict.param, verdict.violation) == (code, "audio", False)


def test_one_event_holds_at_most_96_kib_of_audio() -> None:
    forwarded({"type": APPEND, "audio": audio(96 * 1024)})
    for size in (96 * 1024 + 2, 200 * 1024):
        verdict = refused({"type": APPEND, "audio": audio(size)})
        assert verdict.code == "string_above_max_length"
    small = Policy(append_bytes=10)
    forwarded({"type": APPEND, "audio": audio(10)}, small)
    assert refused({"type": APPEND, "audio": audio(12)}, small).code == "string_above_max_length"
