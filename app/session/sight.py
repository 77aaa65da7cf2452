"""What a client may see, answered from the state: visible is what we forwarded an event for."""

from __future__ import annotations

from typing import Any

from app.policy.policy import Policy
from app.policy.sight import SeenItem
from app.session.state import SessionState

_PREVIEW_FORMATS = {
    "audio/pcm": "pcm16",
    "audio/pcmu": "g711_ulaw",
    "audio/pcma": "g711_alaw",
}


def input_format(session: dict[str, Any]) -> str | None:
    """The type of `audio.input.format` in a session object (internal spelling)."""
    value: Any = session
    for key in ("audio", "input", "format", "type"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


class SessionSight:
    """Answers the policy's questions in both directions (`policy.sight`)."""

    def __init__(self, state: SessionState, policy: Policy) -> None:
        self._state = state
        self._policy = policy
        self._client_tools = frozenset(tool.name for tool in policy.client_tools)
        self._echo: dict[str, Any] | None = None  # the session object that the next two are of
        self._format = "pcm16"
        self._answers = False

    # -- for the client's events ---------------------------------------------------------------

    def item(self, item_id: str) -> SeenItem | None:
        item = self._state.items.get(item_id)
        if item is None or not item.visible:
            return None
        return SeenItem(
            message=item.kind == "message",
            assistant_audio=item.role == "assistant" and item.audio,
        )

    def call_open(self, call_id: str) -> bool:
        return self._state.calls.get(call_id) is False

    def input_format(self) -> str:
        """The one in force, or one that is on its way: of several, that in which audio lasts
        longest, so that a change can never make audio cheaper than it is."""
        self._read_echo()
        outstanding = self._state.outstanding
        if self._format != "pcm16" or not outstanding.waiting:
            return self._format
        asked = (_PREVIEW_FORMATS.get(form or "", "pcm16") for form in outstanding.input_formats())
        return next((form for form in asked if form != "pcm16"), "pcm16")

    def answers_by_itself(self) -> bool:
        """Whether upstream's voice activity may begin a response without being asked."""
        self._read_echo()
        return self._answers

    def _read_echo(self) -> None:
        """What each append asks is read once from each session object: none is ever changed."""
        echo = self._state.session
        if echo is self._echo:
            return
        self._echo = echo
        self._format = _PREVIEW_FORMATS.get(input_format(echo) or "", "pcm16")
        value: Any = echo
        for key in ("audio", "input", "turn_detection"):
            value = value.get(key) if isinstance(value, dict) else None
        self._answers = isinstance(value, dict) and value.get("create_response") is not False

    def text_left(self) -> int:
        return max(0, self._policy.session_characters - self._state.text_characters)

    def response_happened(self) -> bool:
        return bool(self._state.responses)

    def root_predecessor(self) -> str | None:
        """The last hidden item of the conversation's unbroken hidden beginning."""
        followers = {
            item.previous: item_id for item_id, item in self._state.items.items() if item.placed
        }
        last = None
        current = followers.get(None)
        while current is not None and not self._state.items[current].visible:
            last = current
            current = followers.get(current)
        return last

    # -- for upstream's events -----------------------------------------------------------------

    def response_visible(self, response_id: str) -> bool:
        response = self._state.responses.get(response_id)
        return response is not None and response.visible

    def item_visible(self, item_id: str) -> bool:
        item = self._state.items.get(item_id)
        return item is not None and item.visible

    def visible_predecessor(self, item_id: str) -> str | None:
        seen: set[str] = set()
        current: str | None = item_id
        while current is not None and current not in seen:
            seen.add(current)
            item = self._state.items.get(current)
            if item is None:
                return None
            if item.visible:
                return current
            current = item.previous
        return None

    def tool_is_hidden(self, name: str) -> bool:
        return name not in self._client_tools and name not in self._state.own_tools

    def call_shown(self, call_id: str) -> bool:
        return call_id in self._state.calls

    def client_wrote(self, item_id: str) -> bool:
        item = self._state.items.get(item_id)
        return item is not None and item.client_wrote
