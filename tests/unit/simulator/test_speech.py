"""Speaking with recorded clips, and the recordings themselves."""

from __future__ import annotations

import json
import math
import sys
import time
from array import array
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.brain import FIXED_SENTENCES
from app.simulator.voice import g711, numbers, pack, render_pack, speech, vocabulary
from app.simulator.voice import pcm as pcm16
from app.simulator.voice.speech import Fragment, speak

VOICES = ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]


def seconds(fragments: list[Fragment]) -> float:
    return sum(len(fragment.pcm) for fragment in fragments) / 2 / pcm16.RATE


def audio(text: str, voice: str = "alloy") -> bytes:
    return b"".join(fragment.pcm for fragment in speak(text, voice))


def loudest_db(pcm: bytes) -> float:
    levels = (pcm16.level_db(pcm16.samples(pcm[at : at + 960])) for at in range(0, len(pcm), 960))
    return max(levels)


def clips() -> list[tuple[str, pack.Clip]]:
    known = pack.load()
    kinds = {"phrase": known.phrases, "word": known.words, "letter": known.letters}
    return [(f"{kind} {key}", clip) for kind, held in kinds.items() for key, clip in held.items()]


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_comes_out_as_its_transcript_and_is_never_silent(text: str) -> None:
    fragments = speak(text, "alloy")
    assert "".join(fragment.text for fragment in fragments) == text
    assert all(fragment.text and fragment.pcm for fragment in fragments)
    assert all(len(fragment.pcm) % 2 == 0 for fragment in fragments)
    assert loudest_db(b"".join(fragment.pcm for fragment in fragments)) > -30


@pytest.mark.parametrize(
    "text", ["???", " ", "\n\n", "你好", "🙂", "²", "é", "-", "x", "ß", "७", "\ud800", "\x00"]
)
def test_a_text_of_nothing_but_odd_signs_is_audible(text: str) -> None:
    fragments = speak(text, "alloy")
    assert "".join(fragment.text for fragment in fragments) == text
    assert loudest_db(audio(text)) > -30


def test_no_text_has_no_fragments() -> None:
    assert speak("", "alloy") == []


def test_every_fixed_sentence_is_one_recording() -> None:
    for sentence in FIXED_SENTENCES:
        assert [fragment.text for fragment in speak(sentence, "alloy")] == [sentence]
        assert pack.key_of(sentence) in pack.load().phrases


def test_the_pack_holds_every_word_of_the_vocabulary_and_every_letter() -> None:
    assert set(pack.load().words) == set(vocabulary.WORDS)
    assert set(pack.load().letters) == set(vocabulary.LETTERS)
    assert set(numbers.WORDS) | set(vocabulary.SIGNS.values()) <= set(vocabulary.WORDS)


def test_the_longest_phrase_wins_and_its_neighbours_are_said_word_by_word() -> None:
    texts = [fragment.text for fragment in speak("You wrote: yes, I can hear you! Again?", "alloy")]
    assert texts == ["You wrote: ", "yes, I can hear you! ", "Again?"]


def test_of_two_phrases_that_begin_alike_the_longer_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = pack.load()
    short, long = pack.Clip(0, 800), pack.Clip(0, 1600)
    phrases = {"and so": short, "and so on": long, "and": short}
    changed = pack.Pack(known.data, phrases, known.words, known.letters)
    monkeypatch.setattr(pack, "load", lambda: changed)
    speech._phrases_by_first_word.cache_clear()
    try:
        assert [fragment.text for fragment in speak("And so on and so", "alloy")] == [
            "And so on ",
            "and so",
        ]
    finally:
        speech._phrases_by_first_word.cache_clear()


def test_a_phrase_is_found_in_any_case_and_with_other_punctuation() -> None:
    assert len(speak("YES - i can HEAR you", "alloy")) == 1


