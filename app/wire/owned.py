"""What the owner of a wire calls: the other half of `Flow`, and the whole of `Wire`."""

from __future__ import annotations

from .flow import Flow, Phase
from .wire import Receiver


class OwnedWire(Flow):
    """One WebSocket. Implements `Wire`; see there for what its owner may rely on."""

    @property
    def received(self) -> tuple[int, str] | None:
        """Code and text of the peer's close frame (1005: it had none), also in answer to ours."""
        close = self._inbox.close_frame
        return None if close is None else (close.code, close.text)

    @property
    def bytes_in(self) -> int:
        """Payload bytes of messages received."""
        return self._inbox.bytes_in

    @property
    def bytes_out(self) -> int:
        """Payload bytes of messages sent."""
        return self._outbox.bytes_out

    def attach(self, receiver: Receiver) -> None:
        """Names the owner, once. What happened before is reported from the loop."""
        self._owner.attach(receiver)
        self._refresh()
        self._catch_up_soon()

    def start(self) -> None:
        """Delivers held frames in order, then live ones, from the loop's next turn on."""
        self._started = True
        self._refresh()
        self._catch_up_soon()

    def send(self, frame: bytes) -> None:
        """Sends one text message (valid UTF-8: the caller's duty). Does nothing once closing."""
        if self._phase is Phase.OPEN:
            self._outbox.text(frame)

    def forward(self, frames: bytes | memoryview, payload: int) -> None:
        """Sends whole frames as they stand, `payload` bytes of messages in all (the caller's duty:
        text frames of this side's masking). Does nothing once closing."""
        if self._phase is Phase.OPEN:
            self._outbox.raw(frames, payload)

    def close(self, code: int, text: str) -> None:
        """Says farewell behind what was sent, then discards until the peer's close frame, its end
        of file or the deadline. Frames not yet delivered are dropped."""
        if self._phase is not Phase.OPEN:
            return
        self._outbox.close(code, text)
        self._finish(deaf=False)
        self._arm_deadline()
        self._settle()
        if self._inbox.end is not None or self._inbox.deaf:
            self._farewell()
        elif self._inbox.uncut:
            self._catch_up_soon()

    def abort(self) -> None:
        """Drops the connection now."""
        self._drop()

    def pause(self) -> None:
        """Delivers no frame until `resume()`, and stops reading."""
        self._paused = True
        self._refresh()
        if not self._running:
            self._settle()

    def resume(self) -> None:
        """Undoes `pause()`. Frames that wait inside come first, from the loop's next turn on."""
        self._paused = False
        self._refresh()
        if self._running:
            return
        if self._inbox.frames or self._inbox.uncut:
            self._catch_up_soon()
        else:
            self._settle()
