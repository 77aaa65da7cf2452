"""Voice activity: found by its level, dated by samples, the same however the audio is cut."""

from __future__ import annotations

import math
import random
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.voice import pcm as pcm16
from app.simulator.voice.speech import speak
from app.simulator.voice_activity import SpeechStarted, SpeechStopped, VoiceActivity

RATE = 24_000
RECORDINGS = Path(__file__).parents[2] / "browser" / "speech"
Events = list[SpeechStarted | SpeechStopped]


def detector(threshold: float = 0.5, padding_ms: int = 300, silence_ms: int = 500) -> VoiceActivity:
    return VoiceActivity(
        threshold=threshold, prefix_padding_ms=padding_ms, silence_duration_ms=silence_ms
    )


def silence(ms: int) -> bytes:
    return bytes(2 * RATE * ms // 1000)


def as_pcm(samples: Sequence[float]) -> bytes:
    return pcm16.to_bytes(array("h", [max(-32768, min(32767, round(s))) for s in samples]))


def noise(ms: int, dbfs: float, seed: int = 1) -> bytes:
    """White noise of that level (RMS)."""
    sigma = pcm16.FULL_SCALE * 10 ** (dbfs / 20)
    source = random.Random(seed)
    return as_pcm([source.gauss(0, sigma) for _ in range(RATE * ms // 1000)])


def tone(ms: int, dbfs: float, hertz: float = 220) -> bytes:
    """A steady tone of that level (RMS)."""
    peak = pcm16.FULL_SCALE * 10 ** (dbfs / 20) * math.sqrt(2)
    step = 2 * math.pi * hertz / RATE
    return as_pcm([peak * math.sin(step * n) for n in range(RATE * ms // 1000)])


def spoken(text: str, dbfs: float) -> bytes:
    """Rendered speech whose level, pauses included, is `dbfs`."""
    samples = pcm16.samples(b"".join(fragment.pcm for fragment in speak(text, "alloy")))
    gain = 10 ** ((dbfs - pcm16.level_db(samples)) / 20)
    return as_pcm([sample * gain for sample in samples])


def mixed(one: bytes, other: bytes) -> bytes:
    pairs = zip(pcm16.samples(one), pcm16.samples(other), strict=False)
    return as_pcm([a + b for a, b in pairs])


def clicks(ms: int, every_ms: int) -> bytes:
    """Loud strokes of 15 ms, as of a keyboard beside the microphone."""
    stroke = noise(15, -12)
    return (stroke + silence(every_ms - 15)) * (ms // every_ms)


def shape(events: Events) -> list[str]:
    return [type(event).__name__ for event in events]


def heard_once(audio: bytes, **options: int | float) -> tuple[int, int]:
    """Start and stop, in milliseconds, of what must be exactly one utterance."""
    events = detector(**options).feed(audio)  # type: ignore[arg-type]
    assert shape(events) == ["SpeechStarted", "SpeechStopped"]
    start, stop = events
    assert isinstance(start, SpeechStarted)
    assert isinstance(stop, SpeechStopped)
    return start.start_ms, stop.end_ms


UTTERANCE = silence(700) + tone(800, -20) + silence(900)
TALK = silence(800) + spoken("I am fine, thank you.", -20) + noise(1500, -62) + tone(300, -30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9001), min_size=1, max_size=50))
def test_the_same_audio_gives_the_same_events_however_it_is_cut(sizes: list[int]) -> None:
    whole = detector()
    wanted = whole.feed(TALK)
    pieces, found, at = detector(), [], 0
    for size in sizes:
        found += pieces.feed(TALK[at : at + size])
        at += size
    found += pieces.feed(TALK[at:])
    assert found == wanted
    assert len(wanted) >= 2
    assert pieces.position_ms == whole.position_ms


def test_single_bytes_give_the_same_events_as_one_chunk() -> None:
    pieces = detector()
    found = [event for n in range(len(UTTERANCE)) for event in pieces.feed(UTTERANCE[n : n + 1])]
    assert found == detector().feed(UTTERANCE)
    assert shape(found) == ["SpeechStarted", "SpeechStopped"]


def test_an_event_comes_out_with_the_chunk_that_makes_it_certain() -> None:
    voice = detector(silence_ms=200)
    assert voice.feed(UTTERANCE[: 2 * RATE * 780 // 1000]) == []
    assert shape(voice.feed(UTTERANCE[2 * RATE * 780 // 1000 : 2 * RATE * 860 // 1000])) == [
        "SpeechStarted"
    ]


def test_start_is_where_the_voice_set_in_less_the_padding() -> None:
    start, _ = heard_once(UTTERANCE, padding_ms=300)
    assert start == pytest.approx(400, abs=20)
    start, _ = heard_once(UTTERANCE, padding_ms=0)
    assert start == pytest.approx(700, abs=20)


@pytest.mark.parametrize("silence_ms", [200, 500, 700])
def test_stop_is_where_the_voice_ended_plus_the_silence_that_proved_it(silence_ms: int) -> None:
    _, stop = heard_once(UTTERANCE, silence_ms=silence_ms)
    assert stop == pytest.approx(1500 + silence_ms, abs=40)


def test_padding_never_reaches_before_the_beginning() -> None:
    assert heard_once(tone(500, -20) + silence(900))[0] == 0


def test_padding_never_reaches_before_the_previous_stop() -> None:
    audio = (tone(500, -20) + silence(300)) * 3
    events = detector(padding_ms=1000, silence_ms=200).feed(audio)
    assert shape(events) == ["SpeechStarted", "SpeechStopped"] * 3
    clock = [e.start_ms if isinstance(e, SpeechStarted) else e.end_ms for e in events]
    assert clock == sorted(clock)
    assert clock[2] == clock[1]


def test_a_pause_shorter_than_the_silence_duration_does_not_end_a_turn() -> None:
    heard_once(tone(500, -20) + silence(400) + tone(500, -20) + silence(900), silence_ms=500)


def test_rendered_speech_is_found_with_its_beginning_and_end() -> None:
    speech = spoken("All day long it carried voices from one side to the other.", -20)
    start, stop = heard_once(silence(1000) + speech + silence(1200), padding_ms=0)
    assert start == pytest.approx(1020, abs=80)
    length = len(speech) / 2 / RATE * 1000
    # `speak` ends with a pause of about 310 ms, which belongs to the silence.
    assert stop == pytest.approx(1000 + length - 310 + 500, abs=120)


@pytest.mark.parametrize("dbfs", [-40, -30, -20, -10])
@pytest.mark.parametrize("hiss", [-100, -70, -62])
def test_quiet_and_loud_speech_is_found_over_hiss(dbfs: float, hiss: float) -> None:
    speech = spoken("The relay took a deep breath, and counted every frame.", dbfs)
    audio = silence(2000) + speech + silence(1500)
    start, stop = heard_once(mixed(audio, noise(len(audio) // 48, hiss)), padding_ms=0)
    assert start == pytest.approx(2020, abs=120)
    assert stop == pytest.approx(2000 + len(speech) // 48 - 310 + 500, abs=250)


def test_clipped_speech_at_full_scale_is_found() -> None:
    heard_once(silence(500) + spoken("One by one they came across.", -3) + silence(1200))


@pytest.mark.parametrize("dbfs", [-75, -60, -52, -45])
def test_hiss_is_not_speech(dbfs: float) -> None:
    assert detector().feed(noise(6000, dbfs)) == []


@pytest.mark.parametrize("every_ms", [60, 120, 400])
def test_clicks_are_not_speech(every_ms: int) -> None:
    assert detector().feed(silence(500) + clicks(5000, every_ms)) == []


def test_a_sound_of_less_than_a_tenth_of_a_second_is_not_speech() -> None:
    assert detector().feed(silence(500) + tone(75, -15) + silence(1000)) == []


def test_clicks_after_speech_do_not_hold_the_turn_open() -> None:
    audio = tone(600, -20) + silence(50) + clicks(1500, 150)
    _, stop = heard_once(audio, silence_ms=300)
    assert stop == pytest.approx(600 + 300, abs=80)


def test_a_constant_offset_of_the_sound_card_is_not_speech() -> None:
    assert detector().feed(as_pcm([4000.0] * RATE * 3)) == []


def test_a_steady_loud_noise_is_taken_for_noise_in_the_end_and_speech_over_it_is_found() -> None:
    engine = noise(20_000, -26)
    voice = detector()
    events = voice.feed(engine[: 48 * 14_000])
    assert shape(events) == ["SpeechStarted", "SpeechStopped"]
    talk = mixed(engine[48 * 14_000 :], tone(1000, -14) + silence(4000))
    assert shape(voice.feed(talk)) == ["SpeechStarted", "SpeechStopped"]


def test_a_low_threshold_hears_what_a_high_one_does_not() -> None:
    whisper = silence(1000) + tone(600, -47) + silence(900)
    assert shape(detector(threshold=0.0).feed(whisper)) == ["SpeechStarted", "SpeechStopped"]
    assert detector(threshold=1.0).feed(whisper) == []
    heard_once(silence(1000) + tone(600, -20) + silence(900), threshold=1.0)


def test_a_threshold_out_of_range_is_the_nearest_in_range() -> None:
    for wild, tame in ((-3.0, 0.0), (7.0, 1.0)):
        assert detector(threshold=wild).feed(TALK) == detector(threshold=tame).feed(TALK)


def test_the_position_counts_whole_samples() -> None:
    voice = detector()
    assert voice.position_ms == 0
    voice.feed(bytes(47))
    assert voice.position_ms == 0
    voice.feed(bytes(1))
    assert voice.position_ms == 1
    voice.feed(silence(999))
    assert voice.position_ms == 1000


def test_reset_forgets_speech_in_progress_and_keeps_the_clock() -> None:
    voice = detector(silence_ms=200)
    assert shape(voice.feed(silence(500) + tone(500, -20))) == ["SpeechStarted"]
    voice.reset()
    assert voice.position_ms == 1000
    assert voice.feed(silence(1000)) == []
    assert voice.position_ms == 2000


def test_speech_that_goes_on_after_a_reset_starts_anew_and_not_before_it() -> None:
    voice = detector(padding_ms=300)
    voice.feed(tone(1000, -20))
    voice.reset()
    assert voice.feed(tone(500, -20)) == [SpeechStarted(1000)]


def test_the_recordings_of_the_browser_test_hold_one_turn_for_each_utterance() -> None:
    for name, turns in (("hello.wav", 1), ("interruption.wav", 2)):
        with wave.open(str(RECORDINGS / name)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
            audio = pcm16.to_bytes(pcm16.samples(file.readframes(file.getnframes()))[::2])
        events = detector(silence_ms=200).feed(audio + silence(500))
        assert shape(events) == ["SpeechStarted", "SpeechStopped"] * turns
        first = events[0]
        assert isinstance(first, SpeechStarted)
        assert first.start_ms == pytest.approx(1720, abs=60)
