"""Where answers are worked out: the brain's reply, spoken by the voice, in the wanted format.

This is work for the processor, so it runs on threads of its own and never holds the loop.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from app.simulator.audio import from_pcm
from app.simulator.brain import Call, Say, answer, transcribe
from app.simulator.outputs import Hear, Think
from app.simulator.plan import Calling, Plan, Speech, Writing, pieces, words
from app.simulator.voice.speech import Fragment, speak

_THREADS = 2


class Studio:
    """One per server. `close()` ends its threads; nothing may be asked afterwards."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="studio")

    async def plan(self, think: Think) -> Plan:
        """What to put out for a turn. Raises what the brain or the voice raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, planned, think)

    async def transcript(self, hear: Hear) -> str:
        """The words in some audio."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, transcribe, hear.audio)

    def close(self) -> None:
        """Waits for what is being worked out right now; what is queued is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def planned(think: Think) -> Plan:
    """The plan for a turn; blocks for as long as the brain and the voice take."""
    reply = answer(think.turn)
    if isinstance(reply, Call):
        return Calling(reply.name, reply.arguments)
    if not think.speaks:
        return Writing(pieces(" ".join(_written(part) for part in reply.parts)))
    return _speech(reply, think.voice, think.audio_format)


def _speech(reply: Say, voice: str, audio_format: str) -> Speech:
    pcm = bytearray()
    said: list[tuple[int, str]] = []
    for number, part in enumerate(reply.parts):
        space = " " if number else ""
        for fragment in _fragments(part, voice):
            said += _spread(space + fragment.text, len(pcm), len(fragment.pcm))
            space = ""
            pcm += fragment.pcm
    audio = from_pcm(bytes(pcm), audio_format)
    scale = len(audio) / len(pcm) if pcm else 0.0
    return Speech(audio, tuple((int(at * scale), text) for at, text in said))


def _spread(text: str, begin: int, length: int) -> list[tuple[int, str]]:
    """The words of a text over the audio that says it, as if each letter took the same time; so
    that what was cut off is not in the transcript either."""
    result: list[tuple[int, str]] = []
    said = 0
    for word in words(text):
        result.append((begin + length * said // len(text), word))
        said += len(word)
    return result


def _fragments(part: str | bytes, voice: str) -> list[Fragment]:
    if isinstance(part, str):
        return speak(part, voice)
    return [Fragment(transcribe(part), part)]


def _written(part: str | bytes) -> str:
    """Audio that is played as it is stands in a text as what can be said about it."""
    return part if isinstance(part, str) else transcribe(part)
