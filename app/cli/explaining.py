"""What becomes of one client event, worked out by the gate of a session that talks to nobody.

The policy's judge gives the verdict, the gate gives the frames: nothing here decides or encodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

import msgspec

from app.cli.believing import Believing
from app.cli.broken_json import where_it_breaks
from app.cli.differences import ADDED, Difference, differences, untold
from app.cli.policy_reasons import LineOf, Reasons, Touched
from app.policy.client_events import judge
from app.policy.hints import relay_field
from app.policy.policy import Policy
from app.policy.rows import ROWS
from app.policy.verdict import Acknowledge, Forward, Hint, Ignore, Refuse, Verdict
from app.policy.view import DEFAULT_TURN_DETECTION
from app.protocol.client_frames import decode_client
from app.protocol.close_reasons import ENDINGS, CloseReason
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, Dialect
from app.protocol.session_object import SESSION, outward
from app.session.commands import Command, ToClient, ToUpstream
from app.session.crossing import Crossing
from app.session.gate import Gate
from app.session.terms import Terms

EARLY = "no response has been made yet: from the first one on, this is refused"


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer. `upstream` and `client` are the very frames, None where there is none. Ids that
    the relay gives begin with `rly_`; in a session they hold other characters.

    `verdict` is allowed, rewritten, answered (by the relay itself), ignored, refused or unreadable;
    unreadable without a frame for the client is what the wire refuses before anything is judged.
    `by` says who decided. `further` holds what differs upstream and is no decision of a rule.
    """

    verdict: str
    profile: str
    event: str
    rule: str
    why: str
    by: str = ""
    upstream: bytes | None = None
    client: bytes | None = None
    touched: tuple[Touched, ...] = ()
    further: tuple[Difference, ...] = ()
    relay: dict[str, Any] = field(default_factory=dict)
    would: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def explain(frame: bytes, terms: Terms, line_of: LineOf = lambda _row: None) -> Explained:
    """What the relay does with `frame` in a session with these terms."""
    policy = terms.policy
    dialect = _spoken(frame, terms)
    gate = ready_gate(terms)
    event = decode_client(frame, dialect)
    if isinstance(event, Malformed):
        return _malformed(frame, event, gate, policy)
    sight = Believing(policy, gate.state)
    crossing = Crossing(terms.upstream_dialect, gate.state, str)
    judged = judge(event, policy, sight)
    if not isinstance(judge(event, policy, Believing(policy, gate.state, late=True)), type(judged)):
        sight.believed.append(EARLY)
    verdict = crossing.sayable(event, judged)
    upstream, client = _frames(gate.on_client(frame, 0.0))
    hint = verdict.hint if isinstance(verdict, Forward | Acknowledge) else None
    reasons = Reasons(policy, dialect, line_of)
    further = _further(event, verdict, hint)
    return Explained(
        _word(verdict, hint, further),
        policy.profile.value,
        str(event.kind),
        verdict.rule,
        reasons.why(verdict, event),
        reasons.by_row(ROWS.get(verdict.row)) if isinstance(verdict, Refuse) else "",
        upstream,
        client,
        tuple(reasons.touched(hint)) if hint else (),
        further,
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
    usual = {"audio": {"input": {"turn_detection": DEFAULT_TURN_DETECTION}}}
    known = outward(usual, SESSION[terms.upstream_dialect])
    session = _merged(known, msgspec.json.decode(update)["session"])
    echo = {"type": "session.updated", "session": session}
    gate.on_upstream(0, msgspec.json.encode(echo), 0.0)
    return gate


def _merged(known: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    merged = known | said
    for key in known.keys() & {"audio", "input"} & said.keys():
        merged[key] = _merged(known[key], said[key])
    return merged


def _spoken(frame: bytes, terms: Terms) -> Dialect:
    """The dialect in which this frame would be read: one `session.update` may show another."""
    gate = ready_gate(terms)
    gate.on_client(frame, 0.0)
    return gate.state.client_dialect


def _malformed(frame: bytes, event: Malformed, gate: Gate, policy: Policy) -> Explained:
    if not _text(frame):
        return _no_text(frame, policy)
    kind = _kind(frame)
    _, answer = _frames(gate.on_client(frame, 0.0))
    told = " ".join(filter(None, (event.message, where_it_breaks(frame))))
    word = "unreadable" if kind is None else "refused"
    return Explained(
        word, policy.profile.value, kind or "no event", "malformed", told, client=answer
    )


def _no_text(frame: bytes, policy: Policy) -> Explained:
    ended = CloseReason.INVALID_TEXT
    why = f"{ENDINGS[ended].text} {where_it_breaks(frame)}"
    return Explained("unreadable", policy.profile.value, "no event", ended.value, why)


def _text(frame: bytes) -> bool:
    """Whether the wire would take it for a text message at all."""
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True


def _kind(frame: bytes) -> str | None:
    """The type of an event that is faulty otherwise; None: it says none."""
    try:
        read = msgspec.json.decode(frame)
    except (ValueError, RecursionError):
        return None
    kind = read.get("type") if isinstance(read, dict) else None
    if not isinstance(kind, str):
        return None
    return kind if kind in set(ClientKind) else "an event of an unknown type"


def _frames(commands: Iterable[Command]) -> tuple[bytes | None, bytes | None]:
    """What goes to upstream, and what to the client: one frame at the most each."""
    upstream = client = None
    for command in commands:
        if isinstance(command, ToUpstream):
            upstream = command.frame
        elif isinstance(command, ToClient):
            client = command.frame
    return upstream, client


def _further(event: ClientEvent, verdict: Verdict, hint: Hint | None) -> tuple[Difference, ...]:
    """What differs between the event and what goes on of it, and stands in no hint."""
    match verdict:
        case Forward(event=built):
            pass
        case Acknowledge():
            built = {"type": event.body["type"], "session": {}}
        case _:
            return ()
    told = [hint.internal(path) for path in hint.rules] if hint else []
    return tuple(
        Difference(event.sent.path(one.path), one.what, one.value)
        for one in untold(differences(event.body, built), told)
    )


def _word(verdict: Verdict, hint: Hint | None, further: tuple[Difference, ...]) -> str:
    match verdict:
        case Forward():
            lost = any(one.what != ADDED for one in further)
            return "rewritten" if lost or (hint and hint.rules) else "allowed"
        case Acknowledge():
            return "answered"
        case Ignore():
            return "ignored"
        case Refuse():
            return "refused"
        case _:
            assert_never(verdict)
