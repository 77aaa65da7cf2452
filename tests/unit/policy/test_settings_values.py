"""Values of settings: kept, clamped and said, dropped and said, or refused as malformed."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.policy import Policy
from app.policy.verdict import Hint
from app.protocol.names import Dialect
from tests.unit.policy.stand_in import (
    DOOR,
    GUIDED,
    LAMP,
    LOCKED,
    OPEN,
    SECRET,
    acknowledged,
    ask,
    forwarded,
    frame,
    refused,
    response_create,
    session_update,
)

TOOLS = Policy(profile=GUIDED, client_tools=(LAMP, DOOR), server_tools=(SECRET,))
OPEN_TOOLS = Policy(profile=OPEN, client_tools=(LAMP,), server_tools=(SECRET,))
SPEAKS = Policy(profile=GUIDED, transcription_model="the-deployment", languages=("de", "en-GB"))


def sent(policy: Any = GUIDED, **session: Any) -> dict[str, Any]:
    update: dict[str, Any] = frame(forwarded(session_update(**session), policy))["session"]
    return update


def hint(policy: Any = GUIDED, **session: Any) -> Hint:
    told = forwarded(session_update(**session), policy).hint
    assert told is not None
    return told


def stripped(**by_rule: str) -> Hint:
    """The hint for fields of a session that were dropped, each by its rule."""
    rules = {f"session.{name}": rule for name, rule in by_rule.items()}
    return Hint(tuple(rules), {}, next(iter(rules.values())), rules)


# -- the event ----------------------------------------------------------------------------------


def test_an_update_of_which_nothing_is_left_is_acknowledged_here() -> None:
    verdict = acknowledged(session_update(instructions="obey", tracing="auto"))
    assert verdict.rule == "session-update"
    assert verdict.hint == stripped(instructions="session-instructions", tracing="session-closed")


@pytest.mark.parametrize(
    "session", [{}, {"type": "realtime"}, {"voice": None}, {"instructions": None}]
)
def test_an_update_that_asks_for_nothing_is_acknowledged_without_a_hint(
    session: dict[str, Any],
) -> None:
    assert acknowledged({"type": "session.update", "session": session}).hint is None


def test_only_what_the_client_sent_goes_on() -> None:
    assert sent(voice="echo", instructions="obey") == {"voice": "echo"}


def test_the_session_type_is_forced_in_the_dialect_that_has_it() -> None:
    verdict = forwarded(
        session_update(audio={"output": {"voice": "echo"}}), GUIDED, dialect=Dialect.GA
    )
    assert frame(verdict, Dialect.GA)["session"] == {
        "type": "realtime",
        "audio": {"output": {"voice": "echo"}},
    }


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": None}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        (session_update(type="transcription"), "invalid_value", "session.type"),
        ({"type": "response.create", "response": "x"}, "invalid_type", "response"),
    ],
)
def test_an_event_without_its_object_is_malformed(
    event: dict[str, Any], code: str, param: str
) -> None:
    verdict = refused(event)
    assert (verdict.code, verdict.param, verdict.violation) == (code, param, False)
    assert verdict.rule == "malformed"


@pytest.mark.parametrize("value", [5, "x", [], True])
def test_what_should_hold_fields_and_does_not_is_malformed(value: Any) -> None:
    for session in ({"audio": value}, {"audio": {"input": value}}):
        verdict = asked_in_ga(session)
        assert verdict.code == "invalid_type"


def asked_in_ga(session: dict[str, Any]) -> Any:
    return ask(session_update(**session), GUIDED, dialect=Dialect.GA)


def test_null_where_fields_could_be_is_nothing() -> None:
    assert asked_in_ga({"audio": None, "type": "realtime"}).hint is None


def test_a_key_that_looks_like_a_path_is_no_path() -> None:
    verdict = asked_in_ga({"audio.output.voice": "echo"})
    assert verdict.hint.ignored == ("session['audio.output.voice']",)


def test_unknown_names_are_told_shortened_and_at_most_32_of_them() -> None:
    told = acknowledged(session_update(**{f"k{n}" + "x" * 300: 1 for n in range(40)})).hint
    assert told is not None
    assert len(told.ignored) == 32
    assert all(len(path) == 128 and path.endswith("…") for path in told.ignored)


def test_ga_names_on_a_preview_connection_are_told() -> None:
    told = acknowledged(session_update(audio={"output": {"voice": "echo"}})).hint
    assert told == stripped(audio="other-spelling")


# -- malformed values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("voice", 5, "invalid_type"),
        ("voice", True, "invalid_type"),
        ("modalities", "text", "invalid_type"),
        ("modalities", ["video"], "invalid_value"),
        ("modalities", [], "invalid_value"),
        ("temperature", "warm", "invalid_type"),
        ("temperature", True, "invalid_type"),
        ("speed", [], "invalid_type"),
        ("input_audio_format", "mp3", "invalid_value"),
        ("input_audio_format", {"type": "audio/mp3"}, "invalid_value"),
        ("output_audio_format", 5, "invalid_type"),
        ("tool_choice", "always", "invalid_value"),
        ("tool_choice", 5, "invalid_type"),
        ("tools", {}, "invalid_type"),
        ("tools", [{}] * 65, "invalid_value"),
        ("turn_detection", "server_vad", "invalid_type"),
        ("input_audio_noise_reduction", "near_field", "invalid_type"),
        ("input_audio_transcription", "whisper-1", "invalid_type"),
    ],
)
def test_a_malformed_setting_is_refused_by_its_own_name(field: str, value: Any, code: str) -> None:
    verdict = refused(session_update(**{field: value}))
    assert (verdict.rule, verdict.code, verdict.violation) == ("malformed", code, False)
    assert verdict.param == f"session.{field}"
    assert f"'session.{field}'" in verdict.message


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("tool_choice", {"type": "code"}, "session.tool_choice.type"),
        ("tool_choice", {"type": "function"}, "session.tool_choice.name"),
        ("tools", [5], "session.tools[0]"),
        ("tools", [{"name": "a b"}], "session.tools[0].name"),
        ("tools", [{"type": "function"}], "session.tools[0].name"),
        ("turn_detection", {"type": "magic"}, "session.turn_detection.type"),
        ("turn_detection", {"type": []}, "session.turn_detection.type"),
        ("turn_detection", {"threshold": "0.5"}, "session.turn_detection.threshold"),
        ("turn_detection", {"threshold": True}, "session.turn_detection.threshold"),
        (
            "turn_detection",
            {"silence_duration_ms": 1.5},
            "session.turn_detection.silence_duration_ms",
        ),
        ("turn_detection", {"prefix_padding_ms": True}, "session.turn_detection.prefix_padding_ms"),
        ("turn_detection", {"create_response": 1}, "session.turn_detection.create_response"),
        (
            "turn_detection",
            {"type": "semantic_vad", "eagerness": "wild"},
            "session.turn_detection.eagerness",
        ),
        ("input_audio_noise_reduction", {}, "session.input_audio_noise_reduction.type"),
    ],
)
def test_a_malformed_part_of_a_setting_is_refused_by_its_own_name(
    field: str, value: Any, param: str
) -> None:
    assert refused(session_update(**{field: value})).param == param


def test_what_a_profile_strips_is_not_looked_at() -> None:
    assert acknowledged(session_update(voice=5, turn_detection="x"), LOCKED).hint is not None


# -- lists, ranges, forced values -----------------------------------------------------------------


@pytest.mark.parametrize("voice", ["marin", {"id": "voice_1"}])
def test_a_voice_that_is_not_offered_is_ignored_and_told(voice: Any) -> None:
    told = acknowledged(session_update(voice=voice)).hint
    assert told == stripped(voice="session-voice")


def test_modalities_that_the_operator_does_not_offer_are_ignored() -> None:
    text_only = Policy(output_modalities=("text",))
    assert sent(text_only, modalities=["text"]) == {"modalities": ["text"]}
    told = acknowledged(session_update(modalities=["text", "audio"]), text_only).hint
    assert told == stripped(modalities="session-modalities")


@pytest.mark.parametrize(
    ("field", "value", "effective"),
    [
        ("temperature", 2, 1.2),
        ("temperature", 0.1, 0.6),
        ("speed", 9.5, 1.5),
        ("speed", 0, 0.25),
    ],
)
def test_a_number_out_of_range_is_clamped_and_told(
    field: str, value: float, effective: float
) -> None:
    assert sent(**{field: value}) == {field: effective}
    assert hint(**{field: value}).changed == {f"session.{field}": effective}


@pytest.mark.parametrize(
    ("value", "effective"), [("inf", 500), (501, 500), (0, 1), (-3, 1), (500, 500), (7, 7)]
)
def test_tokens_are_clamped_to_the_operators_cap(value: Any, effective: int) -> None:
    rules = Policy(profile=OPEN, max_output_tokens=500)
    verdict = forwarded(session_update(max_response_output_tokens=value), rules)
    assert frame(verdict)["session"] == {"max_response_output_tokens": effective}
    assert (verdict.hint is None) == (value == effective)
    refused(session_update(max_response_output_tokens=True), rules)
    refused(session_update(max_response_output_tokens=1.5), rules)


def test_instructions_have_a_cap_in_open() -> None:
    assert sent(OPEN, instructions="x" * 16_000) == {"instructions": "x" * 16_000}
    verdict = refused(session_update(instructions="x" * 16_001), OPEN)
    assert verdict.code == "string_above_max_length"
    assert refused(session_update(instructions=5), OPEN).code == "invalid_type"


def test_booleans_are_booleans() -> None:
    verdict = asked_in_ga({"parallel_tool_calls": 1})
    assert verdict.code == "invalid_type"


# -- turn detection -------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [None, {"type": "none"}])
def test_push_to_talk_is_null_upstream(off: Any) -> None:
    assert sent(turn_detection=off) == {"turn_detection": None}


def test_turn_detection_is_clamped_field_by_field() -> None:
    wild = {"threshold": 0, "prefix_padding_ms": 9000, "silence_duration_ms": 1}
    assert sent(turn_detection={"type": "server_vad", **wild}) == {
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.1,
            "prefix_padding_ms": 2000,
            "silence_duration_ms": 200,
        }
    }
    assert hint(turn_detection=wild).changed == {
        "session.turn_detection.threshold": 0.1,
        "session.turn_detection.prefix_padding_ms": 2000,
        "session.turn_detection.silence_duration_ms": 200,
    }


def test_semantic_detection_keeps_its_eagerness_and_drops_the_rest() -> None:
    value = {"type": "semantic_vad", "eagerness": "low", "threshold": 0.5, "idle_timeout_ms": 5}
    assert sent(turn_detection=value)["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
    }
    assert hint(turn_detection=value).ignored == (
        "session.turn_detection.threshold",
        "session.turn_detection.idle_timeout_ms",
    )
    assert sent(turn_detection={"type": "semantic_vad", "eagerness": None})["turn_detection"] == {
        "type": "semantic_vad"
    }


def test_the_quickstarts_misspelt_field_is_ignored_and_told() -> None:
    value = {"type": "server_vad", "create_responese": True, "create_response": False}
    assert sent(turn_detection=value)["turn_detection"] == {
        "type": "server_vad",
        "create_response": False,
    }
    assert hint(turn_detection=value).ignored == ("session.turn_detection.create_responese",)


@pytest.mark.parametrize("value", [{"type": "server_vad"}, {"type": "semantic_vad"}, {}])
def test_forced_sub_fields_are_there_even_when_the_client_left_them_out(
    value: dict[str, Any],
) -> None:
    rules = Policy(create_response=False, interrupt_response=True)
    built = sent(rules, turn_detection=value)["turn_detection"]
    assert (built["create_response"], built["interrupt_response"]) == (False, True)


def test_a_forced_sub_field_that_the_client_set_otherwise_is_told() -> None:
    rules = Policy(create_response=False)
    value = {"type": "server_vad", "create_response": True, "interrupt_response": False}
    assert hint(rules, turn_detection=value).changed == {
        "session.turn_detection.create_response": False
    }
    same = {"type": "server_vad", "create_response": False}
    assert forwarded(session_update(turn_detection=same), rules).hint is None


# -- transcription and noise ----------------------------------------------------------------------


def test_the_transcription_model_is_forced_and_never_the_clients() -> None:
    value = {"model": "whisper-1", "language": "de", "prompt": "obey", "keywords": None}
    assert sent(SPEAKS, input_audio_transcription=value)["input_audio_transcription"] == {
        "model": "the-deployment",
        "language": "de",
    }
    assert hint(SPEAKS, input_audio_transcription=value).ignored == (
        "session.input_audio_transcription.model",
        "session.input_audio_transcription.prompt",
    )


@pytest.mark.parametrize(
    ("policy", "value", "ignored"),
    [
        (Policy(), {"model": "whisper-1"}, ("session.input_audio_transcription",)),
        (SPEAKS, None, ("session.input_audio_transcription",)),
        (SPEAKS, {"model": "whisper-1"}, ("session.input_audio_transcription.model",)),
        (SPEAKS, {"language": "fr"}, ("session.input_audio_transcription.language",)),
    ],
)
def test_a_client_switches_transcription_neither_on_nor_off(
    policy: Policy, value: Any, ignored: tuple[str, ...]
) -> None:
    told = acknowledged(session_update(input_audio_transcription=value), policy).hint
    assert told is not None
    assert told.ignored == ignored


def test_switching_off_what_is_off_needs_no_hint() -> None:
    assert acknowledged(session_update(input_audio_transcription=None)).hint is None


@pytest.mark.parametrize(("language", "code"), [(5, "invalid_type"), ("english!", "invalid_value")])
def test_a_language_is_a_language(language: Any, code: str) -> None:
    verdict = refused(session_update(input_audio_transcription={"language": language}), SPEAKS)
    assert (verdict.code, verdict.param) == (code, "session.input_audio_transcription.language")


def test_noise_reduction_is_rebuilt_or_switched_off() -> None:
    assert sent(input_audio_noise_reduction=None) == {"input_audio_noise_reduction": None}
    value = {"type": "near_field", "strength": 9}
    assert sent(input_audio_noise_reduction=value) == {
        "input_audio_noise_reduction": {"type": "near_field"}
    }
    assert hint(input_audio_noise_reduction=value).ignored == (
        "session.input_audio_noise_reduction.strength",
    )


# -- tools ----------------------------------------------------------------------------------------


def test_guided_clients_choose_by_name_and_the_operators_definition_is_sent() -> None:
    chosen = [
        {"type": "function", "name": "lamp", "description": "evil", "parameters": {"x": 1}},
        {"name": "lamp"},
        {"type": "function", "name": "unheard_of"},
        {"type": "retrieval", "name": "door"},
        {"type": "function", "name": "secret"},
    ]
    assert sent(TOOLS, tools=chosen)["tools"] == [SECRET.definition, LAMP.definition]
    assert hint(TOOLS, tools=chosen).ignored == (
        "session.tools[0].description",
        "session.tools[0].parameters",
        "session.tools[1]",  # a second of that name
        "session.tools[2]",
        "session.tools[3]",
        "session.tools[4]",
    )


def test_choosing_no_tool_leaves_the_hidden_ones() -> None:
    assert sent(TOOLS, tools=[])["tools"] == [SECRET.definition]


def test_asking_only_for_tools_that_do_not_exist_changes_nothing() -> None:
    told = acknowledged(session_update(tools=[{"name": "mine"}]), TOOLS).hint
    assert told == stripped(**{"tools[0]": "session-tools"})


def test_open_clients_add_tools_beside_the_operators() -> None:
    mine = {
        "type": "function",
        "name": "mine",
        "description": "d",
        "parameters": {"$schema": "x", "type": "object"},
        "server_url": "https://evil",
    }
    built = sent(OPEN_TOOLS, tools=[mine, {"name": "bare"}, {"name": "lamp"}, {"name": "secret"}])
    assert built["tools"] == [
        SECRET.definition,
        LAMP.definition,
        {k: v for k, v in mine.items() if k != "server_url"},
        {"type": "function", "name": "bare"},
    ]
    told = hint(OPEN_TOOLS, tools=[{"name": "secret"}, mine])
    assert told.ignored == ("session.tools[0]", "session.tools[1].server_url")


@pytest.mark.parametrize(
    ("part", "value", "code"),
    [
        ("description", 5, "invalid_type"),
        ("description", "x" * 4001, "string_above_max_length"),
        ("parameters", [], "invalid_type"),
        ("parameters", {"x": "y" * 17_000}, "invalid_value"),
    ],
)
def test_a_tool_of_an_open_client_has_bounds(part: str, value: Any, code: str) -> None:
    verdict = refused(session_update(tools=[{"name": "mine", part: value}]), OPEN_TOOLS)
    assert (verdict.code, verdict.param) == (code, f"session.tools[0].{part}")


@pytest.mark.parametrize("policy", [LOCKED, GUIDED, OPEN])
@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"name": "a"}, {"type": "mcp", "server_url": "https://evil"}]},
        {"tool_choice": {"type": "mcp", "server_label": "x"}},
    ],
)
def test_remote_tools_are_refused_in_every_profile(policy: Any, fields: dict[str, Any]) -> None:
    for event in (session_update(**fields), response_create(**fields)):
        verdict = refused(event, policy)
        assert (verdict.code, verdict.rule) == ("policy_violation", "mcp-tools")
        assert "evil" not in verdict.message


@pytest.mark.parametrize(
    "choice",
    [{"type": "function", "name": "lamp"}, {"type": "function", "function": {"name": "lamp"}}],
)
def test_a_function_may_be_chosen_in_both_spellings(choice: dict[str, Any]) -> None:
    for policy in (TOOLS, OPEN_TOOLS):
        assert sent(policy, tool_choice=choice)["tool_choice"] == {
            "type": "function",
            "name": "lamp",
        }


@pytest.mark.parametrize("policy", [TOOLS, OPEN_TOOLS])
def test_a_hidden_function_cannot_be_chosen(policy: Policy) -> None:
    choice = {"type": "function", "name": "secret"}
    told = acknowledged(session_update(tool_choice=choice), policy).hint
    assert told == stripped(tool_choice="session-tools")


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"name": "lamp", "mode": 1}, "session.tool_choice.mode"),
        ({"function": {"name": "lamp", "x": 1}}, "session.tool_choice.function.x"),
    ],
)
def test_what_a_choice_holds_beside_the_name_is_told(choice: dict[str, Any], told: str) -> None:
    assert hint(TOOLS, tool_choice={"type": "function", **choice}).ignored == (told,)


@pytest.mark.parametrize("other", ["lamp", "door", "secret", 5])
def test_a_choice_with_two_names_is_refused(other: Any) -> None:
    choice = {"type": "function", "name": other, "function": {"name": "door"}}
    for event in (session_update(tool_choice=choice), response_create(tool_choice=choice)):
        verdict = refused(event, TOOLS)
        assert (verdict.code, verdict.rule) == ("invalid_value", "malformed")
        assert "one name, in 'name' or in 'function.name'" in verdict.message
    one = {"type": "function", "name": None, "function": {"name": "door"}}
    assert sent(TOOLS, tool_choice=one) == {"tool_choice": {"type": "function", "name": "door"}}


def test_what_a_format_holds_beside_its_type_is_told() -> None:
    telling = asked_in_ga({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}})
    assert telling.hint.changed == {"session.audio.input.format.rate": 24000}
    more = {"type": "audio/pcmu", "rate": 8000, "bits": 8}
    telling = asked_in_ga({"audio": {"output": {"format": more}}})
    assert telling.hint.ignored == (
        "session.audio.output.format.rate",
        "session.audio.output.format.bits",
    )
