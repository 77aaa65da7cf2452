"""What becomes of one client event, worked out by the gate of a session that talks to nobody.

The policy's judge gives the verdict, the gate gives the frames: nothing here decides or encodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, assert_never

import msgspec

from app.cli.policy_document import OTHER_RULES
from app.policy.advice import advise, row_of
from app.policy.client_events import judge
from app.policy.hints import relay_field
from app.policy.policy import Policy
from app.policy.rows import ROWS
from app.policy.sight import SeenItem
from app.policy.tables import MCP_TOOL, UNKNOWN_EVENT, UNKNOWN_ITEM
from app.policy.verdict import Acknowledge, Forward, Hint, Ignore, Refuse, Verdict
from app.policy.view import DEFAULT_TURN_DETECTION
from app.protocol.client_frames import decode_client
from app.protocol.events import Malformed
from app.protocol.names import Dialect
from app.session.commands import Command, ToClient, ToUpstream
from app.session.gate import Gate
from app.session.state import Item, Response, SessionState
from app.session.terms import Terms

_WHYS = {row.rule: row.why for row in (*ROWS.values(), MCP_TOOL, UNKNOWN_EVENT, UNKNOWN_ITEM)}


@dataclass(frozen=True, slots=True)
class Touched:
    """One setting that the policy dropped (`value` None) or changed."""

    path: str
    value: Any
    why: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer. `upstream` and `client` are the very frames, None where there is none. Ids that
    the relay gives begin with `rly_`; in a session they hold other characters.

    `verdict` is allowed, rewritten, answered (by the relay itself), ignored, refused or unreadable.
    """

    verdict: str
    profile: str
    event: str
    rule: str
    why: str
    upstream: bytes | None = None
    client: bytes | None = None
    touched: tuple[Touched, ...] = ()
    relay: dict[str, Any] = field(default_factory=dict)
    would: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class Believing:
    """A session (`policy.sight`) in which everything that the event names is there to be seen: the
    answer is about the policy, and not about one conversation."""

    def __init__(self, policy: Policy, state: SessionState) -> None:
        self._policy = policy
        self._state = state
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
        return "pcm16"

    def text_left(self) -> int:
        return self._policy.session_characters

    def response_happened(self) -> bool:
        return False

    def root_predecessor(self) -> str | None:
        return None


def explain(frame: bytes, terms: Terms) -> Explained:
    """What the relay does with `frame` in a session with these terms."""
    policy, profile = terms.policy, terms.policy.profile.value
    event = decode_client(frame, terms.client_dialect)
    gate = ready_gate(terms)
    if isinstance(event, Malformed):
        word = "unreadable" if event.code == "invalid_json" else "refused"
        _, answer = _frames(gate.on_client(frame, 0.0))
        return Explained(word, profile, "?", "malformed", _why("malformed"), client=answer)
    sight = Believing(policy, gate.state)
    verdict = judge(event, policy, sight)
    upstream, client = _frames(gate.on_client(frame, 0.0))
    hint = verdict.hint if isinstance(verdict, Forward | Acknowledge) else None
    return Explained(
        _word(verdict),
        profile,
        str(event.kind),
        verdict.rule,
        _why(verdict.rule),
        upstream,
        client,
        tuple(_touched(hint, policy, terms.client_dialect)) if hint else (),
        relay_field(policy, hint, event.event_id) if hint else {},
        tuple(f"{one.row}: would {one.act} ({one.rule})" for one in verdict.would),
        tuple(dict.fromkeys(sight.believed)),
    )


def ready_gate(terms: Terms) -> Gate:
    """A gate to which an upstream without faults has confirmed our configuration."""
    gate = Gate(terms, 0.0)
    gate.on_client_attached(0.0)
    gate.on_upstream_ready(0)
    created: dict[str, Any] = {"type": "session.created", "session": {}}
    update, _ = _frames(gate.on_upstream(0, msgspec.json.encode(created), 0.0))
    assert update is not None, "the gate configures upstream before anything else"
    session = {"turn_detection": DEFAULT_TURN_DETECTION} | msgspec.json.decode(update)["session"]
    echo = {"type": "session.updated", "session": session}
    gate.on_upstream(0, msgspec.json.encode(echo), 0.0)
    return gate


def _frames(commands: Iterable[Command]) -> tuple[bytes | None, bytes | None]:
    """What goes to upstream, and what to the client: one frame at the most each."""
    upstream = client = None
    for command in commands:
        if isinstance(command, ToUpstream):
            upstream = command.frame
        elif isinstance(command, ToClient):
            client = command.frame
    return upstream, client


def _word(verdict: Verdict) -> str:
    match verdict:
        case Forward(hint=hint):
            return "allowed" if hint is None else "rewritten"
        case Acknowledge():
            return "answered"
        case Ignore():
            return "ignored"
        case Refuse():
            return "refused"
        case _:
            assert_never(verdict)


def _why(rule: str) -> str:
    return _WHYS.get(rule) or OTHER_RULES.get(rule, "")


def _touched(hint: Hint, policy: Policy, dialect: Dialect) -> Iterator[Touched]:
    for path in hint.ignored:
        _, row = row_of(path)
        (advice,) = advise([path], policy, dialect)
        yield Touched(path, None, row.why if row else _why("unknown-field"), advice.fix)
    for path, value in hint.changed.items():
        _, row = row_of(path)
        yield Touched(path, value, row.why if row else "")
