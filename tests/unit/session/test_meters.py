"""What a client may use per second, and what happens past it."""

from __future__ import annotations

import pytest

from app.protocol.close_reasons import CloseReason
from app.session.commands import PauseClient, ResumeClient
from app.session.limits import Limits
from app.session.meters import Bucket
from tests.unit.session.playbook import Playbook, ending, events, sent_up

SECOND = {"type": "input_audio_buffer.append", "audio": "AAAA" * 16_000}  # 1 s of pcm16
FAST = Limits(events_per_second=1e6, events_burst=1e6, acts_per_second=1e6, acts_burst=1e6)


def test_a_bucket_holds_its_burst_and_refills_at_its_rate() -> None:
    bucket = Bucket(2.0, 10.0, now=0.0)
    assert bucket.charge(10, 0.0) == 0
    assert not bucket.has(1, 0.0)
    assert bucket.charge(4, 0.0) == pytest.approx(2.0)
    assert bucket.has(1, 2.5)
    assert bucket.charge(0, 100.0) == 0
    assert not bucket.has(11, 1000.0)


def test_ten_seconds_of_audio_may_come_at_once_and_then_reading_pauses() -> None:
    play = Playbook().ready()
    for _ in range(10):
        assert not any(isinstance(command, PauseClient) for command in play.client(SECOND))
    commands = play.client(SECOND)
    assert sent_up(commands), "what was read goes up: nothing is lost"
    assert isinstance(commands[-1], PauseClient)
    assert play.gate.next_deadline() == pytest.approx(play.now + 0.5)
    assert play.after(0.4) == []
    assert play.after(0.11) == [ResumeClient()]


def test_audio_in_another_format_is_charged_by_its_time_and_not_by_its_bytes() -> None:
    play = Playbook().ready()
    play.session["input_audio_format"] = "g711_ulaw"
    play.upstream({"type": "session.updated", "session": play.session})
    frame = {"type": "input_audio_buffer.append", "audio": "AAAA" * 16_000}  # 6 s of g711
    assert not any(isinstance(command, PauseClient) for command in play.client(frame))
    assert isinstance(play.client(frame)[-1], PauseClient)
    assert play.gate.next_deadline() == pytest.approx(play.now + 1.0)


def test_audio_in_items_and_in_a_response_input_is_charged_alike() -> None:
    play = Playbook(limits=Limits(audio_burst_seconds=1.5)).ready()
    part = {"type": "input_audio", "audio": "AAAA" * 16_000}
    item = {"type": "message", "role": "user", "content": [part]}
    assert not any(
        isinstance(command, PauseClient)
        for command in play.client({"type": "conversation.item.create", "item": item})
    )
    response = {"conversation": "none", "input": [item]}
    commands = play.client({"type": "response.create", "response": response})
    assert isinstance(commands[-1], PauseClient)


def test_a_pause_that_grows_is_asked_for_once() -> None:
    play = Playbook(limits=Limits(audio_burst_seconds=1)).ready()
    play.client(SECOND)
    assert isinstance(play.client(SECOND)[-1], PauseClient)
    assert not any(isinstance(command, PauseClient) for command in play.client(SECOND))
    assert play.gate.next_deadline() == pytest.approx(play.now + 1.0)
    assert play.gate.state.counters.verdicts["reading-paused"] == 1


def test_small_appends_that_come_too_fast_wait_as_well() -> None:
    play = Playbook().ready()
    tiny = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    commands = [command for _ in range(101) for command in play.client(tiny)]
    assert isinstance(commands[-1], PauseClient)


CLEAR = {"type": "input_audio_buffer.clear"}


def test_acts_that_come_too_fast_are_refused_in_words() -> None:
    play = Playbook().ready()
    for _ in range(50):
        assert sent_up(play.client(CLEAR))
    (error,) = events(play.client(CLEAR))
    assert error["error"]["code"] == "rate_limit_exceeded"
    assert error["error"]["retry_after_ms"] == 1000
    play.now += 5
    assert sent_up(play.client(CLEAR)), "a client that calms down is heard again"