def test_a_known_word_is_said_and_an_unknown_one_is_spelled() -> None:
    known, letters = pack.load().words, pack.load().letters

    def spelled(word: str) -> int:
        return sum(len(pack.decoded(letters[letter], (3, 2))) for letter in word)

    assert abs(len(audio("weather")) - len(pack.decoded(known["weather"], (3, 2)))) < 4800
    assert len(audio("zyx")) > spelled("zyx")
    assert pack.decoded(letters["y"], (3, 2)) in audio("zyx")
    assert len(audio("zyxzyx")) > 1.9 * len(audio("zyx"))


def test_letters_with_accents_are_spelled_as_their_plain_ones() -> None:
    assert audio("Zoë") == audio("zoe")
    assert audio("don’t") == audio("don't")


def test_different_words_sound_different() -> None:
    texts = [f"You wrote: this is number {n} of fifty." for n in range(50)]
    assert len({audio(text) for text in texts}) == 50


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("13", "thirteen"),
        ("21", "twenty one"),
        ("100", "one hundred"),
        ("305", "three hundred five"),
        ("1,800", "one thousand eight hundred"),
        ("1000000", "one million"),
        ("12000345", "twelve million three hundred forty five"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("1234567890123", " ".join(numbers.SMALL[int(d)] for d in "1234567890123")),
    ],
)
def test_numbers_are_said_as_numbers(number: str, words: str) -> None:
    assert " ".join(numbers.number_words(number)) == words
    assert [fragment.text for fragment in speak(number, "alloy")] == [number]


@given(st.integers(0, 10**14), st.booleans())
def test_every_number_has_words_that_are_recorded(value: int, grouped: bool) -> None:
    text = f"{value:,}" if grouped else str(value)
    assert set(numbers.number_words(text)) <= set(pack.load().words)


def test_a_sign_that_has_a_word_is_said() -> None:
    assert audio("%") == audio("percent")


def test_a_full_stop_is_a_longer_pause_than_a_comma_or_a_space() -> None:
    plain, comma, stop = (len(audio(f"good{sign} morning")) for sign in ("", ",", "."))
    assert plain < comma < stop


def test_pauses_are_bounded() -> None:
    assert len(audio("good" + "." * 500 + " morning")) < 48_000 * 2


def test_every_voice_can_be_told_from_every_other() -> None:
    lengths = {voice: len(audio("Yes, I can hear you.", voice)) for voice in VOICES}
    ordered = sorted(lengths.values())
    assert all(b - a > 0.008 * a for a, b in pairwise(ordered))
    for voice in VOICES:
        assert loudest_db(audio("Yes, I can hear you.", voice)) > -22


def test_an_unknown_voice_speaks_and_always_in_the_same_way() -> None:
    assert audio("hello", "nobody") == audio("hello", "nobody")
    assert {len(audio("hello", name)) for name in "abcdefgh"} <= {
        len(audio("hello", name)) for name in VOICES
    }


def test_a_pitched_voice_is_the_recording_at_another_length_and_the_same_loudness() -> None:
    clip = pack.load().phrases["you are welcome"]
    low, high = pack.decoded(clip, (11, 6)), pack.decoded(clip, (4, 3))
    assert len(low) / 2 == pytest.approx(clip.length * 11 / 6, abs=30)
    assert len(high) / 2 == pytest.approx(clip.length * 4 / 3, abs=30)
    recorded = pack.load().data[clip.offset : clip.offset + clip.length]
    level = pcm16.level_db(pcm16.samples(g711.decode_ulaw(recorded)))
    assert pcm16.level_db(pcm16.samples(low)) == pytest.approx(level, abs=0.5)
    assert pcm16.level_db(pcm16.samples(high)) == pytest.approx(level, abs=0.5)


def test_resampling_keeps_a_tone_where_it_is() -> None:
    tone = array(
        "h", [round(9000 * math.sin(2 * math.pi * 400 * n / 16_000)) for n in range(16_000)]
    )
    out = pack._resampled(tone, 3, 2)[:24_000]
    wanted = [9000 * math.sin(2 * math.pi * 400 * n / 24_000) for n in range(24_000)]
    error = [round(a - b) for a, b in zip(out, wanted, strict=True)][:-3]
    assert pcm16.level_db(error) < pcm16.level_db(tone) - 45


