"""The `relay` field: what the policy did to a setting, told on an event that goes anyway. PURE.

Client libraries ignore a field that they do not know; an event that they do not know breaks some.
"""

from __future__ import annotations

from typing import Any

from app.policy.policy import Policy
from app.policy.verdict import Hint

DOCUMENT = "docs/policy.md"


def relay_field(
    policy: Policy, hint: Hint | None = None, event_id: str | None = None
) -> dict[str, Any]:
    """The value of the top-level field `relay`. Empty where hints are off: then leave it out.

    `event_id` is that of the client's event which the hint is about. `rules` has the rule of each
    field that was touched, `why` a link to the first of them.
    """
    if not policy.hints:
        return {}
    told: dict[str, Any] = {"profile": policy.profile.value}
    if hint is None:
        return told
    told["ignored"] = list(hint.ignored)
    told["changed"] = dict(hint.changed)
    if hint.rules:
        told["rules"] = dict(hint.rules)
    if hint.would:
        told["would"] = dict(hint.would)
    if hint.why:
        told["why"] = f"{DOCUMENT}#{hint.why}"
    if event_id is not None:
        told["event_id"] = event_id
    return told
