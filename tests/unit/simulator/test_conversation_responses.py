"""`response.create`: one at a time, its own settings over the session's, its limits."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from app.simulator.plan import Calling, Speech, Writing
from app.simulator.session import DEFAULT_INSTRUCTIONS
from tests.unit.simulator.talk import (
    CALL,
    WRITING,
    Event,
    Talk,
    message,
    silence,
    squeezed,
    types,
    utterance,
)


def test_the_shape_of_a_response_is_the_documented_one() -> None:
    (created,) = Talk().send("response.create", response=None, event_id=None)
    assert created["response"] == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "modalities": ["audio", "text"],
        "voice": "alloy",
        "output_audio_format": "pcm16",
        "temperature": 0.8,
        "max_output_tokens": "inf",
        "usage": None,
        "metadata": None,
    }


def test_only_one_default_response_at_a_time() -> None:
    talk = Talk()
    talk.send("response.create")
    error = talk.refused("response.create", event_id="second")
    assert error["code"] == "conversation_already_has_active_response"
    assert error["message"] == (
        "Conversation already has an active response in progress: resp_1. "
        "Wait until the response is finished before creating a new one."
    )
    assert error["event_id"] == "second"
    talk.answer()
    assert types(talk.send("response.create")) == ["response.created"]


def test_the_how_tos_own_event_is_accepted() -> None:
    talk = Talk()
    (created,) = talk.send(
        "response.create",
        event_id=None,
        response={
            "commit": True,
            "cancel_previous": True,
            "instructions": "Please assist the user.",
            "modalities": ["text", "audio"],
        },
    )
    assert created["type"] == "response.created"
    assert talk.thoughts[0].turn.instructions == "Please assist the user."


def test_cancel_previous_ends_the_active_response_first() -> None:
    talk = Talk()
    talk.send("response.create")
    events = talk.send("response.create", response={"cancel_previous": True})
    assert types(events) == ["response.done", "rate_limits.updated", "response.created"]
    assert events[0]["response"]["status_details"]["reason"] == "client_cancelled"
    assert talk.stopped == ["resp_1"]


def test_a_refused_event_cancels_nothing() -> None:
    talk = Talk()
    talk.send("response.create")
    talk.refused("response.create", response={"cancel_previous": True, "voice": "bob"})
    assert talk.stopped == []


def test_the_older_commit_takes_what_was_spoken() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    talk.append(silence(300))
    events = talk.send("response.create", response={"commit": True})
    assert types(events) == [
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
    ]
    assert talk.thoughts[0].turn.audio == silence(300)


def test_overrides_hold_for_one_response_alone() -> None:
    talk = Talk()
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    (created,) = talk.send(
        "response.create",
        response={
            "instructions": "only now",
            "modalities": ["text"],
            "voice": "verse",
            "output_audio_format": "g711_alaw",
            "tools": [tool],
            "tool_choice": "required",
            "temperature": 1.1,
            "max_response_output_tokens": 100,
            "metadata": {"a": "b"},
            "conversation": "auto",
        },
    )
    shown = created["response"]
    assert (shown["voice"], shown["modalities"]) == ("verse", ["text"])
    assert (shown["output_audio_format"], shown["temperature"]) == ("g711_alaw", 1.1)
    assert (shown["max_output_tokens"], shown["metadata"]) == (100, {"a": "b"})
    turn = talk.thoughts[0].turn
    assert (turn.instructions, turn.tools, turn.tool_choice) == ("only now", (tool,), "required")
    talk.answer(WRITING)
    (created,) = talk.send("response.create", response={})
    assert created["response"]["voice"] == "alloy"
    assert talk.thoughts[1].turn.instructions == DEFAULT_INSTRUCTIONS
    assert talk.thoughts[1].turn.tools == ()


@pytest.mark.parametrize("name", ["max_output_tokens", "max_response_output_tokens"])
def test_both_names_of_the_token_limit_are_known(name: str) -> None:
    (created,) = Talk().send("response.create", response={name: 7})
    assert created["response"]["max_output_tokens"] == 7


def test_nulls_mean_the_sessions_own() -> None:
    nulls = dict.fromkeys(
        ["instructions", "modalities", "voice", "temperature", "max_response_output_tokens"]
    )
    (created,) = Talk().send("response.create", response={**nulls, "metadata": None})
    assert created["response"]["voice"] == "alloy"
    assert created["response"]["max_output_tokens"] == "inf"


PAIRS = {f"k{number}": "v" for number in range(17)}


@pytest.mark.parametrize(
    ("response", "code", "param"),
    [
        ("now", "invalid_type", "response"),
        ({"output_modalities": ["text"]}, "unknown_parameter", "response.output_modalities"),
        ({"audio": {}}, "unknown_parameter", "response.audio"),
        ({"reasoning": {}}, "unknown_parameter", "response.reasoning"),
        ({"prompt": {"id": "x"}}, "invalid_type", "response.prompt"),
        ({"conversation": "conv_1"}, "invalid_value", "response.conversation"),
        ({"conversation": 1}, "invalid_type", "response.conversation"),
        ({"modalities": ["audio"]}, "invalid_value", "response.modalities"),
        ({"instructions": []}, "invalid_type", "response.instructions"),
        ({"voice": "cedar"}, "invalid_value", "response.voice"),
        ({"output_audio_format": "opus"}, "invalid_value", "response.output_audio_format"),
        ({"temperature": 2}, "decimal_above_max_value", "response.temperature"),
        (
            {"max_response_output_tokens": 0},
            "invalid_value",
            "response.max_response_output_tokens",
        ),
        ({"tools": [{"type": "mcp"}]}, "invalid_value", "response.tools[0].type"),
        ({"tool_choice": "any"}, "invalid_value", "response.tool_choice"),
        ({"metadata": []}, "invalid_type", "response.metadata"),
        ({"metadata": PAIRS}, "object_above_max_properties", "response.metadata"),
        ({"metadata": {"k" * 65: "v"}}, "string_above_max_length", "response.metadata"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "response.metadata.k"),
        ({"metadata": {"k": 1}}, "invalid_type", "response.metadata.k"),
        ({"metadata": {"k": None}}, "missing_required_parameter", "response.metadata.k"),
        ({"input": "hi"}, "invalid_type", "response.input"),
        ({"input": ["hi"]}, "invalid_type", "response.input[0]"),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "response.input[0].type"),
        (
            {"input": [message("x"), {"type": "item_reference", "id": "item_9"}]},
            "invalid_value",
            "response.input[1].id",
        ),
        (
            {"input": [{"type": "item_reference"}]},
            "missing_required_parameter",
            "response.input[0].id",
        ),
        (
            {"input": [{"type": "item_reference", "id": "x", "role": "user"}]},
            "unknown_parameter",
            "response.input[0].role",
        ),
        ({"append_input_items": 3}, "invalid_type", "response.append_input_items"),
        ({"commit": "yes"}, "invalid_type", "response.commit"),
        ({"cancel_previous": 1}, "invalid_type", "response.cancel_previous"),
    ],
)
def test_refused(response: Any, code: str, param: str) -> None:
    talk = Talk()
    error = talk.refused("response.create", response=response)
    assert (error["code"], error["param"]) == (code, param)
    assert talk.thoughts == []


def test_appended_items_follow_the_conversation_and_input_items_replace_it() -> None:
    talk = Talk()
    talk.typed("in the conversation")
    appended = {"append_input_items": [message("and this")], "conversation": "none"}
    talk.send("response.create", response=appended)
    turn = talk.thoughts[0].turn
    assert [line.text for line in turn.history] == ["in the conversation"]
    assert turn.text == "and this"
    talk.send("response.create", response={"input_items": [message("instead")]})
    turn = talk.thoughts[1].turn
    assert (turn.text, turn.history) == ("instead", ())


def test_a_context_of_its_own_does_not_enter_the_conversation() -> None:
    talk = Talk()
    talk.send("response.create", response={"input": [message("aside", id="aside")]})
    events = talk.answer()
    assert events[1]["type"] == "conversation.item.created"
    assert events[1]["previous_item_id"] is None
    assert talk.refused("conversation.item.retrieve", item_id="aside")["code"] == (
        "item_retrieve_invalid_item_id"
    )


def test_an_out_of_band_response_can_be_cancelled_by_its_id_alone() -> None:
    talk = Talk()
    talk.send("response.create", response={"conversation": "none"})
    assert talk.refused("response.cancel")["code"] == "response_cancel_not_active"
    assert talk.refused("response.cancel", response_id="resp_9")["code"] == (
        "response_cancel_not_active"
    )
    events = talk.send("response.cancel", response_id="resp_1")
    assert types(events) == ["response.done", "rate_limits.updated"]
    assert talk.refused("response.cancel", response_id=3)["code"] == "invalid_type"


def test_barge_in_leaves_out_of_band_responses_alone() -> None:
    talk = Talk()
    talk.send("response.create", response={"conversation": "none", "modalities": ["text"]})
    events = talk.append(silence(500) + utterance() + silence(1_000))
    assert "response.done" not in types(events)
    assert "response.done" in types(talk.answer(WRITING, thought=0))


def test_out_of_band_audio_does_not_lock_the_voice() -> None:
    talk = Talk()
    talk.send("response.create", response={"conversation": "none"})
    assert "response.audio.delta" in types(talk.answer())
    talk.update(voice="verse")


def test_the_token_limit_ends_a_response_as_incomplete() -> None:
    talk = Talk()
    talk.send("response.create", response={"max_response_output_tokens": 12})
    events = talk.answer()
    assert squeezed(events)[-6:] == [
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = events[-2]["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["output"][0]["status"] == "incomplete"
    assert done["usage"]["output_tokens"] <= 12


@pytest.mark.parametrize("plan", [Writing(("eight ch", "and more of it")), CALL])
def test_the_token_limit_holds_for_text_and_for_calls(plan: Writing | Calling) -> None:
    talk = Talk()
    talk.send("response.create", response={"max_response_output_tokens": 5, "modalities": ["text"]})
    done = talk.answer(plan)[-2]["response"]
    assert done["status"] == "incomplete"
    assert 0 < done["usage"]["output_tokens"] <= 5


@pytest.mark.parametrize(
    ("audio_format", "per_ms"), [("pcm16", 48), ("g711_ulaw", 8), ("g711_alaw", 8)]
)
def test_usage_counts_audio_by_its_length_in_every_format(audio_format: str, per_ms: int) -> None:
    talk = Talk()
    talk.update(output_audio_format=audio_format)
    talk.send("response.create")
    assert talk.thoughts[0].audio_format == audio_format
    events = talk.answer(Speech(bytes(3_000 * per_ms), ((0, "Hi"),)))
    deltas = [e["delta"] for e in events if e["type"] == "response.audio.delta"]
    assert sum(len(base64.b64decode(delta)) for delta in deltas) == 3_000 * per_ms
    assert events[-2]["response"]["usage"]["output_token_details"]["audio_tokens"] == 60


def usage(events: list[Event]) -> Event:
    (done,) = [event for event in events if event["type"] == "response.done"]
    found: Event = done["response"]["usage"]
    return found


def test_usage_adds_up_and_grows_with_the_context() -> None:
    talk = Talk()
    talk.update(instructions="x" * 400, turn_detection=None)
    talk.typed("y" * 40)
    talk.append(silence(1_000))
    talk.send("input_audio_buffer.commit")
    talk.send("response.create")
    first = usage(talk.answer())
    assert first["input_token_details"]["text_tokens"] == 110
    assert first["input_token_details"]["audio_tokens"] == 10
    assert first["input_token_details"]["cached_tokens"] == 0
    assert first["total_tokens"] == first["input_tokens"] + first["output_tokens"]
    assert first["output_tokens"] == sum(first["output_token_details"].values())
    talk.send("response.create")
    assert usage(talk.answer())["input_tokens"] > first["input_tokens"]


def test_rate_limits_start_afresh_after_a_minute() -> None:
    talk = Talk()

    def report() -> Event:
        talk.send("response.create")
        requests: Event = talk.answer()[-1]["rate_limits"][0]
        return requests

    assert (report()["remaining"], report()["remaining"]) == (999, 998)
    talk.now += 20
    assert report()["reset_seconds"] == 40
    talk.now += 41
    assert report() == {
        "name": "requests",
        "limit": 1000,
        "remaining": 999,
        "reset_seconds": 60,
    }


def test_what_is_answered_is_the_last_thing_said() -> None:
    def turn_after(*items: Event) -> Any:
        talk = Talk()
        for item in items:
            talk.send("conversation.item.create", item=item)
        talk.send("response.create")
        return talk.thoughts[-1].turn

    assert turn_after(message("a"), message("b")).text == "b"
    assert turn_after(message("a"), message("be brief", "system")).text == "a"
    answered = turn_after(message("a"), message("b", "assistant"))
    assert answered.text is None
    assert [(line.role, line.text) for line in answered.history] == [
        ("user", "a"),
        ("assistant", "b"),
    ]


def test_a_function_call_that_is_cut_off_is_incomplete() -> None:
    talk = Talk()
    talk.send("response.create")
    talk.plan(CALL)
    talk.step()
    talk.step()
    events = talk.send("response.cancel")
    assert types(events) == [
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert events[1]["item"]["status"] == "incomplete"
    assert CALL.arguments.startswith(events[0]["arguments"])
    assert events[0]["arguments"] != CALL.arguments


def test_an_item_deleted_while_it_is_spoken_is_gone() -> None:
    talk = Talk()
    talk.send("response.create")
    talk.plan()
    item_id = talk.step()[0]["item"]["id"]
    talk.send("conversation.item.delete", item_id=item_id)
    assert "response.done" in types(talk.stream())
    assert talk.typed()[0]["previous_item_id"] is None


def test_a_response_with_nothing_to_say_is_still_whole() -> None:
    talk = Talk()
    talk.send("response.create")
    events = talk.answer(Speech(b"", ()))
    assert squeezed(events)[:4] == [
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.audio.done",
    ]
    talk.send("response.create", response={"modalities": ["text"]})
    assert "response.text.done" in types(talk.answer(Writing(())))
