"""What the server tells every session: from settings to the `session` object, and mistakes."""

from __future__ import annotations

import pytest

from app.policy.policy import Profile
from app.settings import SettingsError, load
from tests.unit.test_settings import AZURE, complaint, only_problem, problems

EVERYTHING = {
    "RELAY_SESSION_INSTRUCTIONS": "Be kind.",
    "RELAY_SESSION_VOICE": "verse",
    "RELAY_SESSION_TEMPERATURE": "0.7",
    "RELAY_SESSION_MAX_OUTPUT_TOKENS": "1000",
    "RELAY_SESSION_TURN_DETECTION": "server_vad",
    "RELAY_SESSION_VAD_THRESHOLD": "0.6",
    "RELAY_SESSION_VAD_PREFIX_MS": "250",
    "RELAY_SESSION_VAD_SILENCE_MS": "700",
    "RELAY_SESSION_TRANSCRIPTION_MODEL": "whisper-1",
    "RELAY_SESSION_TRANSCRIPTION_LANGUAGE": "de",
}


def test_every_setting_stands_in_our_own_session_update() -> None:
    assert load(AZURE | EVERYTHING).configuration().session() == {
        "type": "realtime",
        "instructions": "Be kind.",
        "temperature": 0.7,
        "max_output_tokens": 1000,
        "audio": {
            "input": {
                "transcription": {"model": "whisper-1", "language": "de"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.6,
                    "prefix_padding_ms": 250,
                    "silence_duration_ms": 700,
                },
            },
            "output": {"voice": "verse"},
        },
    }


def test_what_is_not_set_is_left_to_upstream() -> None:
    assert load(AZURE).configuration().session() == {"type": "realtime"}


@pytest.mark.parametrize(
    ("settings", "turn"),
    [
        ({"TURN_DETECTION": "none"}, None),
        ({"TURN_DETECTION": "server_vad"}, {"type": "server_vad"}),
        (
            {"TURN_DETECTION": "semantic_vad", "VAD_EAGERNESS": "high"},
            {"type": "semantic_vad", "eagerness": "high"},
        ),
        ({"VAD_SILENCE_MS": "600"}, {"type": "server_vad", "silence_duration_ms": 600}),
    ],
)
def test_turn_detection_is_what_it_says(settings: dict[str, str], turn: object) -> None:
    environ = AZURE | {f"RELAY_SESSION_{name}": value for name, value in settings.items()}
    session = load(environ).configuration().session()
    assert session["audio"]["input"] == {"turn_detection": turn}


def test_the_tokens_of_a_session_are_also_the_most_that_a_client_may_ask_for() -> None:
    settings = load(AZURE | EVERYTHING)
    assert [settings.policy(profile).max_output_tokens for profile in Profile] == [1000] * 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TEMPERATURE", "1.3", "must be a number from 0.6 to 1.2, not '1.3'."),
        ("MAX_OUTPUT_TOKENS", "4097", "must be a whole number from 1 to 4096, not '4097'."),
        ("MAX_OUTPUT_TOKENS", "inf", "must be a whole number from 1 to 4096, not 'inf'."),
        ("TURN_DETECTION", "semantic", "must be `none`, `server_vad` or `semantic_vad`, not 'sema"),
        ("VAD_THRESHOLD", "1", "must be a number from 0.1 to 0.95, not '1'."),
        ("VAD_SILENCE_MS", "1", "must be a whole number from 200 to 5000, not '1'."),
        ("VAD_EAGERNESS", "eager", "must be `low`, `medium`, `high` or `auto`."),
        ("TRANSCRIPTION_LANGUAGE", "German", "must be a language such as `en` or `en-GB`."),
    ],
)
def test_a_value_out_of_range_is_told(name: str, value: str, said: str) -> None:
    variable = f"RELAY_SESSION_{name}"
    assert only_problem(AZURE | {variable: value}).startswith(f"{variable} {said}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"VAD_THRESHOLD": "0.5", "TURN_DETECTION": "semantic_vad"},
            "RELAY_SESSION_VAD_THRESHOLD belongs to `server_vad`, and RELAY_SESSION_TURN_DETECTION "
            "is `semantic_vad`: set that to `server_vad`, or remove it.",
        ),
        (
            {"VAD_SILENCE_MS": "500", "TURN_DETECTION": "none"},
            "RELAY_SESSION_VAD_SILENCE_MS belongs to `server_vad`, and",
        ),
        (
            {"VAD_EAGERNESS": "low"},
            "RELAY_SESSION_VAD_EAGERNESS belongs to `semantic_vad`, and "
            "RELAY_SESSION_TURN_DETECTION is not set: set that to `semantic_vad`, or remove it.",
        ),
        (
            {"TRANSCRIPTION_LANGUAGE": "en"},
            "RELAY_SESSION_TRANSCRIPTION_LANGUAGE is set, and nothing is transcribed: set "
            "RELAY_SESSION_TRANSCRIPTION_MODEL too, or remove the language.",
        ),
    ],
)
def test_what_does_not_go_together_is_told(settings: dict[str, str], said: str) -> None:
    environ = AZURE | {f"RELAY_SESSION_{name}": value for name, value in settings.items()}
    assert only_problem(environ).startswith(said)


