"""A user's proof runs out, is warned of, is followed by another, or ends the session."""

from __future__ import annotations

from typing import Any

import pytest

from app.protocol.close_reasons import ENDINGS, CloseReason
from app.session.commands import Command, ToClient, VerifyIdentity
from app.session.identity import MAX_TOKEN_CHARACTERS, Proven, Unproven
from app.session.limits import Limits
from tests.unit.session.playbook import Playbook, ending, events, sent_up

LONG = Limits(session_seconds=100_000, idle_seconds=200_000, idle_warning=1)
SECRET = "head.claims-of-alice.signature"
ALICE = "issuer|alice"


def update(token: Any = SECRET, **more: Any) -> dict[str, Any]:
    return {"type": "relay.identity.update", "event_id": "id_1", "token": token, **more}


def talking(seconds: float | None = 600, *, private: bool = True, **limits: Any) -> Playbook:
    given = Limits(**limits) if limits else LONG
    return Playbook(limits=given, private=private, identity_seconds=seconds).ready()


def error(commands: list[Command]) -> dict[str, Any]:
    (event,) = events(commands)
    assert event["type"] == "error"
    found: dict[str, Any] = event["error"]
    return found


def warned(commands: list[Command]) -> list[tuple[str, int]]:
    return [(event["limit"], event["remaining_ms"]) for event in events(commands)]


# -- the clock ---------------------------------------------------------------------------------


def test_the_client_is_warned_two_minutes_before_and_ended_a_minute_after_the_expiry() -> None:
    play = talking(600)
    assert play.gate.next_deadline() == play.now + 480
    assert play.after(479.9) == []
    assert warned(play.after(0.1)) == [("identity", 120_000)]
    assert play.gate.next_deadline() == play.now + 180
    assert play.after(179.9) == []
    commands = play.after(0.1)
    assert error(commands)["code"] == "invalid_api_key"
    assert ending(commands) is CloseReason.IDENTITY_EXPIRED
    assert ENDINGS[CloseReason.IDENTITY_EXPIRED].close_code == 4501


def test_a_client_without_private_events_is_ended_unwarned() -> None:
    play = talking(600, private=False)
    assert play.after(500) == []
    assert ending(play.after(160)) is CloseReason.IDENTITY_EXPIRED


def test_who_never_expires_is_neither_warned_nor_ended() -> None:
    play = talking(None)
    assert play.after(90_000) == []
    assert play.gate.next_deadline() == play.now + 9_880


def test_a_short_proof_is_warned_of_at_its_half() -> None:
    play = talking(60)
    assert warned(play.after(30)) == [("identity", 30_000)]


def test_a_proof_that_is_accepted_within_the_leeway_is_warned_of_at_once() -> None:
    play = talking(-20)
    assert warned(play.after(0)) == [("identity", 0)]
    assert ending(play.after(39.9)) is None
    assert ending(play.after(0.1)) is CloseReason.IDENTITY_EXPIRED


def test_the_time_of_a_proof_does_not_wait_for_the_client_to_be_attached() -> None:
    play = Playbook(limits=LONG, private=True, identity_seconds=600)
    play.now += 100
    play.ready()
    assert play.gate.next_deadline() == play.now + 380


def test_a_proof_that_ends_before_upstream_is_there_ends_the_session() -> None:
    play = Playbook(limits=LONG, identity_seconds=-59)
    play.attached()
    assert play.gate.next_deadline() == play.now + 1
    assert ending(play.after(1)) is CloseReason.IDENTITY_EXPIRED


def test_a_proof_that_outlives_the_session_is_not_spoken_of() -> None:
    play = talking(1000, session_seconds=1060, session_warnings=(), idle_seconds=5000)
    assert play.after(1059) == []
    assert ending(play.after(1)) is CloseReason.SESSION_TIME_LIMIT


def test_the_leeway_and_the_warning_are_limits() -> None:
    play = talking(100, identity_leeway=5, identity_warning=10)
    assert warned(play.after(90)) == [("identity", 10_000)]
    assert ending(play.after(15)) is CloseReason.IDENTITY_EXPIRED


# -- the event ---------------------------------------------------------------------------------


def test_a_proof_is_verified_beside_the_flow_and_never_goes_upstream() -> None:
    play = talking()
    (command,) = play.client(update())
    assert command == VerifyIdentity(SECRET)
    assert SECRET not in repr(command)


def test_the_next_proof_moves_warning_and_ending() -> None:
    play = talking(600)
    play.after(500)
    play.client(update())
    (told,) = events(play.identity(Proven(ALICE, 3600.0, 1_700_003_600.9)))
    assert told.pop("event_id").startswith("rly_")
    assert told == {"type": "relay.identity.updated", "expires_at": 1_700_003_600}
    assert play.gate.next_deadline() == play.now + 3480
    assert play.after(3400) == []
    assert warned(play.after(80)) == [("identity", 120_000)]
    assert ending(play.after(180)) is CloseReason.IDENTITY_EXPIRED
    assert play.gate.state.counters.verdicts["identity-updated"] == 1


