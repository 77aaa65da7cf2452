"""The streaming of a response's one output item, step by step, and its end at any moment.

    step()  output_item.added, item.created, content_part.added
    step()  deltas                         ... as often as there are chunks
    step()  None: nothing is left to stream
    close() audio.done, ..., content_part.done, output_item.done, with what was streamed alone

Each step is made when it is asked for, so whoever stops asking has stopped the response.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from app.simulator.events import Event, EventMaker
from app.simulator.item_log import ItemLog
from app.simulator.items import Item
from app.simulator.response import Response


@dataclass(frozen=True, slots=True)
class Step:
    """Events to be sent at once; `play_ms` is the real time that they stand for."""

    events: list[Event]
    play_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where an item is performed. `log` is None for a response outside the conversation."""

    response: Response
    event: EventMaker
    log: ItemLog | None


class Performance(ABC):
    """One item on its way out.

    `exhausted` says that the limit of output tokens ended it before the plan did.
    """

    def __init__(self, stage: Stage, item: Item) -> None:
        self.item = item
        self.exhausted = False
        self._response = stage.response
        self._event = stage.event
        self._log = stage.log
        self._opened = False
        self._deltas = self._stream()

    def step(self) -> Step | None:
        """The next events, or None if nothing is left but `close`."""
        if not self._opened:
            self._opened = True
            return Step(self._open())
        return next(self._deltas, None)

    def close(self, status: str) -> list[Event]:
        """Ends the item as completed or incomplete. Nothing if it never began."""
        self._deltas = iter(())
        if not self._opened:
            return []
        self.item.status = status
        done = self._event(
            "response.output_item.done",
            response_id=self._response.id,
            output_index=0,
            item=self.item.describe(),
        )
        return [*self._close_part(), done]

    def _open(self) -> list[Event]:
        self.item.status = "in_progress"
        self._response.output.append(self.item)
        added = self._event(
            "response.output_item.added",
            response_id=self._response.id,
            output_index=0,
            item=self.item.describe(),
        )
        events = [added]
        if self._log is not None:
            previous = self._log.add(self.item)
            shown = self.item.describe()
            events.append(
                self._event("conversation.item.created", previous_item_id=previous, item=shown)
            )
        return [*events, *self._open_part()]

    def _part_event(self, kind: str, **fields: object) -> Event:
        """An event of the item's only content part."""
        return self._event(
            kind,
            response_id=self._response.id,
            item_id=self.item.id,
            output_index=0,
            content_index=0,
            **fields,
        )

    def _afford(self, text: str, audio_ms: float = 0.0) -> bool:
        if self._response.affords(text, audio_ms):
            self._response.spend(text, audio_ms)
            return True
        self.exhausted = True
        return False

    @abstractmethod
    def _open_part(self) -> list[Event]: ...

    @abstractmethod
    def _stream(self) -> Iterator[Step]: ...

    @abstractmethod
    def _close_part(self) -> list[Event]: ...
