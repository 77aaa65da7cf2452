"""A client's `session.update`: the allowed settings as a new event, the rest told. PURE.

Only keys that the client sent go on, never a merged session: a repeated voice would trip the
voice lock.
"""

from __future__ import annotations

from app.policy.fields import rebuild
from app.policy.findings import Findings, missing, wrong_type
from app.policy.tables import EVENTS, SESSION_FIELDS
from app.policy.verdict import Acknowledge, Forward, Refuse, Verdict
from app.protocol.events import ClientEvent


def judge_session_update(event: ClientEvent, findings: Findings) -> Verdict:
    """Forward what is allowed; acknowledge locally where nothing is left. What was dropped stands
    in `findings`."""
    rule = EVENTS[event.kind].rule
    session = event.body.get("session")
    if session is None:
        return findings.refusal(missing("session"))
    if not isinstance(session, dict):
        return findings.refusal(wrong_type("session", "an object"))
    built = rebuild("session", session, SESSION_FIELDS, findings)
    if isinstance(built, Refuse):
        return built
    if not built:
        return Acknowledge(rule)
    update = {"type": event.body["type"], "session": {"type": "realtime", **built}}
    return Forward(rule, update)
