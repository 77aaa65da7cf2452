"""A conversation in GA as a test writes it."""

from __future__ import annotations

from typing import Any

from app.simulator.dialects import GA
from app.simulator.outputs import Output
from tests.unit.simulator.sdk_shapes import validated
from tests.unit.simulator.talk import Event, Talk


class GaTalk(Talk):
    """The same in GA. Every event is one that the official client library knows, whole."""

    def __init__(self, *, conversation_created: bool = False) -> None:
        super().__init__(spelling=GA, conversation_created=conversation_created)

    def update(self, **session: Any) -> list[Event]:
        return super().update(type="realtime", **session)

    def hears(self, **detection: Any) -> list[Event]:
        """Another turn detection: server_vad unless it says otherwise."""
        return self.update(audio={"input": {"turn_detection": {"type": "server_vad", **detection}}})

    def _sent(self, outputs: list[Output]) -> list[Event]:
        events = super()._sent(outputs)
        for event in events:
            validated(event, GA.dialect)
        return events
