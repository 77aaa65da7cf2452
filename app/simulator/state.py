"""All that one conversation holds, and the short verbs that every topic uses.

The topics (`client_audio`, `client_items`, `client_responses`) are functions
over this one object; they put what is to be done into `outputs`, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.simulator.buffer import InputBuffer
from app.simulator.dialects import Spelling
from app.simulator.events import EventMaker
from app.simulator.idle import IdleClock
from app.simulator.inputs import Inputs
from app.simulator.item_checks import ItemReader
from app.simulator.item_log import ItemLog
from app.simulator.items import Item
from app.simulator.listener import Listener
from app.simulator.outputs import Output, Send
from app.simulator.performance import Performance
from app.simulator.response import Response
from app.simulator.session import Session
from app.simulator.usage import RateLimits


@dataclass(slots=True)
class Running:
    """A response in progress; `performance` is None while it is still being thought about."""

    response: Response
    performance: Performance | None = None


@dataclass(slots=True)
class State:
    """`active` is the default conversation's response in progress: at most one. `running` holds
    out-of-band ones too. `speech` is the id that the item of the speech now heard will have, and
    `speech_start_ms` where that speech begins on the session's clock.
    `now` gives monotonic seconds, for the reports of rate limits alone."""

    spelling: Spelling
    session: Session
    conversation_id: str
    new_id: Callable[[str], str]
    now: Callable[[], float]
    event: EventMaker
    log: ItemLog = field(default_factory=ItemLog)
    buffer: InputBuffer = field(default_factory=InputBuffer)
    listener: Listener = field(default_factory=Listener)
    idle: IdleClock = field(default_factory=IdleClock)
    limits: RateLimits = field(default_factory=RateLimits)
    running: dict[str, Running] = field(default_factory=dict)
    active: str | None = None
    speech: str | None = None
    speech_start_ms: int = 0
    audio_present: bool = False
    outputs: list[Output] = field(default_factory=list)

    def emit(self, kind: str, **fields: object) -> None:
        """Sends one event."""
        self.outputs.append(Send(self.event(kind, **fields)))

    def announce(self, item: Item, previous: str | None) -> None:
        """Tells of an item that has just entered the conversation, complete."""
        for kind in self.spelling.entered:
            self.emit(kind, previous_item_id=previous, item=self.spelling.item(item))

    @property
    def reader(self) -> ItemReader:
        """How items are read now."""
        return ItemReader(self.spelling.contents, self.session.input_audio_format, self.new_id)

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.log, self.reader)

    def want(self, output: Output) -> None:
        self.outputs.append(output)

    def take_outputs(self) -> list[Output]:
        """What has been wanted since the last time."""
        taken, self.outputs = self.outputs, []
        return taken
