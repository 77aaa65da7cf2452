"""The sentences of refusals: what, which profile, which rule, why, and what to do. PURE.

They name fields and items, never what stood in them.
"""

from __future__ import annotations

import re

from app.policy.policy import Act, Policy
from app.policy.tables import Row
from app.policy.verdict import Refuse

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")  # what may be repeated to the client

POLICY_VIOLATION = "policy_violation"


BY_THE_FILE = "the operator's policy file closes it"


def because(row: Row, policy: Policy) -> str:
    """Why this policy does not let the row through: as its profile says, or as the file does."""
    by_file = row.name in policy.rows and row.act(policy.profile) is Act.ALLOW
    return BY_THE_FILE if by_file else row.shut or BY_THE_FILE


def refused(
    row: Row, policy: Policy, what: str, param: str | None = None, why: str | None = None
) -> Refuse:
    """The refusal of an act. `what` and `param` are in the client's spelling; `why` is given where
    something other than the row decides."""
    if row.opens():
        advice = "Leave it out, or ask the operator of this service to allow it."
    else:
        advice = "Leave it out: no profile allows it."
    message = (
        f"{what} is not allowed in profile '{policy.profile}', rule '{row.rule}': "
        f"{why or because(row, policy)}. {advice}"
    )
    return Refuse(row.rule, POLICY_VIOLATION, message, param, row=row.name)


def no_such_item(code: str, doing: str, item_id: str, param: str, noun: str = "item") -> Refuse:
    """The API's own answer for an item that does not exist, here also for one that is hidden."""
    named = f"id '{item_id}'" if _ID.match(item_id) else "this id"
    message = f"Error {doing} item: the {noun} with {named} does not exist."
    return Refuse("unknown-id", code, message, param, violation=False)
