"""What a client is told when the process is about to end, and when it is told."""

from __future__ import annotations

import math

import pytest

from app.protocol.close_reasons import CloseReason
from app.session.commands import StartClient, ToClient
from tests.unit.session.playbook import Playbook, ending, events


def test_a_client_with_private_events_is_told_when_it_will_be_closed() -> None:
    play = Playbook(private=True).ready()
    (told,) = events(play.gate.on_draining(25.0, play.now))
    assert told.pop("event_id").startswith("rly_")
    assert told == {"type": "relay.draining", "close_in_ms": 25_000}


def test_where_nobody_knows_when_it_says_null() -> None:
    play = Playbook(private=True).ready()
    (told,) = events(play.gate.on_draining(math.inf, play.now))
    assert told["close_in_ms"] is None
    (told,) = events(play.gate.on_draining(3.25, play.now))
    assert told["close_in_ms"] == 3250


def test_a_client_without_private_events_hears_nothing_of_it() -> None:
    play = Playbook().ready()
    assert play.gate.on_draining(25.0, play.now) == []


@pytest.mark.parametrize("stage", ["opened", "dialling", "greeting", "configuring"])
def test_a_session_that_is_not_ready_tells_its_client_as_soon_as_it_is(stage: str) -> None:
    play = Playbook(private=True)
    commands = []
    for name in ("opened", "dialling", "greeting", "configuring"):
        match name:
            case "dialling":
                play.attached()
            case "greeting":
                play.connected()
            case "configuring":
                commands = play.upstream({"type": "session.created", "session": play.session})
        if name == stage:
            assert play.gate.on_draining(20.0, play.now) == []
    play.now += 5
    play.session |= play.configuration.session()
    commands = play.upstream({"type": "session.updated", "session": play.session})
    told = events(commands)
    assert [event["type"] for event in told] == [
        "session.created",
        "relay.session",
        "relay.draining",
    ]
    assert told[-1]["close_in_ms"] == 15_000
    assert isinstance(commands[-2], ToClient)
    assert isinstance(commands[-1], StartClient)  # before any frame of the client's is read


def test_a_session_without_a_drain_says_nothing_of_one() -> None:
    play = Playbook(private=True)
    told = events(play.accept(play.configuring()))
    assert [event["type"] for event in told] == ["session.created", "relay.session"]


def test_an_ended_session_is_told_no_more() -> None:
    play = Playbook(private=True).ready()
    assert ending(play.gate.end(CloseReason.IDLE_TIMEOUT)) is CloseReason.IDLE_TIMEOUT
    assert play.gate.on_draining(25.0, play.now) == []
