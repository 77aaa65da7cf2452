"""The time limit, the idle limit, and their warnings."""

from __future__ import annotations

from app.protocol.close_reasons import CloseReason
from app.session.limits import Limits
from tests.unit.session.playbook import Playbook, ending, events

SPEECH = {"type": "input_audio_buffer.speech_started", "item_id": "item_u", "audio_start_ms": 0}


def test_the_session_warns_at_two_minutes_and_at_thirty_seconds_and_then_ends() -> None:
    play = Playbook(limits=Limits(idle_seconds=4000), private=True).ready()
    assert play.gate.next_deadline() == play.now + 1680
    (warning,) = events(play.after(1680))
    assert (warning["limit"], warning["remaining_ms"]) == ("session", 120_000)
    (warning,) = events(play.after(90))
    assert (warning["limit"], warning["remaining_ms"]) == ("session", 30_000)
    commands = play.after(30)
    (error,) = events(commands)
    assert error["error"]["code"] == "session_expired"
    assert error["error"]["message"] == "Your session hit the maximum duration of 30 minutes."
    assert ending(commands) is CloseReason.SESSION_TIME_LIMIT
    assert play.gate.next_deadline() is None


def test_a_client_without_private_events_is_not_warned_but_ended_all_the_same() -> None:
    play = Playbook(limits=Limits(session_seconds=200, idle_seconds=4000)).ready()
    assert play.after(100) == []
    assert ending(play.after(100)) is CloseReason.SESSION_TIME_LIMIT


def test_the_time_counts_from_the_attachment_and_not_from_admission() -> None:
    play = Playbook(limits=Limits(session_seconds=100))
    assert play.gate.next_deadline() is None
    play.now += 50
    play.ready()
    assert ending(play.after(99)) is None
    assert ending(play.after(1)) is CloseReason.SESSION_TIME_LIMIT


def test_both_warnings_come_when_the_timer_is_late() -> None:
    play = Playbook(limits=Limits(idle_seconds=4000), private=True).ready()
    assert [event["limit"] for event in events(play.after(1790))] == ["session", "session"]


def test_silence_is_warned_a_minute_before_it_ends_the_session() -> None:
    play = Playbook(private=True).ready()
    assert play.gate.next_deadline() == play.now + 240
    (warning,) = events(play.after(240))
    assert (warning["limit"], warning["remaining_ms"]) == ("idle", 60_000)
    assert play.gate.next_deadline() == play.now + 60
    commands = play.after(60)
    assert ending(commands) is CloseReason.IDLE_TIMEOUT
    assert events(commands)[0]["error"]["code"] == "session_expired"


def test_speech_keeps_the_session_alive_and_audio_alone_does_not() -> None:
    play = Playbook().ready()
    play.after(200)
    play.upstream(SPEECH)
    play.after(200)
    play.client({"type": "input_audio_buffer.append", "audio": "AAAA"})
    assert ending(play.after(101)) is CloseReason.IDLE_TIMEOUT


def test_an_item_of_the_clients_counts_as_conversation_and_takes_the_warning_back() -> None:
    play = Playbook(private=True).ready()
    play.after(250)
    play.client({"type": "input_audio_buffer.commit"})
    assert play.after(230) == []
    assert [event["limit"] for event in events(play.after(20))] == ["idle"]


def test_the_idle_clock_stands_still_while_a_response_runs() -> None:
    play = Playbook().ready()
    play.response()
    assert ending(play.after(1000)) is None
    play.upstream({"type": "response.done", "response": {"id": "resp_1", "status": "completed"}})
    assert ending(play.after(239)) is None
    assert ending(play.after(61)) is CloseReason.IDLE_TIMEOUT


def test_an_idle_limit_shorter_than_its_warning_ends_without_one() -> None:
    play = Playbook(limits=Limits(idle_seconds=20, idle_warning=60), private=True).ready()
    commands = play.after(20)
    assert ending(commands) is CloseReason.IDLE_TIMEOUT
    assert [event["type"] for event in events(commands)] == ["error"]


def test_a_session_shorter_than_a_warning_is_not_warned() -> None:
    play = Playbook(limits=Limits(session_seconds=20), private=True).ready()
    assert play.after(10) == []


def test_late_in_a_busy_session_only_its_end_is_awaited() -> None:
    play = Playbook(limits=Limits(idle_seconds=4000)).ready()
    end = play.now + 1800
    play.after(1780)
    assert play.gate.next_deadline() == end
    play.response()
    assert play.gate.next_deadline() == end
