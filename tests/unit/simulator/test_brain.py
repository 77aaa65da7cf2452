"""The script of the embedded upstream: what it answers, calls and claims to have heard."""

from __future__ import annotations

import json
import math
import time
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.brain import Call, Line, Reply, Say, Turn, answer, transcribe
from app.simulator.voice import pcm as pcm16
from app.simulator.voice.speech import speak

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current conditions for a location.",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
        },
        "required": ["location"],
    },
}
TICKET: dict[str, Any] = {
    "type": "function",
    "name": "openTicket",
    "description": "Report a broken printer to the support team",
    "parameters": {"type": "object", "properties": {}},
}


def turn(
    text: str | None = None,
    audio: bytes = b"",
    tools: tuple[dict[str, Any], ...] = (),
    tool_choice: str | dict[str, Any] = "auto",
    history: tuple[Line, ...] = (),
    tool_output: str | None = None,
) -> Turn:
    return Turn(text, audio, "Please assist the user.", tools, tool_choice, history, tool_output)


def said(reply: Reply) -> str:
    assert isinstance(reply, Say)
    assert all(isinstance(part, str) for part in reply.parts)
    return " ".join(str(part) for part in reply.parts)


def reply_to(text: str, **more: Any) -> str:
    return said(answer(turn(text, **more)))


def called(text: str, *tools: dict[str, Any], tool_choice: str | dict[str, Any] = "auto") -> Any:
    reply = answer(turn(text, tools=tools, tool_choice=tool_choice))
    assert isinstance(reply, Call)
    arguments = json.loads(reply.arguments)
    assert isinstance(arguments, dict)
    return reply.name, arguments


def argument(text: str, schema: dict[str, Any], name: str = "value") -> Any:
    """What the brain fills into one required property of that schema."""
    parameters = {"type": "object", "properties": {name: schema}, "required": [name]}
    tool = {"type": "function", "name": "use_it", "parameters": parameters}
    return called(text, tool, tool_choice="required")[1][name]


def tone(ms: int, peak: int = 6000) -> bytes:
    count = pcm16.RATE * ms // 1000
    return pcm16.to_bytes(array("h", [round(peak * math.sin(n / 17)) for n in range(count)]))


def silence(ms: int) -> bytes:
    return bytes(2 * pcm16.RATE * ms // 1000)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Hello!", "How can I help you today?"),
        ("good morning", "How can I help you today?"),
        ("Hello, can you hear me?", "Yes, I can hear you."),
        ("How are you today?", "I am fine"),
        ("Who are you?", "embedded upstream, not a model"),
        ("What exactly are you?", "embedded upstream, not a model"),
        ("Are you a human?", "embedded upstream, not a model"),
        ("What is the session time limit?", "thirty minutes"),
        ("How long can a session last?", "thirty minutes"),
        ("help", "Ask me to count"),
        ("What can you do?", "Ask me to count"),
        ("What is the capital of France?", "Paris"),
        ("What's the weather in Oslo?", "no tool for the weather"),
        ("Thank you very much!", "You are welcome."),
        ("Goodbye.", "Goodbye"),
        ("My name is Ada and I build relays", "Nice to meet you, Ada."),
    ],
)
def test_the_script_knows_an_answer(text: str, part: str) -> None:
    assert part in reply_to(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello from conversation 17, which speaks of apples",
        "thank you for nothing, said number 9",
        "the capital of France and the capital of Spain",
        "count me out",
        "Bonjour, ça va ?",
        "help the 23rd client with its own words",
    ],
)
def test_a_rule_never_swallows_words_that_it_does_not_know(text: str) -> None:
    assert reply_to(text) == f"You wrote: {text}"


def test_fifty_people_hear_fifty_answers_with_their_own_words() -> None:
    texts = [f"Number {n} likes apple {n * 7}" for n in range(50)]
    replies = [reply_to(text) for text in texts]
    assert all(text in reply for text, reply in zip(texts, replies, strict=True))
    sounds = {b"".join(f.pcm for f in speak(reply, "alloy")) for reply in replies}
    assert len(sounds) == 50


