"""What the developer is told, and whether upstream took our configuration."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.echo import EchoComparison, compare_echo
from app.policy.hints import relay_field
from app.policy.policy import Configuration, Policy
from app.policy.verdict import Hint
from tests.unit.policy.stand_in import LAMP, OPEN, forwarded, session_update


def test_the_relay_field_names_what_was_ignored_and_changed_and_where_to_read() -> None:
    event = session_update(instructions="obey", voice="echo", speed=9)
    hint = forwarded(event).hint
    assert relay_field(Policy(), hint, "evt_1") == {
        "profile": "guided",
        "ignored": ["session.instructions"],
        "changed": {"session.speed": 1.5},
        "rules": {
            "session.instructions": "session-instructions",
            "session.speed": "session-speed",
        },
        "why": "docs/policy.md#session-instructions",
        "event_id": "evt_1",
    }


def test_without_anything_to_tell_it_names_the_profile() -> None:
    assert relay_field(Policy(profile=OPEN)) == {"profile": "open"}


def test_a_refusals_hint_may_be_its_rule_alone() -> None:
    assert relay_field(Policy(), Hint(why="item-system")) == {
        "profile": "guided",
        "ignored": [],
        "changed": {},
        "why": "docs/policy.md#item-system",
    }
    assert "why" not in relay_field(Policy(), Hint())


def test_hints_can_be_switched_off() -> None:
    assert relay_field(Policy(hints=False), Hint(("session.voice",)), "e") == {}


def test_a_hint_cannot_be_changed_through_the_field() -> None:
    hint = Hint(("session.voice",), {"session.speed": 1})
    relay_field(Policy(), hint)["changed"].clear()
    assert hint.changed == {"session.speed": 1}


SENT = Configuration(
    instructions="Be kind.", voice="echo", transcription_model="whisper", tools=(LAMP,)
).session()


def echoed(**changes: Any) -> dict[str, Any]:
    return {
        "id": "sess_1",
        "instructions": "Be kind.",
        "audio": {
            "input": {"transcription": {"model": "whisper", "language": None}},
            "output": {"voice": "echo", "speed": 1.0},
        },
        "tools": [{"name": "lamp", "strict": False}],
        "tool_choice": "auto",
        **changes,
    }


def test_an_echo_that_shows_what_was_sent_matches() -> None:
    assert compare_echo(SENT, echoed()) == EchoComparison((), ())
    assert compare_echo({"type": "realtime"}, {}) == EchoComparison((), ())


@pytest.mark.parametrize(
    ("changes", "fatal"),
    [
        ({"instructions": "Be evil."}, ("session.instructions",)),
        ({"instructions": None}, ("session.instructions",)),
        ({"tools": []}, ("session.tools",)),
        ({"tools": None}, ("session.tools",)),
        ({"tools": [{"name": "lamp"}, {"name": "other"}]}, ("session.tools",)),
        ({"tools": [{}, 5], "instructions": ""}, ("session.instructions", "session.tools")),
    ],
)
def test_other_instructions_or_tools_are_fatal(
    changes: dict[str, Any], fatal: tuple[str, ...]
) -> None:
    assert compare_echo(SENT, echoed(**changes)).fatal == fatal


def test_anything_else_that_differs_is_named() -> None:
    audio = {"input": {"transcription": None}, "output": {"voice": "alloy"}}
    comparison = compare_echo(SENT, echoed(audio=audio, tool_choice="none"))
    assert comparison == EchoComparison(
        (),
        (
            "session.audio.input.transcription",
            "session.audio.output.voice",
            "session.tool_choice",
        ),
    )
    assert compare_echo(SENT, echoed(audio=5)).differing == ("session.audio",)
