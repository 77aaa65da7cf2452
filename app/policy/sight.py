"""What the policy asks of a session: what this client may see, and what it has left. PURE.

The session room answers; the policy never keeps state. Visible is what an event was forwarded
for, never what a client named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SeenItem:
    """A visible item: whether it is a message, and whether it is what the model said aloud."""

    message: bool = True
    assistant_audio: bool = False


class Sight(Protocol):
    """What `client_events.judge` asks."""

    def item(self, item_id: str) -> SeenItem | None:
        """The item, if it is visible to this client; else None, whether it exists or not."""

    def response_visible(self, response_id: str) -> bool:
        """Whether this client was shown the response."""

    def call_open(self, call_id: str) -> bool:
        """Whether this is a client tool's call that was shown and has no output yet."""

    def input_format(self) -> str:
        """The input audio format in force: `pcm16`, `g711_ulaw` or `g711_alaw`."""

    def text_left(self) -> int:
        """How many characters of text this client may still send in this session."""

    def response_happened(self) -> bool:
        """Whether any response has begun in this conversation."""

    def root_predecessor(self) -> str | None:
        """The relay's own last leading hidden item, behind which a client's "root" lies; None:
        there is none, and "root" goes on as it is."""


class ServerSight(Protocol):
    """What `server_events` asks. The session registers a new item or response as visible (see
    `server_objects.may_show`) before it asks for a verdict on the event that announces it."""

    def response_visible(self, response_id: str) -> bool:
        """Whether this client was, or by this event is, shown the response."""

    def item_visible(self, item_id: str) -> bool:
        """Whether this client was, or by this event is, shown the item."""

    def visible_predecessor(self, item_id: str) -> str | None:
        """The nearest visible item before the hidden item `item_id`; None: none is known."""

    def tool_is_hidden(self, name: str) -> bool:
        """Whether calls of this tool are none of the client's business."""

    def call_shown(self, call_id: str) -> bool:
        """Whether this client was shown the call."""

    def client_wrote(self, item_id: str) -> bool:
        """Whether the item was created by this client (a system item is shown only then)."""
