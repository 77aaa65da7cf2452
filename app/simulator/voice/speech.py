"""Speaking with recorded clips: the longest known phrase first, then words, then spelling.

The fragments' texts, joined, are exactly the text that was to be spoken, so a transcript can be
streamed in step with the audio. Every voice is the same recording at another pitch and pace.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from zlib import crc32

from app.simulator.voice import numbers, pack, vocabulary
from app.simulator.voice import pcm as pcm16

_VOICES: dict[str, tuple[int, int]] = {
    "alloy": (3, 2),
    "ash": (7, 4),
    "ballad": (8, 5),
    "cedar": (11, 6),
    "coral": (7, 5),
    "echo": (12, 7),
    "marin": (10, 7),
    "sage": (13, 9),
    "shimmer": (4, 3),
    "verse": (5, 3),
}
"""By voice, how far the recording is stretched: see `pack.decoded`."""

_MOST_SECONDS = 90
_MOST_CHARACTERS = 4000
_MOST_SPELLED = 40
_WORD_GAP = 0.03
_PAUSES = {".": 0.28, "!": 0.28, "?": 0.28, "\n": 0.28, ",": 0.16, ";": 0.16, ":": 0.16, "…": 0.28}
_SIGN_PAUSE = 0.08
_MOST_PAUSE = 0.4
_TOKENS = re.compile(
    rf"(?P<number>{numbers.PATTERN})|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)|(?P<sign>.)", re.DOTALL
)


@dataclass(frozen=True)
class Fragment:
    """A piece of the transcript and its audio: pcm16, 24 kHz, mono, little-endian."""

    text: str
    pcm: bytes


@dataclass
class _Unit:
    """Something to say. `text` runs up to the next unit; `word` is its key if it is a word."""

    text: str
    clips: tuple[pack.Clip | None, ...]
    word: str | None = None
    pause: float = 0.0


def speak(text: str, voice: str) -> list[Fragment]:
    """Speak `text`; no fragments for empty text, and never only silence for any other.

    Words and numbers that have recordings are said, other words are spelled, signs of other
    scripts are a short tone, and punctuation is a pause. After 90 seconds the last fragment takes
    the rest of the text without more audio. Unknown voices get one of the known pitches.
    """
    if not text:
        return []
    stretch = _stretch_of(voice)
    fragments: list[Fragment] = []
    left = _MOST_SECONDS * pcm16.RATE * 2
    for unit in _joined(_units(text[:_MOST_CHARACTERS])):
        fragments.append(Fragment(unit.text, _audio(unit, stretch)))
        left -= len(fragments[-1].pcm)
        if left <= 0:
            break
    spoken = sum(len(fragment.text) for fragment in fragments)
    if spoken < len(text):
        last = fragments.pop()
        fragments.append(Fragment(last.text + text[spoken:], last.pcm))
    return fragments


def _stretch_of(voice: str) -> tuple[int, int]:
    if voice in _VOICES:
        return _VOICES[voice]
    return list(_VOICES.values())[crc32(voice.encode("utf-8", "replace")) % len(_VOICES)]


def _units(text: str) -> list[_Unit]:
    """The units of a non-empty text, at least one; what is not spoken hangs on to a neighbour."""
    units: list[_Unit] = []
    before = ""
    for token in _TOKENS.finditer(text):
        unit = _unit_of(token)
        if unit is not None:
            unit.text, before = before + unit.text, ""
            units.append(unit)
        elif units:
            units[-1].text += token[0]
            units[-1].pause += _pause_of(token[0])
        else:
            before += token[0]
    return units or [_Unit(before, (None,))]


def _unit_of(token: re.Match[str]) -> _Unit | None:
    """What a token says, or nothing if it is a pause."""
    said, known = token[0], pack.load()
    if token["number"]:
        words = numbers.number_words(said)[:_MOST_SPELLED]
        return _Unit(said, tuple(known.words[word] for word in words))
    if token["word"]:
        key = said.lower().replace("’", "'")
        clip = known.words.get(key)
        return _Unit(said, (clip,) if clip else tuple(_spelled(said)), word=key)
    if said in vocabulary.SIGNS:
        return _Unit(said, (known.words[vocabulary.SIGNS[said]],))
    if said.isalnum():
        return _Unit(said, tuple(_spelled(said)))
    return None


def _spelled(word: str) -> Iterator[pack.Clip | None]:
    """A clip for each letter; nothing (a tone) for a letter that has no recording."""
    known = pack.load()
    for letter in unicodedata.normalize("NFKD", word[:_MOST_SPELLED].casefold()):
        if letter in known.letters:
            yield known.letters[letter]
        elif letter.isdecimal():
            yield known.words[numbers.SMALL[unicodedata.decimal(letter)]]
        elif letter.isalnum():
            yield None


def _pause_of(sign: str) -> float:
    return 0.0 if sign == " " else _PAUSES.get(sign, 0.0 if sign in "'\"’“”" else _SIGN_PAUSE)


def _joined(units: Sequence[_Unit]) -> Iterator[_Unit]:
    """The units with every run of words that has a recording as a phrase made one."""
    at = 0
    while at < len(units):
        run, clip = _phrase_at(units, at)
        if clip is None:
            yield units[at]
        else:
            text = "".join(unit.text for unit in units[at : at + run])
            yield _Unit(text, (clip,), pause=units[at + run - 1].pause)
        at += run


def _phrase_at(units: Sequence[_Unit], at: int) -> tuple[int, pack.Clip | None]:
    first = units[at].word
    for words, clip in _phrases_by_first_word().get(first, ()) if first else ():
        run = units[at : at + len(words)]
        if tuple(unit.word for unit in run) == words:
            return len(words), clip
    return 1, None


@cache
def _phrases_by_first_word() -> dict[str, list[tuple[tuple[str, ...], pack.Clip]]]:
    """Recorded phrases by their first word, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], pack.Clip]]] = {}
    for key, clip in pack.load().phrases.items():
        words = tuple(key.split())
        found.setdefault(words[0], []).append((words, clip))
    for phrases in found.values():
        phrases.sort(key=lambda entry: len(entry[0]), reverse=True)
    return found


def _audio(unit: _Unit, stretch: tuple[int, int]) -> bytes:
    gap = pcm16.silence(_WORD_GAP)
    clips = (_tone() if clip is None else pack.decoded(clip, stretch) for clip in unit.clips)
    return gap.join(clips) + gap + pcm16.silence(min(unit.pause, _MOST_PAUSE))


@cache
def _tone() -> bytes:
    """A soft tone of 120 ms, swelling and fading, for what cannot be said."""
    count = pcm16.RATE * 120 // 1000
    wave = (
        4000 * math.sin(math.pi * n / count) * math.sin(2 * math.pi * 440 * n / pcm16.RATE)
        for n in range(count)
    )
    return pcm16.to_bytes(array("h", map(round, wave)))
