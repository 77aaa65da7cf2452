"""What the log tells an operator of a dropped field: the field, the rule, and what helps."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.policy.advice import (
    CLOSED,
    FORCED_ON,
    LISTED_IN,
    NO_SUCH_FIELD,
    NOT_OF_AN_ITEM,
    OPERATORS_TOOL,
    SET_BY,
    Ignored,
    advise,
    lift,
    row_of,
)
from app.policy.policy import Act, Policy, Profile
from app.policy.rows import FIELDS, spoken
from app.policy.verdict import Acknowledge, Forward, Hint, Would
from app.protocol.names import Dialect
from app.protocol.paths import internal_path
from app.settings.policy_values import KEYS
from app.settings.settings import abouts
from tests.unit.policy.stand_in import (
    GUIDED,
    LAMP,
    LOCKED,
    OPEN,
    ask,
    item_create,
    response_create,
    session_update,
    user,
)

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA


def told(event: dict[str, Any], policy: Policy | None = None, dialect: Dialect = PREVIEW) -> Any:
    """What the log says of an event, as the policy itself hints at it."""
    policy = policy or Policy()
    verdict = ask(event, policy, dialect=dialect)
    assert isinstance(verdict, Forward | Acknowledge), verdict
    assert verdict.hint is not None
    return advise(verdict.hint, policy, dialect)


def fix(path: str, policy: Policy | None = None, dialect: Dialect = PREVIEW) -> str:
    """For a field that its row dropped."""
    row = row_of(internal_path(path, dialect))
    rule = row.rule if row else "unknown-field"
    hint = Hint((path,), rules={path: rule}, meant={path: internal_path(path, dialect)})
    (one,) = advise(hint, policy or Policy(), dialect)
    assert (one.field, one.rule) == (path, rule)
    return one.fix


def row_in(profile: str, name: str) -> str:
    return (
        f'Write "{name}" = "allow" in [{profile}.rows] of RELAY_POLICY_FILE to let clients say it'
    )


@pytest.mark.parametrize(
    ("path", "profile", "said"),
    [
        (
            "session.instructions",
            GUIDED,
            f"{row_in('guided', 'session.instructions')}, or set RELAY_SESSION_INSTRUCTIONS for "
            "everybody.",
        ),
        (
            "response.instructions",
            LOCKED,
            f"{row_in('locked', 'response.instructions')}, or set RELAY_SESSION_INSTRUCTIONS for "
            "everybody.",
        ),
        (
            "session.voice",
            LOCKED,
            f"{row_in('locked', 'session.voice')}, or set RELAY_SESSION_VOICE for everybody.",
        ),
        ("session.speed", LOCKED, f"{row_in('locked', 'session.speed')}."),
        ("session.tracing", OPEN, CLOSED),
        ("session.model", LOCKED, CLOSED),
        ("session.voice", GUIDED, LISTED_IN["audio.output.voice"]),
        ("session.modalities", GUIDED, LISTED_IN["output_modalities"]),
        ("session.tool_choice", OPEN, LISTED_IN["tool_choice"]),
        (
            "response.metadata",
            OPEN,
            "Its value is not allowed: see docs/policy.md#response-metadata.",
        ),
    ],
)
def test_the_fix_names_the_row_first_and_then_the_setting(
    path: str, profile: Profile, said: str
) -> None:
    assert fix(path, Policy(profile)) == said


@pytest.mark.parametrize("profile", Profile)
def test_nobody_is_told_to_open_everything_for_one_field(profile: Profile) -> None:
    for name in FIELDS:
        for dialect in (PREVIEW, GA):
            hint = Hint((name,), rules={name: FIELDS[name].rule})
            (one,) = advise(hint, Policy(profile), dialect)
            assert "RELAY_POLICY=" not in one.fix


def test_a_row_that_the_file_narrowed_is_mended_there() -> None:
    narrowed = Policy(rows={"session.audio.output.voice": Act.STRIP})
    assert fix("session.voice", narrowed).startswith(row_in("guided", "session.voice"))
    widened = Policy(rows={"session.instructions": Act.ALLOW})
    assert fix("session.instructions", widened).startswith("Its value is not allowed")


def test_a_part_of_a_field_is_told_as_the_field() -> None:
    update = session_update(tools=[{"name": "x"}, {"name": "y"}], turn_detection={"made\nup": 1})
    one, other = told(update)
    assert (one.field, other.field) == ("session.tools", "session.turn_detection")
    assert other.fix == (
        "This part of `session.turn_detection` is no client's: see docs/policy.md"
        "#session-turn-detection."
    )


def test_the_operators_own_words_about_a_tool_are_called_that() -> None:
    forged = {"name": "lamp", "description": "forged", "parameters": {"x": 1}}
    (one,) = told(session_update(tools=[forged]), Policy(client_tools=(LAMP,)))
    assert one == Ignored("session.tools", "session-tools", OPERATORS_TOOL)


def test_turn_detection_that_is_forced_on_is_called_that() -> None:
    (one,) = told(session_update(turn_detection=None), Policy(create_response=True))
    assert one == Ignored("session.turn_detection", "session-turn-detection", FORCED_ON)


def test_a_plain_prompt_is_told_as_the_instructions_that_it_is() -> None:
    (one,) = told(response_create(prompt="Be brief."))
    assert (one.field, one.rule) == ("response.instructions", "response-instructions")
    assert "RELAY_SESSION_INSTRUCTIONS" in one.fix
    (other,) = told(response_create(prompt={"id": "p"}))
    assert (other.field, other.fix) == ("response.prompt", CLOSED)


@pytest.mark.parametrize("name", ["made\nup", "colour", "colour.voice", "a.b.c", "", "x" * 500])
def test_a_name_that_a_client_made_up_is_not_repeated(name: str) -> None:
    for event in (session_update(**{name: 1}), {"type": "response.create", name: 1}):
        assert told(event) == (Ignored("other", "unknown-field", NO_SUCH_FIELD),)
    assert row_of(f"session.{name}") is None


@pytest.mark.parametrize("event", [item_create, lambda item: response_create(input=[item])])
def test_what_an_item_holds_beside_its_fields_is_told_without_its_name(event: Any) -> None:
    said = told(event({**user(), "status": "completed", "made\nup": 1}))
    assert said == (Ignored("other", "unknown-field", NOT_OF_AN_ITEM),)


def test_a_setting_at_the_top_level_is_shown_its_place() -> None:
    (one,) = told({"type": "session.update", "session": {}, "voice": "coral"})
    assert one.fix == (
        "It stands at the top level of the event: the frontend writes `session.voice` or "
        "`response.voice`."
    )
    (one,) = told({"type": "response.create", "conversation": "none"})
    assert one.field == "conversation"
    assert one.fix.endswith("the frontend writes `response.conversation`.")


def test_a_name_of_the_other_dialect_is_told_this_ones() -> None:
    begins = "It is a name of the other protocol version"
    (one,) = told(session_update(output_modalities=["text"]))
    assert one == Ignored(
        "session.output_modalities",
        "other-spelling",
        f"{begins}: this client's has `session.modalities`.",
    )
    (one,) = told(session_update(audio={"output": {"voice": "ash"}}))
    assert "`session.voice`" in one.fix
    (one,) = told(session_update(parallel_tool_calls=True))
    assert one.fix == f"{begins}, and this one has none for it: leave it out in the frontend."
    (one,) = told(session_update(voice="ash"), dialect=GA)
    assert one.fix == f"{begins}: this client's has `session.audio.output.voice`."


def test_a_reported_row_is_told_with_what_would_let_it_through() -> None:
    would = Would("session.instructions", "strip", "session-instructions")
    assert lift(would, Policy()).startswith(row_in("guided", "session.instructions"))


def test_every_setting_that_is_advised_exists() -> None:
    variables = {about.variable for about in abouts().values()}
    said = " ".join(
        advise(Hint((name,), rules={name: row.rule}), Policy(profile), PREVIEW)[0].fix
        for name, row in FIELDS.items()
        for profile in Profile
    ) + " ".join((*LISTED_IN.values(), OPERATORS_TOOL, FORCED_ON))
    named = set(re.findall(r"RELAY_[A-Z_]+", said))
    assert named >= set(SET_BY.values())
    assert named <= variables
    keys = set(re.findall(r"`([a-z_]+)` in RELAY_POLICY_FILE", " ".join(LISTED_IN.values())))
    assert keys <= set(KEYS)
    fields = {name.partition(".")[2] for name in FIELDS}
    assert {*SET_BY, *LISTED_IN} <= fields
    rows = set(re.findall(r'Write "([^"]+)"', said))
    assert rows <= {spoken(row) for row in FIELDS.values()}
