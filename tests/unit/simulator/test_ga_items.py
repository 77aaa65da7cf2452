"""GA's items and `response.create`: what they may hold, and each dialect's refusal of the other's
words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.ga_talk import GaTalk
from tests.unit.simulator.talk import Event, Talk, message

PICTURE = "data:image/jpeg;base64,/9j/"


def said(role: str, **part: Any) -> Event:
    return {"type": "message", "role": role, "content": [part]}


@pytest.mark.parametrize(
    "item",
    [
        said("system", type="input_text", text="Be brief."),
        said("user", type="input_text", text="hello"),
        said("assistant", type="output_text", text="Hello."),
        said("user", type="input_image", image_url=PICTURE, detail="high"),
    ],
)
def test_items_are_echoed_in_gas_words(item: Event) -> None:
    added, _ = GaTalk().send("conversation.item.create", item={"id": "mine", **item})
    assert added["item"] == {"id": "mine", "status": "completed", **item}


def test_an_image_is_looked_at_closely_unless_said_otherwise() -> None:
    item = said("user", type="input_image", image_url=PICTURE)
    added, _ = GaTalk().send("conversation.item.create", item=item)
    assert added["item"]["content"][0]["detail"] == "auto"


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (said("assistant", type="text", text="x"), "invalid_value", "item.content[0].type"),
        (said("assistant", type="output_audio"), "invalid_value", "item.content[0].type"),
        (said("user", type="output_text", text="x"), "invalid_value", "item.content[0].type"),
        (said("developer", type="input_text", text="x"), "invalid_value", "item.role"),
        (
            said("user", type="input_image", image_url="https://x/y.png"),
            "invalid_value",
            "item.content[0].image_url",
        ),
        (
            said("user", type="input_image"),
            "missing_required_parameter",
            "item.content[0].image_url",
        ),
        (
            said("user", type="input_image", image_url=PICTURE, detail="all"),
            "invalid_value",
            "item.content[0].detail",
        ),
        (
            said("user", type="input_text", text="x", detail="low"),
            "unknown_parameter",
            "item.content[0].detail",
        ),
        ({"type": "mcp_approval_response", "approve": True}, "unknown_parameter", "item.approve"),
    ],
)
def test_items_that_ga_refuses(item: Event, code: str, param: str) -> None:
    error = GaTalk().refused("conversation.item.create", item=item)
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (said("assistant", type="output_text", text="x"), "invalid_value", "item.content[0].type"),
        (
            said("user", type="input_image", image_url=PICTURE),
            "invalid_value",
            "item.content[0].type",
        ),
    ],
)
def test_items_that_preview_refuses(item: Event, code: str, param: str) -> None:
    error = Talk().refused("conversation.item.create", item=item)
    assert (error["code"], error["param"]) == (code, param)


def test_errors_about_items_are_the_same_in_both_dialects() -> None:
    def errors(talk: Talk) -> list[Event]:
        talk.send("conversation.item.create", item=message("hello", id="mine"))
        return [
            talk.refused("conversation.item.create", item=message("hello", id="mine")),
            talk.refused("conversation.item.create", item=message("x"), previous_item_id="no"),
            talk.refused("conversation.item.delete", item_id="no"),
            talk.refused("conversation.item.retrieve", item_id="no"),
            talk.refused("conversation.item.truncate", item_id="no"),
            talk.refused(
                "conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=1
            ),
            talk.refused("input_audio_buffer.append", audio="?"),
            talk.refused("input_audio_buffer.commit"),
            talk.refused("response.create", response={"input": [{"type": "item_reference"}]}),
        ]

    assert errors(GaTalk()) == errors(Talk())


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        (None, {}),
        ({}, {}),
        ({"output_modalities": ["text"]}, {"output_modalities": ["text"]}),
        ({"max_output_tokens": 10}, {"max_output_tokens": 10}),
        ({"max_output_tokens": "inf"}, {}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"instructions": None, "prompt": None, "audio": None, "tools": None}, {}),
        ({"reasoning": {"effort": "low"}, "parallel_tool_calls": True}, {}),
        (
            {"audio": {"output": {"voice": "cedar"}}},
            {
                "audio": {
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "cedar"}
                }
            },
        ),
        (
            {"audio": {"output": {"format": {"type": "audio/pcma"}}}},
            {"audio": {"output": {"format": {"type": "audio/pcma"}, "voice": "alloy"}}},
        ),
    ],
)
def test_what_a_response_may_ask_for(response: Event | None, shown: Event) -> None:
    (created,) = GaTalk().send("response.create", response=response)
    assert {name: created["response"][name] for name in shown} == shown


def test_a_response_reads_what_it_is_told_to_read() -> None:
    talk = GaTalk()
    talk.typed("hello", event_id="1")
    tools = [{"type": "function", "name": "weather"}]
    reference = {"type": "item_reference", "id": "item_1"}
    answer = said("assistant", type="output_text", text="Hello.")
    talk.send(
        "response.create",
        response={
            "conversation": "none",
            "input": [reference, answer, message("What now?")],
            "instructions": "Be brief.",
            "tools": tools,
            "tool_choice": {"type": "function", "name": "weather"},
        },
    )
    turn = talk.thoughts[-1].turn
    assert turn.text == "What now?"
    assert [(line.role, line.text) for line in turn.history] == [
        ("user", "hello"),
        ("assistant", "Hello."),
    ]
    assert turn.instructions == "Be brief."
    assert list(turn.tools) == tools


@pytest.mark.parametrize(
    ("response", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "response.modalities"),
        ({"voice": "alloy"}, "unknown_parameter", "response.voice"),
        ({"output_audio_format": "pcm16"}, "unknown_parameter", "response.output_audio_format"),
        ({"temperature": 0.8}, "unknown_parameter", "response.temperature"),
        (
            {"max_response_output_tokens": 1},
            "unknown_parameter",
            "response.max_response_output_tokens",
        ),
        ({"commit": True}, "unknown_parameter", "response.commit"),
        ({"cancel_previous": True}, "unknown_parameter", "response.cancel_previous"),
        ({"append_input_items": []}, "unknown_parameter", "response.append_input_items"),
        ({"input_items": []}, "unknown_parameter", "response.input_items"),
        ({"prompt": "hello"}, "invalid_type", "response.prompt"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_value", "response.prompt.id"),
        ({"audio": {"input": {}}}, "unknown_parameter", "response.audio.input"),
        (
            {"audio": {"output": {"speed": 1}}},
            "unknown_parameter",
            "response.audio.output.speed",
        ),
        (
            {"audio": {"output": {"voice": "nova"}}},
            "invalid_value",
            "response.audio.output.voice",
        ),
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "response.output_modalities"),
        ({"max_output_tokens": 5000}, "integer_above_max_value", "response.max_output_tokens"),
        ({"conversation": "other"}, "invalid_value", "response.conversation"),
        ({"metadata": {"a": 1}}, "invalid_type", "response.metadata.a"),
    ],
)
def test_what_a_response_may_not_ask_for(response: Event, code: str, param: str) -> None:
    error = GaTalk().refused("response.create", event_id="e", response=response)
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "e")


@pytest.mark.parametrize(
    "response",
    [
        {"output_modalities": ["audio"]},
        {"audio": {"output": {"voice": "alloy"}}},
        {"reasoning": {"effort": "low"}},
        {"parallel_tool_calls": True},
    ],
)
def test_preview_refuses_what_belongs_to_ga(response: Event) -> None:
    error = Talk().refused("response.create", response=response)
    (name,) = response
    assert (error["code"], error["param"]) == ("unknown_parameter", f"response.{name}")
