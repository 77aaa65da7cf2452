"""The clip pack: recordings of phrases, words and letters in one file, an index beside it.

    pack.json       {"rate": 16000, "encoding": "mulaw", "phrases": {"you said": [0, 8480]}, ...}
    pack.mulaw.bz2  the recordings one after the other, one mu-law byte a sample, compressed

`render_pack` writes both; this module reads them and decodes one clip at a time, at the pitch of
a voice. Keys are lower-case words with single spaces.
"""

from __future__ import annotations

import bz2
import json
import re
from array import array
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from app.simulator.voice import g711
from app.simulator.voice import pcm as pcm16

RATE = 16_000
INDEX_NAME = "pack.json"
DATA_NAME = "pack.mulaw.bz2"
KINDS = ("phrases", "words", "letters")
_WEIGHT_BITS = 14
_CACHED_CLIPS = 1024


@dataclass(frozen=True)
class Clip:
    """Where one recording lies in the data, in bytes, which are samples."""

    offset: int
    length: int


@dataclass(frozen=True)
class Pack:
    """All recordings. `phrases` and `words` are keyed by their text, `letters` by the letter."""

    data: bytes
    phrases: dict[str, Clip]
    words: dict[str, Clip]
    letters: dict[str, Clip]


def key_of(text: str) -> str:
    """The key under which `text` is recorded: its words in lower case, without punctuation."""
    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("’", "'")))


@cache
def load() -> Pack:
    """The pack that lies beside this module. Raises ValueError if it is not whole."""
    folder = files(__package__)
    data = bz2.decompress(folder.joinpath(DATA_NAME).read_bytes())
    return parse(folder.joinpath(INDEX_NAME).read_bytes(), data)


def parse(index: bytes, data: bytes) -> Pack:
    """A pack from its two parts. Raises ValueError with what is wrong and how to repair it."""
    repair = "; render the pack again with 'python -m app.simulator.voice.render_pack'"
    content: dict[str, Any] = json.loads(index)
    if content.get("rate") != RATE or content.get("encoding") != "mulaw":
        raise ValueError(f"{INDEX_NAME} is not mu-law at {RATE} Hz{repair}")
    kinds = {
        kind: {key: Clip(*where) for key, where in content.get(kind, {}).items()} for kind in KINDS
    }
    ends = [clip.offset + clip.length for clips in kinds.values() for clip in clips.values()]
    if max(ends, default=0) != len(data):
        raise ValueError(f"{INDEX_NAME} describes other data than {DATA_NAME} holds{repair}")
    return Pack(data, **kinds)


@lru_cache(maxsize=_CACHED_CLIPS)
def decoded(clip: Clip, stretch: tuple[int, int]) -> bytes:
    """The clip as pcm16 at 24 kHz; `stretch` (p, q) makes p output samples of q recorded ones.

    (3, 2) is the pitch of the recording; a larger ratio is a lower and slower voice.
    """
    recorded = load().data[clip.offset : clip.offset + clip.length]
    return pcm16.to_bytes(_resampled(pcm16.samples(g711.decode_ulaw(recorded)), *stretch))


def _resampled(source: array[int], p: int, q: int) -> array[int]:
    """Cubic interpolation, one pass for each of the p phases, so that the weights are constants."""
    blocks = -(-len(source) // q)
    padding = array("h", bytes(2 * (q + 3)))
    padded = array("h", [0]) + source + padding
    result = array("h", bytes(2 * blocks * p))
    for phase in range(p):
        at, rest = divmod(phase * q, p)
        w0, w1, w2, w3 = _cubic_weights(rest, p)
        taps = (padded[at + k : at + k + (blocks - 1) * q + 1 : q] for k in range(4))
        result[phase::p] = array(
            "h",
            [
                (a * w0 + b * w1 + c * w2 + d * w3) >> _WEIGHT_BITS
                for a, b, c, d in zip(*taps, strict=True)
            ],
        )
    return result


def _cubic_weights(numerator: int, denominator: int) -> tuple[int, int, int, int]:
    """Catmull-Rom weights of the samples at -1, 0, 1 and 2 for a point between 0 and 1.

    Their magnitudes sum to at most 1.25, which the level of the recordings leaves room for.
    """
    t = numerator / denominator
    one = 1 << _WEIGHT_BITS
    return (
        round(one * (-t + 2 * t**2 - t**3) / 2),
        round(one * (2 - 5 * t**2 + 3 * t**3) / 2),
        round(one * (t + 4 * t**2 - 3 * t**3) / 2),
        round(one * (-(t**2) + t**3) / 2),
    )


PEAK = 0.78
"""The largest magnitude in a recording, of full scale: times 1.25 it still does not clip."""