def test_a_name_is_remembered_from_the_conversation_and_only_from_the_user() -> None:
    lines = (
        Line("user", "Call me Ishmael."),
        Line("assistant", "Hello, my name is Relay."),
        Line("user", "fine"),
    )
    assert reply_to("What is my name?", history=lines) == "Your name is Ishmael."
    assert reply_to("What is my name?", history=lines[1:]) == "You have not told me your name."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("repeat: the quick brown fox", "the quick brown fox"),
        ("Please repeat after me: One, two!", "One, two!"),
        ("say hello to the world", "hello to the world"),
        ('Say: "cheese"', "cheese"),
    ],
)
def test_repeat_and_say_give_those_words_back(text: str, words: str) -> None:
    assert reply_to(text) == words


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("count", "10."),
        ("Please count to 4", "4."),
        ("count from 1 to five", "5."),
        ("count to 99999", "30."),
        ("count to 0", "1."),
    ],
)
def test_counting_goes_as_far_as_asked_within_reason(text: str, last: str) -> None:
    reply = reply_to(text)
    assert reply.startswith("1")
    assert reply.endswith(last)


def test_the_story_is_long_enough_to_be_interrupted() -> None:
    story = reply_to("Tell me a story, please.")
    assert 20 < sum(len(f.pcm) for f in speak(story, "alloy")) / 48_000 < 40


def test_a_long_text_is_echoed_up_to_a_word_and_says_so() -> None:
    reply = reply_to("word " * 10_000)
    assert len(reply) < 300
    assert reply.endswith("word ... And so on.")
    assert len(reply_to("x" * 100_000)) < 300


def test_the_same_turn_gives_the_same_answer() -> None:
    one = turn("What is the weather in Oslo?", tools=(WEATHER, TICKET))
    assert answer(one) == answer(one)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["auto", "none", "required"]))
def test_any_text_has_an_answer_that_can_be_spoken(text: str, choice: str) -> None:
    reply = answer(turn(text, tools=(WEATHER,), tool_choice=choice))
    if isinstance(reply, Call):
        assert choice != "none"
        assert isinstance(json.loads(reply.arguments)["location"], str)
    else:
        assert choice != "required"
        assert said(reply).strip()


def test_hostile_texts_take_no_time() -> None:
    began = time.perf_counter()
    for text in (
        "a" * 300_000,
        "please " * 50_000,
        " " * 300_000,
        "say" + " " * 300_000,
        '"' * 100_000,
        "in A " * 50_000,
        "my name is " * 30_000,
        "-1" * 100_000,
    ):
        answer(turn(text, tools=(WEATHER,)))
        answer(turn(text))
        answer(turn(text, tools=(WEATHER,), tool_choice="required"))
    assert time.perf_counter() - began < 5


def test_a_turn_with_nothing_in_it_is_greeted() -> None:
    assert said(answer(turn())) == "Hello! How can I help you today?"
    assert said(answer(turn("   "))) == "Hello! How can I help you today?"


# Speech


def test_speech_comes_back_without_the_silence_around_it() -> None:
    speech = tone(700)
    reply = answer(turn(audio=silence(900) + speech + silence(1100)))
    assert isinstance(reply, Say)
    label, heard = reply.parts
    assert label == "You said:"
    assert isinstance(heard, bytes)
    assert speech in heard
    assert 700 <= len(heard) / 48 <= 950


def test_pauses_within_speech_stay() -> None:
    reply = answer(turn(audio=silence(500) + tone(300) + silence(400) + tone(300, 900)))
    assert isinstance(reply, Say)
    assert 1000 <= len(reply.parts[1]) / 48 <= 1150


def test_silence_is_called_silence() -> None:
    assert said(answer(turn(audio=silence(2000)))) == "I heard only silence."


