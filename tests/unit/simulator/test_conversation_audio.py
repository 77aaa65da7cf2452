"""The input buffer and the turns in it: counted in samples, whatever the clock on the wall says."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from app.simulator.audio import MAX_APPEND_BYTES
from app.simulator.voice import g711
from tests.unit.simulator.talk import Event, Talk, silence, types, utterance

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.created",
    "response.created",
]


def positions(events: list[Event]) -> list[int]:
    return [
        event[key] for event in events for key in ("audio_start_ms", "audio_end_ms") if key in event
    ]


def test_audio_faster_than_real_time_gives_the_same_turns_however_it_is_cut() -> None:
    stream = silence(700) + utterance() + silence(1_300) + utterance() + silence(1_000)
    whole = Talk()
    expected = whole.append(stream)
    started = [e for e in expected if e["type"] == "input_audio_buffer.speech_started"]
    assert len(started) == 2
    for size in (480, 961, 4_800, 100_000):
        talk = Talk()
        events: list[Event] = []
        for at in range(0, len(stream), size):
            events += talk.append(stream[at : at + size])
        assert types(events) == types(expected)
        assert positions(events) == positions(expected)
        assert talk.thoughts[0].turn.audio == whole.thoughts[0].turn.audio
    turns = [thought.turn.audio for thought in whole.thoughts]
    spans = positions(expected)
    assert [len(audio) // 48 for audio in turns] == [spans[1] - spans[0], spans[3] - spans[2]]


def test_a_second_turn_in_the_same_event_cancels_the_response_to_the_first() -> None:
    stream = silence(700) + utterance() + silence(1_300) + utterance() + silence(1_000)
    talk = Talk()
    assert types(talk.append(stream)) == [
        *TURN,
        "input_audio_buffer.speech_started",
        "response.done",
        "rate_limits.updated",
        *TURN[1:],
    ]


def test_half_a_sample_waits_for_its_other_half() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    sound = bytes(range(250)) * 40
    for at in range(0, len(sound), 333):
        talk.append(sound[at : at + 333])
    talk.send("input_audio_buffer.commit")
    talk.send("response.create")
    assert talk.thoughts[0].turn.audio == sound


@pytest.mark.parametrize(("held", "shown"), [(0, "0.00"), (50, "50.00"), (99, "99.00")])
def test_a_commit_needs_a_tenth_of_a_second(held: int, shown: str) -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    talk.append(silence(held))
    error = talk.refused("input_audio_buffer.commit")
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
        f"audio, but buffer only has {shown}ms of audio."
    )
    talk.append(silence(100 - held))
    assert len(talk.send("input_audio_buffer.commit")) == 2
    assert talk.refused("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"


def test_the_floor_counts_telephone_audio_in_its_own_rate() -> None:
    talk = Talk()
    talk.update(turn_detection=None, input_audio_format="g711_alaw")
    talk.append(bytes(799))
    assert talk.refused("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
    talk.append(bytes(1))
    assert len(talk.send("input_audio_buffer.commit")) == 2


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_speech_is_found_in_telephone_audio(law: str) -> None:
    encode = g711.encode_ulaw if law == "ulaw" else g711.encode_alaw
    talk = Talk()
    talk.update(input_audio_format=f"g711_{law}")
    events = talk.append(encode(g711.to_8k(silence(1_000) + utterance() + silence(1_000))))
    assert types(events) == TURN
    assert 500 <= events[0]["audio_start_ms"] <= 1_100


def test_clear_forgets_the_audio_and_the_speech_but_not_the_time() -> None:
    talk = Talk()
    speech = utterance()
    talk.append(silence(500) + speech[:28_800])
    assert types(talk.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert talk.append(silence(1_000)) == [], "no stop of a speech that was forgotten"
    events = talk.append(speech + silence(1_000))
    assert events[0]["audio_start_ms"] >= 500 + 600 + 1_000 - 300
    assert events[0]["item_id"] == events[2]["item_id"]


def test_a_commit_in_the_middle_of_speech_takes_the_id_that_was_announced() -> None:
    talk = Talk()
    (started,) = talk.append(silence(500) + utterance()[:28_800])
    committed, _created = talk.send("input_audio_buffer.commit")
    assert committed["item_id"] == started["item_id"]
    assert talk.append(silence(1_000)) == []


def test_silence_is_not_hoarded_while_nobody_speaks() -> None:
    talk = Talk()
    for _ in range(100):
        assert talk.append(silence(1_000)) == []
    talk.send("input_audio_buffer.commit")
    talk.send("response.create")
    assert len(talk.thoughts[0].turn.audio) == 48 * 60_000
    events = talk.append(silence(500) + utterance() + silence(1_000))
    assert events[0]["audio_start_ms"] > 100_000, "the clock counts all that was appended"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"audio": None}, "missing_required_parameter"),
        ({"audio": 3}, "invalid_type"),
        ({"audio": {}}, "invalid_type"),
        ({"audio": "not base64!"}, "invalid_value"),
        ({"audio": "AAA"}, "invalid_value"),
        ({"audio": "AA==AA=="}, "invalid_value"),
        ({"audio": "AAAA\nAAAA"}, "invalid_value"),
        ({"audio": "äöü"}, "invalid_value"),
    ],
)
def test_audio_must_be_base64(fields: dict[str, Any], code: str) -> None:
    error = Talk().refused("input_audio_buffer.append", **fields)
    assert (error["code"], error["param"]) == (code, "audio")


def test_the_words_for_bad_audio_name_the_format() -> None:
    talk = Talk()
    message = talk.refused("input_audio_buffer.append", audio="?")["message"]
    assert message == (
        "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) "
        "but got an invalid value."
    )
    talk.update(input_audio_format="g711_ulaw")
    assert "8kHz" in talk.refused("input_audio_buffer.append", audio="?")["message"]


def test_empty_audio_is_nothing() -> None:
    assert Talk().send("input_audio_buffer.append", audio="") == []


def test_an_event_holds_fifteen_mebibytes_of_audio_and_not_more() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    most = base64.b64encode(bytes(MAX_APPEND_BYTES)).decode()
    assert talk.send("input_audio_buffer.append", audio=most) == []
    error = talk.refused("input_audio_buffer.append", audio=most + "AAAA")
    assert (error["code"], error["param"]) == ("string_above_max_length", "audio")


def test_transcripts_are_asked_for_only_where_the_session_wants_them() -> None:
    talk = Talk()
    talk.update(turn_detection=None)
    talk.append(silence(200))
    talk.send("input_audio_buffer.commit")
    assert talk.hearings == []
    talk.update(input_audio_transcription={"model": "whisper-1"})
    talk.append(silence(200))
    item_id = talk.send("input_audio_buffer.commit")[0]["item_id"]
    assert [hearing.item_id for hearing in talk.hearings] == [item_id]
    assert talk.hearings[0].audio == silence(200)
    audio = base64.b64encode(silence(300)).decode()
    part = {"type": "input_audio", "audio": audio}
    item = {"type": "message", "role": "user", "content": [part]}
    talk.send("conversation.item.create", item=item)
    assert talk.hearings[1].audio == silence(300)


def test_a_transcript_that_cannot_be_made_or_is_no_longer_wanted() -> None:
    talk = Talk()
    talk.update(turn_detection=None, input_audio_transcription={"model": "whisper-1"})
    talk.append(silence(200))
    item_id = talk.send("input_audio_buffer.commit")[0]["item_id"]
    (failed,) = talk.heard(None)
    assert failed["type"] == "conversation.item.input_audio_transcription.failed"
    assert failed["error"]["type"] == "transcription_error"
    talk.send("conversation.item.delete", item_id=item_id)
    assert talk.heard("too late") == []


def test_a_transcript_is_part_of_the_history() -> None:
    talk = Talk()
    talk.update(turn_detection=None, input_audio_transcription={"model": "whisper-1"})
    talk.append(silence(200))
    talk.send("input_audio_buffer.commit")
    talk.heard("how are you")
    talk.typed("and now?")
    talk.send("response.create")
    turn = talk.thoughts[-1].turn
    assert [(line.role, line.text) for line in turn.history] == [("user", "how are you")]
    assert turn.text == "and now?"
