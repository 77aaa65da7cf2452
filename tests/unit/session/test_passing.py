"""What may take the lane: the audio and text of the item being said, while nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.frames import Opcode

from app.lane.cut import Passing, run
from app.protocol.close_reasons import CloseReason
from app.protocol.names import Dialect
from app.wire.framing import encode_frame

from .playbook import Playbook

DELTA = {
    "type": "response.audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_a",
    "output_index": 0,
    "content_index": 0,
    "delta": "AAAA",
}


def speaking() -> Playbook:
    play = Playbook().ready()
    play.response()
    play.answer_item()
    return play


def takes(passing: Passing | None, event: dict[str, Any]) -> bool:
    """Whether the lane would send this event on."""
    if passing is None:
        return False
    text = json.dumps(event, separators=(",", ":")).encode()
    frame = encode_frame(Opcode.TEXT, text, masked=False)
    return run(frame, 0, passing, 10**6, 1)[1] == 1


def test_nothing_passes_before_the_session_is_ready_or_anything_is_said() -> None:
    play = Playbook()
    assert play.gate.passing is None
    assert play.ready().gate.passing is None
    play.response()
    assert play.gate.passing is None


@pytest.mark.parametrize("kind", ["audio", "audio_transcript", "text"])
def test_the_item_being_said_passes(kind: str) -> None:
    assert takes(speaking().gate.passing, {**DELTA, "type": f"response.{kind}.delta"})


@pytest.mark.parametrize(
    "other",
    [
        {"response_id": "resp_2"},
        {"item_id": "item_b"},
        {"type": "response.function_call_arguments.delta"},
        {"type": "response.audio.done"},
        {"type": "response.output_audio.delta"},
    ],
)
def test_nothing_else_does(other: dict[str, Any]) -> None:
    assert not takes(speaking().gate.passing, {**DELTA, **other})


def test_a_second_response_closes_the_lane_and_so_does_the_end_of_the_first() -> None:
    play = speaking()
    play.response("resp_2", conversation_id=None)
    assert play.gate.passing is None
    play = speaking()
    done = {"id": "resp_1", "object": "realtime.response", "status": "completed", "output": []}
    play.upstream({"type": "response.done", "event_id": "e", "response": done})
    assert play.gate.passing is None


def test_a_call_of_a_hidden_tool_is_not_said() -> None:
    play = Playbook().ready()
    play.response()
    call = {"id": "item_c", "type": "function_call", "name": "lookup", "call_id": "call_1"}
    play.upstream({"type": "response.output_item.added", "response_id": "resp_1", "item": call})
    assert play.gate.passing is None


@pytest.mark.parametrize("item_id", ['a"b', "a\\b", "", "größe\n"])
def test_an_id_that_json_would_escape_does_not_pass(item_id: str) -> None:
    play = Playbook().ready()
    play.response()
    play.answer_item(item_id)
    assert not takes(play.gate.passing, {**DELTA, "item_id": item_id})


def test_the_end_of_the_session_closes_the_lane() -> None:
    play = speaking()
    play.gate.on_upstream_lost(0, CloseReason.UPSTREAM_LOST)
    assert play.gate.passing is None


def test_what_passes_is_counted_as_what_is_judged() -> None:
    judged, passed = speaking(), speaking()
    frame = json.dumps(DELTA, separators=(",", ":")).encode()
    judged.upstream(frame)
    passed.gate.passed(1, len(frame))
    assert judged.gate.state.counters == passed.gate.state.counters


def test_a_client_that_changes_its_dialect_closes_the_lane() -> None:
    play = speaking()
    play.gate.state.client_dialect = Dialect.GA
    assert not takes(play.gate.passing, DELTA)
    play.answer_item("item_b")
    assert takes(play.gate.passing, {**DELTA, "item_id": "item_b"})
    spelled = [passing.spelled for passing in (play.gate.passing,) if passing]
    assert spelled[0][0] == b'{"type":"response.output_audio.delta",'
