"""The streaming of a response's one output item, step by step, and its end at any moment.

    step()  output_item.added, the item's announcement, content_part.added
    step()  deltas                         ... as often as there are chunks
    step()  None: nothing is left to stream
    close() audio.done, ..., content_part.done, output_item.done, with what was streamed alone

Each step is made when it is asked for, so whoever stops asking has stopped the response.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from app.simulator.dialects import Spelling
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
    spelling: Spelling
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
        self._spelling = stage.spelling
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
        return [*self._close_part(), *self._conclusion(), self._item_event("done")]

    def _open(self) -> list[Event]:
        self.item.status = "in_progress"
        self._response.output.append(self.item)
        events = [self._item_event("added")]
        if self._log is not None:
            previous = self._log.add(self.item)
            events += self._in_conversation(self._spelling.opened, previous)
        return [*events, *self._open_part()]

    def _conclusion(self) -> list[Event]:
        """The conversation's own word on the finished item; none if it was deleted meanwhile."""
        if self._log is None or self._log.find(self.item.id) is None:
            return []
        return self._in_conversation(self._spelling.concluded, self._log.before(self.item))

    def _in_conversation(self, kinds: tuple[str, ...], previous: str | None) -> list[Event]:
        shown = self._spelling.item(self.item)
        return [self._event(kind, previous_item_id=previous, item=shown) for kind in kinds]

    def _item_event(self, ending: str) -> Event:
        return self._event(
            f"response.output_item.{ending}",
            response_id=self._response.id,
            output_index=0,
            item=self._spelling.item(self.item),
        )

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