def test_a_flood_is_answered_ten_times_a_second_and_ended_after_ten() -> None:
    play = Playbook().ready()
    told = 0
    for _ in range(9_990):
        play.now += 0.001
        commands = play.client(CLEAR)
        assert ending(commands) is None
        told += len(events(commands))
    assert 50 < told < 120
    play.now += 0.3
    assert ending(play.client(CLEAR)) is CloseReason.RATE_LIMITED


def test_frames_that_cannot_be_read_are_metered_like_any_other() -> None:
    play = Playbook().ready()
    told = sum(len(events(play.client(b"{"))) for _ in range(3000))
    assert told == 60, "fifty in words, then ten refusals"
    play.now += 10
    for _ in range(26):
        commands = play.client(b"{")
    assert ending(commands) is None, "it took a breath"


def test_a_client_that_never_takes_a_breath_is_ended() -> None:
    play = Playbook(limits=Limits(acts_per_second=0.001, acts_burst=1)).ready()
    play.client(CLEAR)
    play.client(CLEAR)
    play.now += 9.9
    assert ending(play.client(CLEAR)) is None
    play.now += 0.1
    assert ending(play.client(CLEAR)) is CloseReason.RATE_LIMITED


def test_the_twenty_first_response_in_a_minute_is_refused_whoever_caused_the_others() -> None:
    play = Playbook(limits=FAST).ready()
    for number in range(20):
        play.now += 1
        play.response(f"resp_{number}")
    (error,) = events(play.client({"type": "response.create", "event_id": "r"}))
    assert error["error"]["code"] == "rate_limit_exceeded"
    assert error["error"]["event_id"] == "r"
    assert error["error"]["retry_after_ms"] == 41_000
    commands = play.client({"type": "input_audio_buffer.append", "audio": "AAAA"})
    assert isinstance(commands[-1], PauseClient)
    assert play.after(5) == [ResumeClient()]
    commands = play.client({"type": "input_audio_buffer.append", "audio": "AAAA"})
    assert not any(isinstance(command, PauseClient) for command in commands), "once a response"
    play.now += 36
    assert sent_up(play.client({"type": "response.create"}))


def test_two_out_of_band_responses_at_once_are_enough() -> None:
    play = Playbook(limits=FAST).ready()
    create = {"type": "response.create", "response": {"conversation": "none"}}
    assert sent_up(play.client(create))
    play.response("resp_o", conversation_id=None)
    assert sent_up(play.client(create))
    (error,) = events(play.client(create))
    assert error["error"]["code"] == "rate_limit_exceeded"
    assert sent_up(play.client({"type": "response.create", "response": "odd"})) == []
    assert sent_up(play.client({"type": "response.create"}))
    play.upstream({"type": "response.done", "response": {"id": "resp_o", "status": "completed"}})
    assert sent_up(play.client(create))


@pytest.mark.parametrize("turn", [None, {"type": "server_vad", "create_response": False}])
def test_audio_that_causes_no_response_does_not_wait_for_one(turn: object) -> None:
    play = Playbook(limits=FAST).ready()
    play.session["turn_detection"] = turn
    play.upstream({"type": "session.updated", "session": play.session})
    for number in range(20):
        play.response(f"resp_{number}")
    commands = play.client({"type": "input_audio_buffer.append", "audio": "AAAA"})
    assert not any(isinstance(command, PauseClient) for command in commands)


def test_a_large_event_counts_as_several() -> None:
    play = Playbook(limits=Limits(acts_burst=10, acts_per_second=1)).ready()
    large = b'{"type":"x","a":[' + b"[]," * 50_000 + b"[]]}"
    play.client(large)
    (error,) = events(play.client(CLEAR))
    assert error["error"]["code"] == "rate_limit_exceeded"


def test_requests_on_their_way_count_before_upstream_has_begun_them() -> None:
    play = Playbook(limits=FAST).ready()
    for _ in range(20):
        assert sent_up(play.client({"type": "response.create"}))
    (error,) = events(play.client({"type": "response.create"}))
    assert error["error"]["code"] == "rate_limit_exceeded"
