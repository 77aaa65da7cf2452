"""What the conversation wants done. The server carries outputs out in order and adds nothing."""

from __future__ import annotations

from dataclasses import dataclass

from app.simulator.brain import Turn
from app.simulator.events import Event


@dataclass(frozen=True, slots=True)
class Send:
    """Send this event to the client."""

    event: Event


@dataclass(frozen=True, slots=True)
class Think:
    """Work out what to answer, report it with `on_plan`, then ask `advance` until it says done.

    `speaks` and `audio_format` say what kind of plan is wanted, `voice` who speaks it.
    """

    response_id: str
    turn: Turn
    speaks: bool
    voice: str
    audio_format: str


@dataclass(frozen=True, slots=True)
class Hear:
    """Transcribe this audio (pcm16, 24 kHz) and report the words with `on_heard`."""

    item_id: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class Stop:
    """The response is over before its plan was: stop thinking about it, stop asking."""

    response_id: str


Output = Send | Think | Hear | Stop
