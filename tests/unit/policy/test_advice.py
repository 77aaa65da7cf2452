"""What the log tells an operator of an ignored setting: the field, and the setting that helps."""

from __future__ import annotations

import re

import pytest

from app.policy.advice import (
    CLOSED,
    LISTED_IN,
    NO_SUCH_FIELD,
    ONLY_VALUE,
    OTHER_DIALECT,
    SET_BY,
    advise,
    row_of,
)
from app.policy.policy import Act, Policy, Profile
from app.policy.rows import FIELDS
from app.protocol.names import Dialect
from app.settings.policy_values import KEYS
from app.settings.settings import abouts
from tests.unit.policy.stand_in import GUIDED, LOCKED, OPEN

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA


def fix(path: str, policy: Policy | None = None, dialect: Dialect = PREVIEW) -> str:
    (one,) = advise([path], policy or Policy(), dialect)
    assert one.field == path
    return one.fix


@pytest.mark.parametrize(
    ("path", "profile", "said"),
    [
        (
            "session.instructions",
            GUIDED,
            "Set RELAY_SESSION_INSTRUCTIONS, or RELAY_POLICY=open if you trust this frontend.",
        ),
        (
            "response.instructions",
            LOCKED,
            "Set RELAY_SESSION_INSTRUCTIONS, or RELAY_POLICY=open if you trust this frontend.",
        ),
        ("session.voice", LOCKED, "Set RELAY_SESSION_VOICE, or RELAY_POLICY=guided."),
        ("session.tools", LOCKED, "Set RELAY_SESSION_TOOLS_FILE, or RELAY_POLICY=guided."),
        (
            "session.turn_detection",
            LOCKED,
            "Set RELAY_SESSION_TURN_DETECTION, or RELAY_POLICY=guided.",
        ),
        (
            "session.max_response_output_tokens",
            GUIDED,
            "Set RELAY_SESSION_MAX_OUTPUT_TOKENS, or RELAY_POLICY=open if you trust this frontend.",
        ),
        ("session.speed", LOCKED, "Set RELAY_POLICY=guided."),
        ("session.tracing", OPEN, CLOSED),
        ("session.model", LOCKED, CLOSED),
        ("session.voice", GUIDED, LISTED_IN["audio.output.voice"]),
        ("session.modalities", GUIDED, LISTED_IN["output_modalities"]),
        ("session.tool_choice", OPEN, LISTED_IN["tool_choice"]),
        ("response.metadata", OPEN, ONLY_VALUE),
    ],
)
def test_the_fix_names_the_setting_that_helps(path: str, profile: Profile, said: str) -> None:
    assert fix(path, Policy(profile)) == said


def test_a_row_that_the_file_narrowed_is_mended_there() -> None:
    narrowed = Policy(rows={"session.audio.output.voice": Act.STRIP})
    assert fix("session.voice", narrowed) == (
        "Set RELAY_SESSION_VOICE, or the row to `allow` in RELAY_POLICY_FILE."
    )
    widened = Policy(rows={"session.instructions": Act.ALLOW})
    assert fix("session.instructions", widened) == ONLY_VALUE


def test_a_part_of_a_field_is_told_as_the_field() -> None:
    paths = ["session.tools[0]", "session.tools[1].name", "session.turn_detection.made\nup"]
    told = advise(paths, Policy(), PREVIEW)
    assert [one.field for one in told] == ["session.tools", "session.turn_detection"]


@pytest.mark.parametrize("path", ["session.made\nup", "session", "x", "", "session.colour.voice"])
def test_a_name_that_a_client_made_up_is_not_repeated(path: str) -> None:
    (one,) = advise([path], Policy(), PREVIEW)
    assert (one.field, one.fix) == ("other", NO_SUCH_FIELD)
    assert row_of(path) == ("other", None)


def test_a_name_of_the_other_dialect_is_called_that() -> None:
    for path in ("session.audio", "session.output_modalities", "response.audio"):
        assert fix(path) == OTHER_DIALECT
    assert fix("session.audio.output.voice", Policy(LOCKED), GA).startswith("Set RELAY_SESSION_V")


def test_every_setting_that_is_advised_exists() -> None:
    variables = {about.variable for about in abouts().values()}
    said = " ".join(
        fix(path, Policy(profile), GA) for path in FIELDS for profile in Profile
    ) + " ".join(LISTED_IN.values())
    named = set(re.findall(r"RELAY_[A-Z_]+", said))
    assert named >= set(SET_BY.values())
    assert named <= variables
    keys = set(re.findall(r"`([a-z_]+)` in RELAY_POLICY_FILE", " ".join(LISTED_IN.values())))
    assert keys <= set(KEYS)
    fields = {name.partition(".")[2] for name in FIELDS}
    assert {*SET_BY, *LISTED_IN} <= fields
