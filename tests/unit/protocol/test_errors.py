"""Errors: ours are whole events, upstream's texts never pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.protocol.errors import (
    FATAL_CODES,
    FIXED_TEXTS,
    TRANSCRIPTION_FAILED,
    answers_relay,
    error_event,
    safe_error,
    safe_status_error,
    safe_transcription_error,
)

CANARY = "deployment-of-contoso"


def test_an_error_of_ours_is_a_whole_event() -> None:
    frame = error_event(code="c", message="m", event_id="rly_1")
    assert frame == (
        b'{"type":"error","event_id":"rly_1","error":{"type":"invalid_request_error","code":"c",'
        b'"message":"m","param":null,"event_id":null}}'
    )


def test_extras_stand_beside_the_code_and_the_hint_at_the_top() -> None:
    event = json.loads(
        error_event(
            code=None,
            message="m",
            type_="server_error",
            param="session",
            client_event_id="evt_1",
            event_id="rly_1",
            extra={"retry_after_ms": 1000, "relay": {"profile": "guided"}},
        )
    )
    assert event["error"]["retry_after_ms"] == 1000
    assert event["error"]["event_id"] == "evt_1"
    assert event["error"]["type"] == "server_error"
    assert event["relay"] == {"profile": "guided"}
    assert "relay" not in event["error"]


@pytest.mark.parametrize("code", sorted(FIXED_TEXTS))
def test_a_known_code_passes_with_its_fixed_text(code: str) -> None:
    raw = {"type": "invalid_request_error", "code": code, "message": CANARY, "event_id": "e1"}
    assert safe_error(raw) == {
        "type": "invalid_request_error",
        "code": code,
        "message": FIXED_TEXTS[code],
        "param": None,
        "event_id": "e1",
    }


@pytest.mark.parametrize("code", sorted(FATAL_CODES))
def test_the_operators_troubles_do_not_end_a_clients_sdk(code: str) -> None:
    for raw in ({"code": code, "type": "invalid_request_error"}, {"type": code}):
        safe = safe_error(raw)
        assert (safe["code"], safe["type"]) == ("server_error", "server_error")
        assert code not in json.dumps(safe)


@pytest.mark.parametrize("code", ["something_new", CANARY, 5, None, [], {}])
def test_an_unknown_code_becomes_upstream_error(code: Any) -> None:
    safe = safe_error({"type": CANARY, "code": code, "message": CANARY, "param": CANARY})
    assert safe["code"] == "upstream_error"
    assert safe["type"] == "server_error"
    assert CANARY not in json.dumps(safe)


def test_a_text_that_the_api_sends_without_a_code_passes_as_we_know_it() -> None:
    text = "Only model output audio messages can be truncated"
    safe = safe_error(
        {"type": "invalid_request_error", "code": None, "message": f"{text} in {CANARY}"}
    )
    assert (safe["code"], safe["message"]) == (None, text)


@pytest.mark.parametrize(
    ("param", "shown"),
    [
        ("session.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.tools[0].name", "session.tools.name"),
        ("item.content[12].text", "item.content[12].text"),
        ("session.tools[x]", None),
        ("session.tools[٣]", None),
        ("session.tools[]", None),
        ("session.tools[0", None),
        (f"session.{CANARY}", None),
        ("session." * 20 + "voice", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_only_a_documented_field_is_named(param: Any, shown: str | None) -> None:
    assert safe_error({"code": "invalid_value", "param": param})["param"] == shown


@pytest.mark.parametrize("event_id", ["rly_1", 5, None, "x" * 65, "a b"])
def test_an_event_id_that_is_not_the_clients_own_is_not_repeated(event_id: Any) -> None:
    assert safe_error({"code": "invalid_value", "event_id": event_id})["event_id"] is None


def test_an_error_for_our_own_event_is_recognised() -> None:
    assert answers_relay({"event_id": "rly_7"})
    assert not answers_relay({"event_id": "evt_7"})
    assert not answers_relay({"event_id": None})


def test_the_error_of_a_failed_response_is_rebuilt() -> None:
    raw = {"type": "insufficient_quota", "code": "insufficient_quota", "message": CANARY}
    assert safe_status_error(raw) == {
        "type": "server_error",
        "code": "server_error",
        "message": FIXED_TEXTS["server_error"],
    }


def test_the_error_of_a_failed_transcription_is_rebuilt() -> None:
    raw = {"type": "x", "code": "audio_unintelligible", "message": CANARY, "param": CANARY}
    assert safe_transcription_error(raw) == {
        "type": "server_error",
        "code": "upstream_error",
        "message": TRANSCRIPTION_FAILED,
        "param": None,
    }
