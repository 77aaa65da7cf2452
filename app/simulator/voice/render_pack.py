"""Renders the clip pack: python -m app.simulator.voice.render_pack [--recordings FOLDER]

Needs the synthesiser `hibari-tts` (see NOTICE.md), which the simulator itself does not: install
it into an environment of its own, `python -m venv ENV && ENV/bin/pip install hibari-tts==0.2.1`.
With --recordings it also writes the spoken commands of the browser test, as 48 kHz WAV files.
The same versions give the same files, bit by bit.
"""

from __future__ import annotations

import argparse
import bz2
import importlib
import json
import math
import sys
import wave
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from app.simulator.brain import FIXED_SENTENCES
from app.simulator.voice import g711, pack, vocabulary
from app.simulator.voice import pcm as pcm16

_Synthesise = Callable[[str, float], Sequence[float]]

_SYNTHESISER = "hibari-tts"
_WORD_PACE = 1.45
_LETTER_PACE = 1.2
_TARGET_RMS = 0.11
_EDGE_SECONDS = 0.02
_FRAME = 120
_LONGEST_PAUSE_FRAMES = 20
_AUDIBLE_BELOW_LOUDEST_DB = 34.0
_FILTER_HALF_WIDTH = 16
_COMMAND_RATE = 48_000
_LEAD_SECONDS = 2.0
_INTERRUPTION_SECONDS = 3.0
_TAIL_SECONDS = 0.2

COMMANDS: dict[str, tuple[str, ...]] = {
    "hello.wav": ("Hello there, can you hear me?",),
    "interruption.wav": (
        "Please tell me the long story about the little relay that carried voices over the sea.",
        "Stop it please.",
    ),
}
"""By file, what is spoken: two seconds of silence, then each utterance three seconds apart."""


def main() -> None:
    """Render everything and say how large it became."""
    parser = argparse.ArgumentParser(description="Render the simulator's clip pack.")
    parser.add_argument("--recordings", type=Path, help="folder for the browser test's WAV files")
    options = parser.parse_args()
    synthesise = _synthesiser()
    _write_pack(Path(__file__).parent, synthesise)
    if options.recordings is not None:
        options.recordings.mkdir(parents=True, exist_ok=True)
        for name, utterances in COMMANDS.items():
            _write_command(options.recordings / name, utterances, synthesise)


def _synthesiser() -> _Synthesise:
    """Text and pace to samples between -1 and 1 at 24 kHz. Ends the program if it is missing."""
    try:
        module: Any = importlib.import_module("hibari")
    except ImportError:
        sys.exit(
            f"The synthesiser is missing: 'pip install {_SYNTHESISER}==0.2.1' (Apache-2.0), best "
            "in a virtual environment of its own, then run this again with its python."
        )
    voice = module.Hibari()

    def synthesise(text: str, pace: float) -> Sequence[float]:
        rendered: list[float] = voice(text, speed=pace, seed=0).tolist()
        return rendered

    return synthesise


def _write_pack(folder: Path, synthesise: _Synthesise) -> None:
    spoken = {
        "phrases": {pack.key_of(text): (text, 1.0) for text in FIXED_SENTENCES},
        "words": {word: (f"{word}.", _WORD_PACE) for word in vocabulary.WORDS},
        "letters": {letter: (f"{letter.upper()}.", _LETTER_PACE) for letter in vocabulary.LETTERS},
    }
    data = bytearray()
    index: dict[str, Any] = {"rate": pack.RATE, "encoding": "mulaw"}
    for kind, entries in spoken.items():
        index[kind] = {}
        for key, (text, pace) in entries.items():
            clip = _levelled(resampled(trimmed(synthesise(text, pace)), 2, 3))
            index[kind][key] = [len(data), len(clip)]
            data += g711.encode_ulaw(_as_pcm(clip))
    packed = bz2.compress(data)
    (folder / pack.DATA_NAME).write_bytes(packed)
    (folder / pack.INDEX_NAME).write_text(json.dumps(index, indent=0) + "\n", encoding="utf-8")
    seconds = len(data) / pack.RATE
    _say(f"{pack.DATA_NAME}: {len(packed):,} bytes, {seconds:.1f} s, {len(spoken['words'])} words")