def test_a_proof_for_ever_is_told_as_null() -> None:
    play = talking(600)
    play.client(update())
    (told,) = events(play.identity(Proven(ALICE)))
    assert told["expires_at"] is None
    assert play.after(90_000) == []


def test_the_proof_shown_last_counts_also_where_it_is_shorter() -> None:
    play = talking(6000)
    play.client(update())
    play.identity(Proven(ALICE, 10.0, 10.0))
    assert ending(play.after(70)) is CloseReason.IDENTITY_EXPIRED


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Unproven("The token has expired. Sign in again."), "identity_invalid"),
        (Unproven("The sign-in service cannot be reached.", 3.0), "identity_unavailable"),
        (Proven("issuer|mallory", 9000.0, 1.0), "identity_mismatch"),
    ],
)
def test_a_proof_that_does_not_hold_changes_nothing(answer: Proven | Unproven, code: str) -> None:
    play = talking(600)
    play.client(update())
    found = error(play.identity(answer))
    assert (found["code"], found["param"], found["event_id"]) == (code, "token", "id_1")
    assert found.get("retry_after_ms") == (3000 if code == "identity_unavailable" else None)
    if isinstance(answer, Unproven):
        assert found["message"] == answer.message
    assert "alice" not in str(found)
    assert "mallory" not in str(found)
    assert warned(play.after(480)) == [("identity", 120_000)]
    assert ending(play.after(180)) is CloseReason.IDENTITY_EXPIRED
    assert play.gate.state.counters.verdicts[code.replace("_", "-")] == 1


def test_without_private_events_the_event_is_as_unknown_as_any_other() -> None:
    play = talking(private=False)
    commands = play.client(update())
    assert all(isinstance(command, ToClient) for command in commands)
    assert SECRET not in str(events(commands))
    other = play.client({"type": "relay.other", "event_id": "id_1"})
    assert error(commands)["code"] == error(other)["code"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "relay.identity.update"}, "missing_required_parameter"),
        (update(None), "missing_required_parameter"),
        (update(7), "invalid_type"),
        (update(["a"]), "invalid_type"),
        (update(""), "invalid_value"),
        (update("Bearer abc"), "invalid_value"),
        (update("käse"), "invalid_value"),
        (update("abc\n"), "invalid_value"),
        (update("a" * (MAX_TOKEN_CHARACTERS + 1)), "string_above_max_length"),
        (update(user="bob"), "unknown_parameter"),
    ],
)
def test_an_event_of_another_shape_is_refused_without_a_question(
    event: dict[str, Any], code: str
) -> None:
    play = talking()
    found = error(play.client(event))
    assert found["code"] == code
    assert "Bearer abc" not in found["message"]
    assert [type(one) for one in play.client(update("a" * MAX_TOKEN_CHARACTERS))] == [
        VerifyIdentity
    ]


def test_one_proof_at_a_time_is_verified() -> None:
    play = talking()
    play.client(update())
    found = error(play.client(update("other")))
    assert (found["code"], found["retry_after_ms"]) == ("rate_limit_exceeded", 1000)
    play.identity(Unproven("no"))
    assert play.client(update("other")) == [VerifyIdentity("other")]


def test_five_proofs_a_minute_are_verified_and_no_more() -> None:
    play = talking()
    for _ in range(5):
        assert play.client(update()) == [VerifyIdentity(SECRET)]
        play.identity(Unproven("no"))
        play.now += 1
    found = error(play.client(update()))
    assert (found["code"], found["retry_after_ms"]) == ("rate_limit_exceeded", 55_000)
    play.now += 54.9
    assert error(play.client(update()))["retry_after_ms"] == 100
    play.now += 0.1
    assert play.client(update()) == [VerifyIdentity(SECRET)]


def test_updates_are_metered_as_acts_and_violate_nothing() -> None:
    play = talking(acts_burst=3.0, acts_per_second=1.0, violations_per_minute=3)
    codes = [error(play.client(update(7)))["code"] for _ in range(6)]
    assert codes == ["invalid_type"] * 3 + ["rate_limit_exceeded"] * 3
    assert ending(play.after(0)) is None


def test_the_conversation_goes_on_while_a_proof_is_verified() -> None:
    play = talking()
    play.client(update())
    (sent,) = sent_up(play.client({"type": "input_audio_buffer.commit"}))
    assert sent["type"] == "input_audio_buffer.commit"


def test_an_update_is_no_sign_of_conversation() -> None:
    play = talking(9000, idle_seconds=300, idle_warning=60)
    play.after(240)
    play.client(update())
    play.identity(Proven(ALICE, 9000.0, 9000.0))
    assert ending(play.after(60)) is CloseReason.IDLE_TIMEOUT
