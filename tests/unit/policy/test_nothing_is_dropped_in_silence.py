"""Whatever an event loses on its way upstream, its client is told, by the field's own rule."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from app.cli.differences import ADDED, differences, untold
from app.policy.client_events import judge
from app.policy.policy import Act, Policy, Profile
from app.policy.verdict import Forward
from app.protocol.client_frames import decode_client
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect
from tests.integration.lock.attacks import attack
from tests.unit.policy.stand_in import (
    GUIDED,
    LAMP,
    LOCKED,
    OPEN,
    Session,
    acknowledged,
    ask,
    forwarded,
    item_create,
    message,
    refused,
    response_create,
    session_update,
    user,
)

UNKNOWN = "unknown-field"


@pytest.mark.parametrize(
    ("event", "rules"),
    [
        (
            {"type": "response.create", "instructions": "hi", "foo": 1},
            {"instructions": UNKNOWN, "foo": UNKNOWN},
        ),
        (
            {"type": "response.create", "voice": "ash", "response": {"tracing": 1}},
            {"voice": UNKNOWN, "response.tracing": UNKNOWN},
        ),
        ({"type": "input_audio_buffer.commit", "final": True}, {"final": UNKNOWN}),
        (
            {"type": "input_audio_buffer.append", "audio": "AAAAAAAA", "rate": 8000},
            {"rate": UNKNOWN},
        ),
        (
            {"type": "conversation.item.retrieve", "item_id": "item_user", "a.b": 1},
            {"['a.b']": UNKNOWN},
        ),
        (
            item_create({**user(), "status": "completed", "object": "realtime.item"}),
            {"item.status": UNKNOWN, "item.object": UNKNOWN},
        ),
        (
            item_create(message("user", {"type": "input_text", "text": "x", "transcript": "y"})),
            {"item.content[0].transcript": UNKNOWN},
        ),
        (
            response_create(
                append_input_items=[{"type": "item_reference", "id": "item_user", "x": 1}]
            ),
            {"response.append_input_items[0].x": UNKNOWN},
        ),
    ],
)
def test_what_has_no_place_is_told_in_the_hint(event: dict[str, Any], rules: Any) -> None:
    hint = forwarded(event).hint
    assert hint is not None
    assert hint.ignored == tuple(rules)
    assert hint.rules == rules


def test_an_update_whose_settings_stand_at_the_wrong_level_is_told() -> None:
    told = acknowledged({"type": "session.update", "voice": "coral", "session": {}}).hint
    assert told is not None
    assert (told.ignored, told.why) == (("voice",), UNKNOWN)


def test_null_at_the_wrong_level_says_nothing() -> None:
    event = {"type": "response.create", "conversation": None, "response": None}
    assert forwarded(event).hint is None
    assert forwarded(item_create({**user(), "status": None})).hint is None


def test_each_field_has_its_own_rule() -> None:
    hint = forwarded(session_update(instructions="x", foo=1, temperature=9, speed=1)).hint
    assert hint is not None
    assert hint.rules == {
        "session.instructions": "session-instructions",
        "session.foo": UNKNOWN,
        "session.temperature": "session-sampling",
    }
    assert hint.why == "session-instructions"
    assert hint.counted() == (
        "strip:session-instructions",
        f"strip:{UNKNOWN}",
        "change:session-sampling",
    )


def test_a_row_in_report_mode_is_named_in_the_hint() -> None:
    policy = Policy(reports=frozenset({"session.instructions", "user/input_image"}))
    hint = forwarded(session_update(instructions="x"), policy).hint
    assert hint is not None
    assert (hint.ignored, hint.rules) == ((), {})
    assert hint.would == {"session.instructions": "strip"}


def test_turn_detection_stays_on_where_the_operator_forces_something_on() -> None:
    for forced in (Policy(create_response=True), Policy(interrupt_response=True)):
        told = acknowledged(session_update(turn_detection=None), forced).hint
        assert told is not None
        assert told.rules == {"session.turn_detection": "session-turn-detection"}
        old = session_update(turn_detection={"type": "none"})
        assert acknowledged(old, forced).hint == told
    off = forwarded(session_update(turn_detection=None), Policy(create_response=False))
    assert off.event["session"]["audio"]["input"]["turn_detection"] is None


def test_a_refusal_says_why_this_policy_refuses() -> None:
    by_profile = refused({"type": "conversation.item.delete", "item_id": "item_user"}, LOCKED)
    assert "rule 'item-delete': a locked client removes no item." in by_profile.message
    voice = {"session.audio.output.voice": Act.REFUSE}
    by_file = refused(session_update(voice="ash"), Policy(rows=voice))
    assert "rule 'session-voice': the operator's policy file closes it." in by_file.message
    assert by_file.row == "session.audio.output.voice"
    said_before = item_create(message("assistant", {"type": "text", "text": "x"}))
    assert "of an assistant message" in refused(said_before).message
    late = refused(said_before, Policy(history=True), Session(happened=True))
    assert "before the first response, or never" in late.message


def test_audio_in_an_item_is_refused_with_the_switch_that_closed_it() -> None:
    audio = item_create(message("user", {"type": "input_audio", "audio": "AAAAAAAA"}))
    assert isinstance(ask(audio), Forward)
    told = refused(audio, Policy(transcription_model="m")).message
    assert "(RELAY_SESSION_TRANSCRIPTION_MODEL)" in told
    assert "this service moderates" in refused(audio, Policy(moderates=True)).message


@pytest.mark.parametrize("profile", [LOCKED, GUIDED, OPEN])
@pytest.mark.parametrize("dialect", list(Dialect))
def test_of_a_thousand_bent_events_nothing_is_lost_in_silence(
    profile: Profile, dialect: Dialect
) -> None:
    rng, policy, judged = Random("silence"), Policy(profile, client_tools=(LAMP,)), 0
    for _ in range(1000):
        event = decode_client(attack(rng, dialect), dialect)
        if not isinstance(event, ClientEvent):
            continue
        verdict = judge(event, policy, Session())
        if not isinstance(verdict, Forward):
            continue
        judged += 1
        hint = verdict.hint
        told = [hint.internal(path) for path in hint.rules] if hint else []
        capped = hint is not None and len(hint.ignored) >= 32
        lost = untold(differences(event.body, verdict.event), told)
        # A developer is a system, as docs/policy.md says.
        silent = [one for one in lost if one.what != ADDED and not one.path.endswith(".role")]
        assert capped or not silent, (event.body, silent)
    assert judged > 100