def test_an_endless_text_is_spoken_for_ninety_seconds_and_kept_whole() -> None:
    for text in ("hello and thank you, " * 20_000, "z" * 500_000, "1" * 500_000, "?" * 500_000):
        began = time.perf_counter()
        fragments = speak(text, "cedar")
        assert time.perf_counter() - began < 3
        assert "".join(fragment.text for fragment in fragments) == text
        assert 0.1 < seconds(fragments) < 120


def test_five_seconds_of_answer_are_made_in_a_moment() -> None:
    text = "You wrote: how many people can talk to the server now?"
    pack.load()
    pack.decoded.cache_clear()
    began = time.perf_counter()
    fragments = speak(text, "verse")
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(10):
        speak(text, "verse")
    again = (time.perf_counter() - began) / 10
    assert seconds(fragments) > 4
    assert first < 0.25
    assert again < 0.01


def test_recordings_are_trimmed_equally_loud_and_never_clip_when_interpolated() -> None:
    loudness = {}
    for name, clip in clips():
        recorded = pack.load().data[clip.offset : clip.offset + clip.length]
        samples = pcm16.samples(g711.decode_ulaw(recorded))
        assert max(map(abs, samples)) * 1.25 <= 32767, name
        levels = [pcm16.level_db(samples[at : at + 80]) for at in range(0, len(samples), 80)]
        audible = [index for index, level in enumerate(levels) if level > max(levels) - 38]
        assert audible[0] <= 6, f"{name} begins with more than 30 ms of silence"
        assert len(levels) - audible[-1] <= 7, f"{name} ends with more than 30 ms of silence"
        voiced = [10 ** (level / 10) for level in levels if level > max(levels) - 20]
        loudness[name] = pcm16.level_db([0]) if not voiced else sum(voiced) / len(voiced)
    quietest, loudest = min(loudness.values()), max(loudness.values())
    assert loudest / quietest < 10**0.6, "more than 6 dB between recordings"


def test_the_pack_is_small_and_its_licence_lies_beside_it() -> None:
    folder = files("app.simulator.voice")
    assert len(folder.joinpath(pack.DATA_NAME).read_bytes()) < 1_600_000
    notice = folder.joinpath("NOTICE.md").read_text(encoding="utf-8")
    assert "Apache License 2.0" in notice
    assert "hibari-tts" in notice


def test_a_pack_that_is_not_whole_is_refused_with_the_way_to_repair_it() -> None:
    index = json.dumps({"rate": 16000, "encoding": "mulaw", "words": {"a": [0, 10]}}).encode()
    assert pack.parse(index, bytes(10)).words == {"a": pack.Clip(0, 10)}
    with pytest.raises(ValueError, match="render the pack again"):
        pack.parse(index, bytes(9))
    with pytest.raises(ValueError, match="not mu-law at 16000 Hz"):
        pack.parse(index.replace(b"16000", b"8000"), bytes(10))


def test_the_renderer_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(SystemExit, match="pip install hibari-tts"):
        render_pack._synthesiser()


def test_the_renderer_trims_cuts_pauses_and_resamples() -> None:
    tone = [0.5 * math.sin(2 * math.pi * 300 * n / 24_000) for n in range(12_000)]
    gap = [0.0] * 12_000
    trimmed = render_pack.trimmed(gap + tone + gap)
    assert len(trimmed) / 24_000 == pytest.approx(0.54, abs=0.011)
    broken = render_pack.unbroken(tone + gap + tone)
    assert len(broken) / 24_000 == pytest.approx(1.1, abs=0.011)
    down = render_pack.resampled(tone, 2, 3)
    wanted = [0.5 * math.sin(2 * math.pi * 300 * n / 16_000) for n in range(8_000)]
    assert len(down) == 8_000
    assert max(abs(a - b) for a, b in zip(down[100:-100], wanted[100:-100], strict=True)) < 0.003


def test_speech_names_every_voice_of_the_service() -> None:
    assert set(speech._VOICES) == set(VOICES)
