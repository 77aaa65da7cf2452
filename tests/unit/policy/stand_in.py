"""A session that answers the policy's questions from plain sets, and short ways to ask."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from app.policy.client_events import judge
from app.policy.policy import ClientTool, Policy, Profile
from app.policy.sight import SeenItem
from app.policy.verdict import Acknowledge, Forward, Refuse, Verdict
from app.protocol.client_frames import decode_client, encode_client
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect

LOCKED, GUIDED, OPEN = Profile.LOCKED, Profile.GUIDED, Profile.OPEN
PROFILES = (LOCKED, GUIDED, OPEN)


def tool(name: str) -> ClientTool:
    definition = {
        "type": "function",
        "name": name,
        "description": f"does {name}",
        "parameters": {"type": "object"},
    }
    return ClientTool(name, definition)


LAMP, DOOR, SECRET = tool("lamp"), tool("door"), tool("secret")


@dataclass
class Session:
    """What one client may see. The defaults hold one item of each sort."""

    items: dict[str, SeenItem] = field(
        default_factory=lambda: {
            "item_user": SeenItem(),
            "item_said": SeenItem(assistant_audio=True),
            "item_call": SeenItem(message=False),
        }
    )
    responses: set[str] = field(default_factory=lambda: {"resp_1"})
    calls: set[str] = field(default_factory=lambda: {"call_1"})
    audio_format: str = "pcm16"
    text: int = 64_000
    happened: bool = False
    root: str | None = None
    hidden_tools: set[str] = field(default_factory=lambda: {"secret"})
    wrote: set[str] = field(default_factory=set)
    predecessors: dict[str, str] = field(default_factory=dict)

    def item(self, item_id: str) -> SeenItem | None:
        return self.items.get(item_id)

    def response_visible(self, response_id: str) -> bool:
        return response_id in self.responses

    def call_open(self, call_id: str) -> bool:
        return call_id in self.calls

    def input_format(self) -> str:
        return self.audio_format

    def text_left(self) -> int:
        return self.text

    def response_happened(self) -> bool:
        return self.happened

    def root_predecessor(self) -> str | None:
        return self.root

    def item_visible(self, item_id: str) -> bool:
        return item_id in self.items

    def visible_predecessor(self, item_id: str) -> str | None:
        return self.predecessors.get(item_id)

    def tool_is_hidden(self, name: str) -> bool:
        return name in self.hidden_tools

    def call_shown(self, call_id: str) -> bool:
        return call_id in self.calls

    def client_wrote(self, item_id: str) -> bool:
        return item_id in self.wrote


def read(event: dict[str, Any], dialect: Dialect = Dialect.PREVIEW) -> ClientEvent:
    decoded = decode_client(json.dumps(event).encode(), dialect)
    assert isinstance(decoded, ClientEvent), decoded
    return decoded


def ask(
    event: dict[str, Any],
    policy: Policy | Profile = GUIDED,
    session: Session | None = None,
    dialect: Dialect = Dialect.PREVIEW,
) -> Verdict:
    rules = policy if isinstance(policy, Policy) else Policy(profile=policy)
    return judge(read(event, dialect), rules, session or Session())


def forwarded(
    event: dict[str, Any],
    policy: Policy | Profile = GUIDED,
    session: Session | None = None,
    dialect: Dialect = Dialect.PREVIEW,
) -> Forward:
    verdict = ask(event, policy, session, dialect)
    assert isinstance(verdict, Forward), verdict
    return verdict


def refused(
    event: dict[str, Any], policy: Policy | Profile = GUIDED, session: Session | None = None
) -> Refuse:
    verdict = ask(event, policy, session)
    assert isinstance(verdict, Refuse), verdict
    return verdict


def acknowledged(event: dict[str, Any], policy: Policy | Profile = GUIDED) -> Acknowledge:
    verdict = ask(event, policy)
    assert isinstance(verdict, Acknowledge), verdict
    return verdict


def frame(verdict: Forward, dialect: Dialect = Dialect.PREVIEW) -> dict[str, Any]:
    """What upstream gets, read back."""
    sent: dict[str, Any] = json.loads(encode_client(verdict.event, dialect, None))
    return sent


def session_update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


def response_create(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


def item_create(item: Any, **further: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item, **further}


def message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts)}


def user(text: str = "hi") -> dict[str, Any]:
    return message("user", {"type": "input_text", "text": text})
