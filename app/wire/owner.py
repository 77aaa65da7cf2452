"""The receiver of a wire, told each thing at most once and nothing after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.lane.cut import Passing
from app.lane.lane import Run

from .wire import Receiver, RunReceiver, WireEnd


class Owner:
    """Guards the calls into the receiver.

    `over` is true once frames and an end are out of the question: the end was told, a method
    raised, or the owner itself ended the wire. `give_up` drops the connection; it is called when
    an error cannot be told to anybody.
    """

    __slots__ = (
        "_give_up",
        "_loop",
        "_runs",
        "_told_closed",
        "_told_full",
        "failed",
        "flowing",
        "over",
        "receiver",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, give_up: Callable[[], None]) -> None:
        self._loop, self._give_up = loop, give_up
        self.receiver: Receiver | None = None
        self._runs: RunReceiver | None = None
        self.flowing = False
        self.over = self.failed = False
        self._told_full = self._told_closed = False

    @property
    def attached(self) -> bool:
        """A receiver was named."""
        return self.receiver is not None or self._told_closed

    def attach(self, receiver: Receiver) -> None:
        """Takes the receiver, once."""
        if self.attached:
            raise RuntimeError("this wire already has an owner: attach() is called once")
        self.receiver = receiver
        self._runs = receiver if isinstance(receiver, RunReceiver) else None

    def flow(self, may: bool) -> bool:
        """Whether frames may be delivered, where nothing but the owner stands against it."""
        self.flowing = may and not self.over and self.receiver is not None
        return self.flowing

    @property
    def passing(self) -> Passing | None:
        """What may come as a run; a receiver that knows no runs gets none."""
        return self._runs.passing if self._runs is not None else None

    def on_frame(self, message: bytes) -> None:
        """One whole message, while `flowing`."""
        assert self.receiver is not None
        self.receiver.on_frame(message)

    def on_run(self, run: Run) -> None:
        """Frames that `passing` covers."""
        assert self._runs is not None
        self._runs.on_run(run)

    def end(self, end: WireEnd) -> None:
        """Tells how the inbound direction ended, unless something has ended it before."""
        if not self.over:
            self.over = True
            if self.receiver is not None:
                self.receiver.on_end(end)

    def pressure(self, full: bool) -> None:
        """Tells a change of the write buffer's state; changes in quick succession cancel out."""
        if full is self._told_full or self.over or self.receiver is None:
            return
        self._told_full = full
        self.receiver.on_pressure(full)

    def closed(self) -> None:
        """The last call."""
        if self.receiver is not None and not self._told_closed:
            self._told_closed = True
            self.receiver.on_closed()
            self.receiver = None

    def error(self, error: Exception) -> None:
        """Tells that a call raised. A second error, or one in the telling, goes to the loop's
        exception handler, where no session is left to end."""
        if self.failed or self.receiver is None:
            self._complain(error)
            return
        self.failed = self.over = True
        try:
            self.receiver.on_error(error)
        except Exception as second:
            self._complain(second)

    def _complain(self, error: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": "the owner of a WebSocket failed again", "exception": error}
        )
        self._give_up()