# -- placeholders ------------------------------------------------------------------------------


def with_text(text: str, claims: str = "", **more: str) -> dict[str, str]:
    said = {"RELAY_SESSION_INSTRUCTIONS": text, "RELAY_INSTRUCTION_CLAIMS": claims}
    return AZURE | said | more


def test_a_listed_claim_is_filled_for_each_user() -> None:
    settings = load(with_text("Serve {{user.sub}} of {{user.team}}.", "sub, team,sub"))
    assert settings.claims_wanted() == {"sub", "team"}
    configuration = settings.configuration().for_user({"sub": "ann"}.get)
    assert configuration.instructions == 'Serve "ann" of "".'
    assert settings.configuration().instructions == "Serve {{user.sub}} of {{user.team}}."


@pytest.mark.parametrize(
    ("text", "claims", "said"),
    [
        (
            "Hi {{user.sbu}}",
            "sub",
            "RELAY_SESSION_INSTRUCTIONS holds {{user.sbu}}, which is no placeholder of this relay "
            "(did you mean `user.sub`?): list `sbu` in RELAY_INSTRUCTION_CLAIMS, or remove it.",
        ),
        (
            "Hi {{user.sub}}",
            "",
            "RELAY_SESSION_INSTRUCTIONS holds {{user.sub}}, which is no placeholder of this relay: "
            "list `sub` in",
        ),
        (
            "Hi {{city}}",
            "sub",
            "RELAY_SESSION_INSTRUCTIONS holds {{city}}, which is no placeholder of this relay: "
            "write {{user.CLAIM}}, which is the only form, or remove it.",
        ),
        (
            "Hi {{ user.sub }}",
            "sub",
            "RELAY_SESSION_INSTRUCTIONS holds {{ user.sub }}, which is no placeholder of this "
            "relay: write {{user.sub}}, without spaces, or remove it.",
        ),
        ("Hi {{}}", "sub", "RELAY_SESSION_INSTRUCTIONS holds {{}}, which is no placeholder of"),
        (
            "Hi {{user.sub}, be kind",
            "sub",
            "RELAY_SESSION_INSTRUCTIONS holds {{user.sub, which is not closed: write "
            "{{user.CLAIM}}, or remove it.",
        ),
        ("Hi", "a b", "RELAY_INSTRUCTION_CLAIMS must be the name of a claim, for example role."),
        ("Hi", "{a}", "RELAY_INSTRUCTION_CLAIMS must be the name of a claim, for example role."),
    ],
)
def test_an_unknown_placeholder_stops_the_start(text: str, claims: str, said: str) -> None:
    assert only_problem(with_text(text, claims)).startswith(said)


def test_braces_that_are_no_placeholder_are_text() -> None:
    assert complaint(with_text('Answer as {"a": {"b": 1}} or {x}.')) == ""


def test_claims_of_the_users_own_making_need_a_second_setting() -> None:
    text = "Hi {{user.name}}, {{user.email}}"
    first, second = problems(with_text(text, "name,email"))
    assert first.startswith("RELAY_INSTRUCTION_CLAIMS lists `name`, which users can often write")
    assert "`email`" in second
    assert complaint(with_text(text, "name,email", RELAY_SELF_SERVICE_CLAIMS="true")) == ""


# -- loading for one purpose -------------------------------------------------------------------


def test_who_needs_some_settings_alone_is_not_told_of_the_others() -> None:
    nothing_set = {"RELAY_POLICY": "open"}
    assert "AZURE_OPENAI_ENDPOINT is missing" in complaint(nothing_set)
    assert load(nothing_set, only={"profile"}).profile is Profile.OPEN
    wrong = {"RELAY_POLICY": "opne", "AZURE_OPENAI_ENDPOINT": "ftp://x"}
    with pytest.raises(SettingsError) as refused:
        load(wrong, only={"profile"})
    (said,) = refused.value.problems
    assert said.startswith("RELAY_POLICY must be")


def test_a_variable_that_nobody_knows_is_told_to_everybody() -> None:
    with pytest.raises(SettingsError, match="RELAY_POLCY is not a setting"):
        load({"RELAY_POLCY": "open"}, only={"profile"})