def test_a_very_long_speech_is_played_back_in_part_and_says_so() -> None:
    reply = answer(turn(audio=tone(40_000)))
    assert isinstance(reply, Say)
    assert [type(part) for part in reply.parts] == [str, bytes, str]
    assert len(reply.parts[1]) == 30 * 48_000
    assert reply.parts[2] == "And so on."


def test_typed_text_beside_audio_is_what_is_answered() -> None:
    assert said(answer(turn("thanks", audio=tone(500)))) == "You are welcome."


def test_a_transcript_claims_no_words() -> None:
    assert transcribe(silence(500) + tone(1600) + silence(700)) == "[speech, 1.8 s]"
    assert transcribe(silence(1500)) == "[silence, 1.5 s]"
    assert transcribe(b"") == "[silence, 0.0 s]"
    assert transcribe(b"\x01") == "[silence, 0.0 s]"


@given(st.binary(max_size=5000))
def test_any_bytes_are_heard_and_answered_in_whole_samples(audio: bytes) -> None:
    assert transcribe(audio).startswith("[")
    reply = answer(turn(audio=audio))
    assert isinstance(reply, Say)
    assert all(len(part) % 2 == 0 for part in reply.parts if isinstance(part, bytes))


# Tools


def test_a_question_about_the_weather_calls_the_weather_tool() -> None:
    name, arguments = called("What is the weather like in San Francisco?", TICKET, WEATHER)
    assert name == "get_weather"
    assert arguments == {"location": "San Francisco"}


def test_what_the_text_says_of_optional_properties_is_filled_in() -> None:
    assert called("weather in oslo, celsius please", WEATHER)[1] == {
        "location": "oslo",
        "unit": "celsius",
    }


def test_two_words_of_a_description_call_a_tool_and_one_does_not() -> None:
    assert called("My printer is broken again", WEATHER, TICKET) == ("openTicket", {})
    assert "You wrote" in reply_to("I love my printer", tools=(WEATHER, TICKET))


def test_the_name_of_a_tool_calls_it() -> None:
    assert called("please openTicket now", WEATHER, TICKET)[0] == "openTicket"
    assert called("I need a ticket", WEATHER, TICKET)[0] == "openTicket"


def test_a_text_that_has_nothing_to_do_with_a_tool_calls_none() -> None:
    assert reply_to("hello", tools=(WEATHER, TICKET)) == "Hello! How can I help you today?"


def test_none_never_calls() -> None:
    reply = reply_to("weather in Oslo: get_weather", tools=(WEATHER,), tool_choice="none")
    assert reply.startswith("You wrote:")


def test_required_calls_the_best_match_and_else_the_first() -> None:
    assert called("broken printer", WEATHER, TICKET, tool_choice="required")[0] == "openTicket"
    assert called("hello", WEATHER, TICKET, tool_choice="required")[0] == "get_weather"


def test_required_calls_for_speech_too() -> None:
    reply = answer(turn(audio=tone(500), tools=(WEATHER,), tool_choice="required"))
    assert reply == Call("get_weather", '{"location": "Paris"}')


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "name": "openTicket"},
        {"type": "function", "function": {"name": "openTicket"}},
    ],
)
def test_a_named_choice_calls_that_tool(choice: dict[str, Any]) -> None:
    assert called("weather", WEATHER, TICKET, tool_choice=choice) == ("openTicket", {})


