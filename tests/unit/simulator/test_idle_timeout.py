"""`idle_timeout_ms`: the model asks when nobody has said anything for a while after its answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.buffer import InputBuffer
from tests.unit.simulator.ga_talk import GaTalk
from tests.unit.simulator.talk import Event, silence, types, utterance

TIMED_OUT = [
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]


def answered(**detection: object) -> GaTalk:
    """A conversation whose last answer, of one second, has just been given. Clock: 200 ms."""
    talk = GaTalk()
    talk.hears(idle_timeout_ms=5_000, **detection)
    talk.append(silence(200))
    talk.typed()
    talk.send("response.create")
    talk.answer()
    return talk


def test_the_timeout_counts_from_the_end_of_what_the_answer_takes_to_play() -> None:
    talk = answered()
    assert talk.append(silence(5_999)) == []
    events = talk.append(silence(1))
    assert types(events) == TIMED_OUT
    triggered, committed, added, *_ = events
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (1_200, 6_200)
    assert triggered["item_id"] == committed["item_id"] == added["item"]["id"]
    assert committed["previous_item_id"] == "item_2"
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    heard = talk.thoughts[-1].turn.audio
    assert heard == silence(5_000)


def test_it_is_heard_again_after_the_next_answer_and_not_before() -> None:
    talk = answered()
    assert types(talk.append(silence(20_000))) == TIMED_OUT
    talk.answer()
    assert types(talk.append(silence(6_000))) == TIMED_OUT


def test_nothing_counts_before_the_first_answer_nor_without_the_setting() -> None:
    talk = GaTalk()
    talk.hears(idle_timeout_ms=5_000)
    assert talk.append(silence(30_000)) == []
    talk = answered()
    talk.hears()
    assert talk.append(silence(30_000)) == []


def test_whoever_speaks_is_not_idle() -> None:
    talk = answered()
    talk.append(silence(5_500))
    events = talk.append(utterance() + silence(1_000))
    assert TIMED_OUT[0] not in types(events)
    assert types(events)[-1] == "response.created"


def test_whoever_spoke_was_there_even_if_what_was_said_is_cleared() -> None:
    talk = answered()
    assert types(talk.append(utterance()[:24_000])) == ["input_audio_buffer.speech_started"]
    talk.send("input_audio_buffer.clear")
    assert talk.append(silence(20_000)) == []


def test_an_answer_that_ends_while_somebody_speaks_does_not_make_them_idle() -> None:
    talk = GaTalk()
    detection = {"interrupt_response": False, "create_response": False}
    talk.hears(idle_timeout_ms=5_000, silence_duration_ms=1_000, **detection)
    talk.typed()
    talk.send("response.create")
    talk.plan()
    assert types(talk.append(utterance())) == ["input_audio_buffer.speech_started"]
    talk.stream()
    assert talk.append(utterance() * 8) == []


def test_speech_that_begins_as_the_time_runs_out_is_not_dated_back_into_the_silence() -> None:
    talk = answered()
    events = talk.append(silence(5_950) + utterance())
    assert types(events)[:5] == TIMED_OUT
    assert types(events)[5] == "input_audio_buffer.speech_started"
    assert events[5]["audio_start_ms"] == events[0]["audio_end_ms"]


def test_half_a_sample_that_waits_for_its_other_half_counts() -> None:
    buffer = InputBuffer()
    buffer.append(bytes(47))
    assert (buffer.missing(1), buffer.missing(2), buffer.missing(0)) == (1, 49, 0)


def test_neither_a_commit_nor_a_request_by_the_client_leaves_the_clock_running() -> None:
    for event in ("input_audio_buffer.commit", "response.create"):
        talk = answered()
        talk.append(silence(1_000))
        talk.send(event)
        assert talk.append(silence(20_000)) == []


def test_it_asks_also_where_turns_are_not_answered_by_themselves() -> None:
    assert types(answered(create_response=False).append(silence(6_000))) == TIMED_OUT


def test_an_answer_outside_the_conversation_does_not_count() -> None:
    talk = GaTalk()
    talk.hears(idle_timeout_ms=5_000)
    talk.send("response.create", response={"conversation": "none"})
    talk.answer()
    assert talk.append(silence(20_000)) == []


def test_a_timeout_that_is_shortened_below_what_has_passed_is_due_at_once() -> None:
    talk = answered()
    talk.hears(idle_timeout_ms=30_000)
    assert talk.append(silence(10_000)) == []
    talk.hears(idle_timeout_ms=5_000)
    assert types(talk.append(b"")) == TIMED_OUT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40_000), max_size=60))
def test_audio_in_portions_of_any_size_gives_the_same_events(cuts: list[int]) -> None:
    audio = silence(5_700) + utterance()[:20_000] + silence(9_000)

    def events(portions: list[bytes]) -> list[Event]:
        talk = answered(create_response=False)
        return [event for portion in portions for event in talk.append(portion)]

    portions, at = [], 0
    for cut in cuts:
        portions.append(audio[at : at + cut])
        at += cut
    assert events([*portions, audio[at:]]) == events([audio])


@pytest.mark.parametrize("timeout", [5_000, 30_000])
def test_the_bounds_themselves_are_allowed(timeout: int) -> None:
    (updated,) = GaTalk().hears(idle_timeout_ms=timeout)
    detection = updated["session"]["audio"]["input"]["turn_detection"]
    assert detection["idle_timeout_ms"] == timeout
