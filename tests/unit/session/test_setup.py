"""From the dial to the moment when the client may speak."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.policy import ClientTool, Configuration
from app.protocol.close_reasons import CloseReason
from app.session.commands import StartClient
from app.session.state import Phase
from tests.unit.session.playbook import Playbook, dials, ending, events, notes, sent_up


def test_the_client_is_attached_and_upstream_is_dialled_once() -> None:
    play = Playbook()
    assert dials(play.attached()) == 1
    assert play.gate.phase is Phase.DIALLING
    assert play.connected() == []


def test_our_own_update_goes_first_and_carries_the_operators_configuration() -> None:
    play = Playbook(configuration=Configuration(instructions="Be brief.", voice="verse"))
    update = play.configuring()
    assert update["type"] == "session.update"
    assert update["event_id"].startswith("rly_feed_")
    assert update["session"] == {"instructions": "Be brief.", "voice": "verse"}


def test_the_clients_first_event_is_a_view_made_from_the_echo() -> None:
    play = Playbook()
    commands = play.accept(play.configuring())
    (created,) = events(commands)
    assert created["type"] == "session.created"
    assert created["session"]["id"] == "sess_test"
    assert created["session"]["model"] == "alias"
    assert created["session"]["instructions"] == ""
    assert created["session"]["expires_at"] == 2_000_000
    assert created["relay"]["profile"] == "guided"
    assert isinstance(commands[-1], StartClient)
    assert play.gate.phase is Phase.READY


def test_relay_session_follows_for_a_client_that_offered_private_events() -> None:
    play = Playbook(private=True)
    created, opening = events(play.accept(play.configuring()))
    assert created["type"] == "session.created"
    assert opening["type"] == "relay.session"
    assert opening["event_id"]
    assert opening["session_id"] == "sess_test"


def test_conversation_created_waits_for_the_clients_session_created() -> None:
    play = Playbook()
    update = play.configuring()
    conversation = {"type": "conversation.created", "conversation": {"id": "c", "secret": "x"}}
    assert play.upstream(conversation) == []
    sent = events(play.accept(update))
    assert [event["type"] for event in sent] == ["session.created", "conversation.created"]
    assert sent[1]["conversation"] == {"id": "c"}


@pytest.mark.parametrize(
    ("echo", "field"),
    [
        ({"instructions": "something else"}, "session.instructions"),
        ({"tools": []}, "session.tools"),
    ],
)
def test_an_echo_without_our_prompt_or_tools_ends_the_session_and_names_the_field(
    echo: dict[str, Any], field: str
) -> None:
    tool = ClientTool("look", {"type": "function", "name": "look", "parameters": {}})
    play = Playbook(configuration=Configuration(instructions="Be brief.", tools=(tool,)))
    update = play.configuring()
    update["session"] |= echo
    commands = play.accept(update)
    assert ending(commands) is CloseReason.UPSTREAM_REFUSED
    assert "configuration.not_accepted" in notes(commands)
    assert field in str(commands)


def test_an_echo_that_differs_elsewhere_is_noted_and_the_session_begins() -> None:
    play = Playbook(configuration=Configuration(voice="verse"))
    update = play.configuring()
    update["session"]["voice"] = "alloy"
    commands = play.accept(update)
    assert "configuration.differs" in notes(commands)
    assert isinstance(commands[-1], StartClient)


@pytest.mark.parametrize("error", [{"code": "invalid_value", "param": "session.voice"}, "nonsense"])
def test_an_error_before_the_session_is_ready_ends_it_and_nothing_else_goes_upstream(
    error: object,
) -> None:
    play = Playbook()
    play.configuring()
    commands = play.upstream({"type": "error", "error": error})
    assert ending(commands) is CloseReason.UPSTREAM_REFUSED
    assert "configuration.refused" in notes(commands)
    assert sent_up(commands) == []
    assert "instructions" not in str(events(commands))


def test_an_expired_upstream_session_ends_with_the_time_limit_also_at_the_beginning() -> None:
    play = Playbook()
    play.attached()
    play.connected()
    commands = play.upstream({"type": "error", "error": {"code": "session_expired"}})
    assert ending(commands) is CloseReason.SESSION_TIME_LIMIT


def test_an_echo_that_is_no_session_is_refused() -> None:
    play = Playbook()
    play.configuring()
    commands = play.upstream({"type": "session.updated", "session": "nonsense"})
    assert ending(commands) is CloseReason.UPSTREAM_REFUSED


@pytest.mark.parametrize(
    "frame",
    [b"not json", b'{"type":"brand.new"}', b'{"type":"response.done","response":{}}', b"[]"],
)
def test_anything_else_before_the_session_is_ready_is_dropped(frame: bytes) -> None:
    play = Playbook()
    play.configuring()
    assert play.upstream(frame) == []


def test_a_second_session_created_does_not_configure_twice() -> None:
    play = Playbook()
    play.configuring()
    assert play.upstream({"type": "session.created", "session": {}}) == []


def test_set_up_that_takes_too_long_ends_as_unavailable() -> None:
    play = Playbook()
    play.attached()
    assert play.gate.next_deadline() == play.now + 10
    assert ending(play.after(9.9)) is None
    commands = play.after(0.2)
    assert ending(commands) is CloseReason.UPSTREAM_UNAVAILABLE
    assert notes(commands) == ["setup.too_slow"]


def test_a_failed_dial_tells_the_client_when_to_come_back() -> None:
    play = Playbook()
    play.attached()
    commands = play.gate.on_upstream_lost(0, CloseReason.UPSTREAM_UNAVAILABLE, retry_after=2.5)
    (error,) = events(commands)
    assert error["type"] == "error"
    assert error["error"]["retry_after_ms"] == 2500
    assert ending(commands) is CloseReason.UPSTREAM_UNAVAILABLE


def test_a_client_frame_before_the_session_is_ready_is_a_bug_that_raises() -> None:
    play = Playbook()
    play.configuring()
    with pytest.raises(AssertionError):
        play.client({"type": "response.create"})