def test_a_choice_that_names_no_tool_and_required_without_tools_are_answered_in_words() -> None:
    absent = {"type": "function", "name": "absent"}
    assert reply_to("hello", tools=(WEATHER,), tool_choice=absent).startswith("Hello!")
    assert reply_to("hello", tool_choice="required").startswith("Hello!")
    assert reply_to("hello", tools=({"type": "mcp"},), tool_choice="required").startswith("Hello!")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("It is sunny.", "The tool answered: It is sunny."),
        (
            '{"temperature_now": 21.5, "sunny": true, "wind": null}',
            "The tool answered: temperature now: 21.5, sunny: yes, wind: nothing",
        ),
        ('["rain", {"at": "noon"}]', "The tool answered: rain, at: noon"),
        ("", "The tool answered: nothing"),
        ("{}", "The tool answered: nothing"),
        ("[" * 100_000, None),
        ("[" * 500 + "]" * 500, None),
    ],
)
def test_after_a_call_the_tools_answer_is_said(output: str, words: str | None) -> None:
    reply = reply_to("weather", tools=(WEATHER,), tool_choice="required", tool_output=output)
    assert reply.startswith("The tool answered: ")
    assert len(reply) < 300
    assert words is None or reply == words


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "say it", "say it"),
        ({"type": "string"}, 'look for "blue shoes" now', "blue shoes"),
        ({"type": "string"}, "", "value"),
        ({"type": "string", "default": "red"}, "", "red"),
        ({"type": "string", "maxLength": 3}, "abcdef", "abc"),
        ({"enum": ["low", "high"]}, "make it high", "high"),
        ({"enum": ["low", "high"]}, "make it so", "low"),
        ({"enum": [1, 2]}, "take 2", 2),
        ({"const": 5}, "x", 5),
        ({"type": "integer"}, "take 7 of 9", 7),
        ({"type": "integer"}, "none", 1),
        ({"type": "integer", "minimum": 10}, "take 7 or 12", 12),
        ({"type": "integer", "minimum": 10}, "none", 10),
        ({"type": "integer", "exclusiveMinimum": 10}, "none", 11),
        ({"type": "integer", "maximum": -3}, "none", -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, "none", 10),
        ({"type": "integer"}, "2.5 or 3", 3),
        ({"type": "number"}, "2.5 or 3", 2.5),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "none", 0.5),
        ({"type": "boolean"}, "turn it on", True),
        ({"type": "boolean"}, "turn it off", False),
        ({"type": "null"}, "x", None),
        ({"type": ["null", "integer"]}, "4", 4),
        ({"type": "array", "items": {"type": "integer"}}, "4", [4]),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "a", ["a", "a"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "4", 4),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            "4",
            {"a": 4},
        ),
        ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, "4", {"a": 4}),
        ({}, "free text", "free text"),
    ],
)
def test_a_required_property_satisfies_its_schema(schema: Any, text: str, value: Any) -> None:
    assert argument(text, schema) == value
    assert type(argument(text, schema)) is type(value)


def test_a_required_property_that_is_not_described_is_filled_all_the_same() -> None:
    tool = {"name": "note", "parameters": {"type": "object", "required": ["body"]}}
    assert called("note this", tool)[1] == {"body": "note this"}


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "nonsense",
        {"type": "object", "properties": [1], "required": "all"},
        {"type": "object", "required": [1, None]},
        {"type": "array"},
        {"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]},
        {
            "type": "object",
            "properties": {"a": {"multipleOf": 0, "type": "number"}},
            "required": ["a"],
        },
        {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": 1e308}},
            "required": ["a"],
        },
        {
            "type": "object",
            "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 4}},
            "required": ["a"],
        },
    ],
)
def test_a_strange_schema_still_gives_an_object(parameters: Any) -> None:
    tool = {"type": "function", "name": "odd", "parameters": parameters}
    assert isinstance(called("use the odd tool", tool)[1], dict)


def test_a_schema_without_an_end_is_left_at_some_depth() -> None:
    schema: dict[str, Any] = {"type": "object", "required": ["next"]}
    schema["properties"] = {"next": schema}
    lists: dict[str, Any] = {"type": "array", "minItems": 20}
    lists["items"] = lists
    choice: dict[str, Any] = {}
    choice["anyOf"] = [choice]
    for endless in (schema, lists, choice):
        began = time.perf_counter()
        argument("go on", endless)
        assert time.perf_counter() - began < 1