def _write_command(path: Path, utterances: Sequence[str], synthesise: _Synthesise) -> None:
    samples = [0.0] * round(_LEAD_SECONDS * _COMMAND_RATE)
    for number, text in enumerate(utterances):
        if number:
            samples += [0.0] * round(_INTERRUPTION_SECONDS * _COMMAND_RATE)
        clip = _levelled(resampled(unbroken(trimmed(synthesise(text, 1.0))), 2, 1))
        start = len(samples) / _COMMAND_RATE
        samples += clip
        _say(f"{path.name}: {start:.2f} to {len(samples) / _COMMAND_RATE:.2f} s: {text}")
    samples += [0.0] * round(_TAIL_SECONDS * _COMMAND_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_COMMAND_RATE)
        file.writeframes(_as_pcm(samples))
    _say(f"{path.name}: {path.stat().st_size:,} bytes")


def trimmed(samples: Sequence[float]) -> list[float]:
    """`samples` (24 kHz) without what is inaudible at either end, but for 20 ms, faded."""
    audible = [index for index, heard in enumerate(_audible(samples)) if heard]
    edge = round(_EDGE_SECONDS * pcm16.RATE)
    first = max(0, audible[0] * _FRAME - edge)
    last = min(len(samples), (audible[-1] + 1) * _FRAME + edge)
    kept = list(samples[first:last])
    for at in range(edge):
        kept[at] *= at / edge
        kept[-1 - at] *= at / edge
    return kept


def unbroken(samples: Sequence[float]) -> list[float]:
    """`samples` (24 kHz) with pauses cut down to 100 ms: the shortest silence that ends a turn
    is 200 ms, and each utterance must be one turn."""
    kept: list[float] = []
    quiet = 0
    for index, heard in enumerate(_audible(samples)):
        quiet = 0 if heard else quiet + 1
        if quiet <= _LONGEST_PAUSE_FRAMES:
            kept += samples[index * _FRAME : (index + 1) * _FRAME]
    return kept


def _audible(samples: Sequence[float]) -> list[bool]:
    levels = [_rms(samples[at : at + _FRAME]) for at in range(0, len(samples), _FRAME)]
    bar = max(levels) * 10 ** (-_AUDIBLE_BELOW_LOUDEST_DB / 20)
    return [level > bar for level in levels]


def resampled(samples: Sequence[float], p: int, q: int) -> list[float]:
    """p samples for every q, through a windowed-sinc low-pass below the lower Nyquist limit."""
    cutoff = 0.94 * min(1.0, p / q)
    width = math.ceil(_FILTER_HALF_WIDTH / cutoff)
    padded = [0.0] * width + list(samples) + [0.0] * (width + 1)
    filters = [_filter(phase / p, cutoff, width) for phase in range(p)]
    result = []
    for out in range(len(samples) * p // q):
        at, phase = divmod(out * q, p)
        window = padded[at : at + 2 * width + 1]
        result.append(sum(map(float.__mul__, window, filters[phase])))
    return result


def _filter(shift: float, cutoff: float, width: int) -> list[float]:
    taps = []
    for k in range(-width, width + 1):
        x = k - shift
        window = 0.5 + 0.5 * math.cos(math.pi * x / (width + 1))
        angle = math.pi * cutoff * x
        taps.append(window * cutoff * (math.sin(angle) / angle if angle else 1.0))
    total = sum(taps)
    return [tap / total for tap in taps]


def _levelled(samples: Sequence[float]) -> list[float]:
    """All clips equally loud: the level of the frames that carry speech, short of clipping."""
    levels = [_rms(samples[at : at + _FRAME]) for at in range(0, len(samples), _FRAME)]
    voiced = [level for level in levels if level > max(levels) / 10]
    loudness = math.sqrt(sum(level**2 for level in voiced) / len(voiced))
    gain = min(_TARGET_RMS / loudness, pack.PEAK / max(map(abs, samples)))
    return [sample * gain for sample in samples]


def _rms(samples: Sequence[float]) -> float:
    return math.sqrt(sum(sample * sample for sample in samples) / max(1, len(samples)))


def _as_pcm(samples: Iterable[float]) -> bytes:
    return pcm16.to_bytes(array("h", [round(sample * 32_767) for sample in samples]))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
