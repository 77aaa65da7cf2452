"""A session in which everything that an event names is there to be seen: what `policy explain` asks
about is the policy, and not one conversation."""

from __future__ import annotations

from app.policy.policy import Policy
from app.policy.sight import SeenItem
from app.session.state import Item, Response, SessionState


class Believing:
    """A `policy.sight.Sight`. `believed` says what it took for granted. `late`: a response has been
    made already."""

    def __init__(self, policy: Policy, state: SessionState, *, late: bool = False) -> None:
        self._policy = policy
        self._state = state
        self._late = late
        self.believed: list[str] = []

    def item(self, item_id: str) -> SeenItem | None:
        self.believed.append(f"{item_id} is an item that this client can see")
        self._state.items[item_id] = Item(visible=True, role="assistant", audio=True)
        return SeenItem(message=True, assistant_audio=True)

    def response_visible(self, response_id: str) -> bool:
        self.believed.append(f"{response_id} is a response that this client can see")
        self._state.responses[response_id] = Response(visible=True)
        return True

    def call_open(self, call_id: str) -> bool:
        self.believed.append(f"{call_id} is an open call of a client tool")
        self._state.calls[call_id] = False
        return True

    def input_format(self) -> str:
        self.believed.append("audio is pcm16, with which sessions begin")
        return "pcm16"

    def text_left(self) -> int:
        return self._policy.session_characters

    def response_happened(self) -> bool:
        return self._late

    def root_predecessor(self) -> str | None:
        self.believed.append("the conversation is empty, so that `root` stays what it is")
        return None
