"""One server event for a client of the other dialect: split, dropped, completed, remembered."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from app.protocol.dialects.translator import REMEMBERED, Told, Translator
from app.protocol.names import Dialect

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA
Event = dict[str, Any]


def translator(told: Told | None = None) -> Translator:
    ids = count(1)
    return Translator(told if told is not None else Told(), lambda: f"fresh_{next(ids)}")


def item(item_id: str = "i", status: str | None = "completed", **more: Any) -> Event:
    known = {"id": item_id, "type": "message", "role": "assistant", "content": []}
    return {**known, **({} if status is None else {"status": status}), **more}


def created(of: Event, previous: str | None = "before") -> Event:
    head = {"type": "conversation.item.created", "event_id": "e", "previous_item_id": previous}
    return {**head, "item": of}


def kinds(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


@pytest.mark.parametrize(
    "finished",
    [
        item(status="completed"),
        item(status="incomplete"),
        item(status=None, role="user"),
        item(status=None, role="system"),
        {"id": "i", "type": "function_call_output", "call_id": "c", "output": "x"},
    ],
    ids=str,
)
def test_what_is_there_at_once_is_added_and_done(finished: Event) -> None:
    added, done = translator().events(created(finished), GA)
    assert added == {**created(finished), "type": "conversation.item.added"}
    assert done == {
        **created(finished),
        "type": "conversation.item.done",
        "event_id": "fresh_1",
    }


@pytest.mark.parametrize(
    "begun",
    [
        item(status="in_progress"),
        item(status=None),
        {"id": "i", "type": "function_call", "name": "f", "call_id": "c"},
    ],
    ids=str,
)
def test_what_the_model_is_still_saying_is_done_just_before_its_output_item(begun: Event) -> None:
    at = translator()
    assert kinds(at.events(created(begun), GA)) == ["conversation.item.added"]
    ended = {"type": "response.output_item.done", "event_id": "x", "item": item(content=["all"])}
    done, itself = at.events(ended, GA)
    assert done["type"] == "conversation.item.done"
    assert (done["item"], done["previous_item_id"]) == (ended["item"], "before")
    assert itself is ended
    assert at.events(ended, GA) == [ended], "once"


def test_an_item_that_was_cut_off_is_done_before_its_response() -> None:
    at = translator()
    at.events(created(item(status="in_progress")), GA)
    ended = {"type": "response.done", "response": {"output": [item(status="incomplete"), "odd"]}}
    assert kinds(at.events(ended, GA)) == ["conversation.item.done", "response.done"]
    assert kinds(at.events(ended, GA)) == ["response.done"]


def test_an_item_beside_the_conversation_is_not_announced() -> None:
    ended = {"type": "response.output_item.done", "item": item()}
    assert translator().events(ended, GA) == [ended]


def test_a_preview_client_hears_of_each_item_once() -> None:
    at = translator()
    added = {**created(item(status="in_progress")), "type": "conversation.item.added"}
    assert at.events(added, PREVIEW) == [created(item(status="in_progress"))]
    done = {**created(item()), "type": "conversation.item.done"}
    assert at.events(done, PREVIEW) == []


def test_a_service_that_only_says_done_is_understood() -> None:
    at = translator()
    done = {**created(item()), "type": "conversation.item.done"}
    assert at.events(done, PREVIEW) == [created(item())]
    assert at.events(done, PREVIEW) == []


@pytest.mark.parametrize(
    "kind",
    [
        "input_audio_buffer.timeout_triggered",
        "conversation.item.input_audio_transcription.segment",
    ],
)
def test_what_preview_has_no_word_for_is_dropped(kind: str) -> None:
    assert translator().events({"type": kind, "item_id": "i"}, PREVIEW) == []


@pytest.mark.parametrize("counted", [{}, {"usage": None}])
def test_a_transcription_that_nobody_counted_lasted_no_time(counted: Event) -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    (event,) = translator().events({"type": kind, "transcript": "x", **counted}, GA)
    assert event["usage"] == {"type": "duration", "seconds": 0}
    known = {"type": kind, "usage": {"type": "tokens", "total_tokens": 1}}
    assert translator().events(known, GA) == [known]


def test_the_usage_of_a_response_has_all_that_strict_preview_clients_demand() -> None:
    usage: Event = {"input_tokens": 3, "input_token_details": {"text_tokens": 3, "image_tokens": 9}}
    body = {"type": "response.done", "response": {"id": "r", "usage": usage}}
    (event,) = translator().events(body, PREVIEW)
    assert event["response"]["usage"] == {
        "total_tokens": 0,
        "input_tokens": 3,
        "output_tokens": 0,
        "input_token_details": {"cached_tokens": 0, "text_tokens": 3, "audio_tokens": 0},
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }
    assert "image_tokens" in usage["input_token_details"], "the body was not changed"
    for none in ({"id": "r"}, {"id": "r", "usage": None}, "odd"):
        bare = {"type": "response.created", "response": none}
        assert translator().events(bare, PREVIEW) == [bare]


@pytest.mark.parametrize(
    ("part", "said"), [("output_text", "text"), ("output_audio", "audio"), ("text", "text")]
)
def test_a_part_that_streams_has_its_short_name(part: str, said: str) -> None:
    body = {"type": "response.content_part.added", "part": {"type": part, "transcript": ""}}
    (event,) = translator().events(body, PREVIEW)
    assert event["part"] == {"type": said, "transcript": ""}


@pytest.mark.parametrize("client", list(Dialect))
def test_the_name_of_a_called_tool_is_filled_in(client: Dialect) -> None:
    at = translator()
    call = {"id": "i", "type": "function_call", "name": "f", "call_id": "c"}
    at.events({"type": "response.output_item.added", "item": call}, client)
    done = {"type": "response.function_call_arguments.done", "item_id": "i", "arguments": "{}"}
    assert at.events(done, client) == [{**done, "name": "f"}]
    assert at.events({**done, "name": "own"}, client) == [{**done, "name": "own"}]
    assert at.events({**done, "item_id": "other"}, client) == [{**done, "item_id": "other"}]


@pytest.mark.parametrize("client", list(Dialect))
def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(client: Dialect) -> None:
    told = Told()
    at = translator(told)
    kind = "conversation.item.created" if client is GA else "conversation.item.added"
    for number in range(REMEMBERED + 5):
        call = {"id": f"i{number}", "type": "function_call", "name": "f", "status": "in_progress"}
        at.events({"type": kind, "item": call}, client)
    assert len(told.tools) == REMEMBERED
    assert len(told.unfinished if client is GA else told.announced) == REMEMBERED
    assert "i4" not in told.tools
    assert f"i{REMEMBERED + 4}" in told.tools


@pytest.mark.parametrize("odd", [None, 5, [], {}, {"id": 5}, {"id": None}])
@pytest.mark.parametrize("client", list(Dialect))
def test_an_item_of_another_shape_harms_nothing(odd: Any, client: Dialect) -> None:
    for kind in (
        "conversation.item.created",
        "conversation.item.added",
        "conversation.item.done",
        "response.output_item.done",
    ):
        for event in translator().events({"type": kind, "item": odd}, client):
            assert event["item"] == odd
