"""What a client's JSON may be made of, beyond being JSON. PURE.

msgspec refuses NaN, infinities, a byte order mark and lone surrogates by itself; here stand the
rules that it does not have.
"""

from __future__ import annotations

import re
from typing import Any

from app.protocol.names import RELAY_ID_PREFIX

MAX_INTEGER = 2**53
MAX_DEPTH = 32
MAX_KEYS = 512  # of one object, and of one tool with all that is nested in it
MAX_VALUES = 16_384  # of one event: what a walk over it may cost

_EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")


def event_id_fault(event_id: object) -> str | None:
    """What is wrong with a client's `event_id`; None: nothing (null is legal)."""
    if event_id is None:
        return None
    if not isinstance(event_id, str) or not _EVENT_ID.match(event_id):
        return "Invalid 'event_id': use 1 to 64 characters of A-Z a-z 0-9 _ . - or leave it out."
    if event_id.startswith(RELAY_ID_PREFIX):
        return f"Invalid 'event_id': ids that begin with '{RELAY_ID_PREFIX}' belong to the relay."
    return None


def tree_fault(value: Any) -> str | None:
    """What is wrong with a decoded event as a whole; None: nothing.

    Walks without recursion, so that depth costs no stack; stops at the first fault.
    """
    seen = 0
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                if len(entry) > MAX_KEYS:
                    return f"An object in the event has more than {MAX_KEYS} keys."
                below.extend(entry.values())
            elif isinstance(entry, list):
                below.extend(entry)
            elif type(entry) is int and not -MAX_INTEGER <= entry <= MAX_INTEGER:
                return "Integers beyond 2^53 are not accepted: send them as strings."
        seen += len(below)
        if seen > MAX_VALUES:
            return f"The event holds more than {MAX_VALUES} values."
        if not below:
            return None
        level = below
    return f"The event is nested deeper than {MAX_DEPTH} levels."


def free_json_fault(value: Any) -> str | None:
    """What is wrong with a piece of free JSON: at most `MAX_KEYS` keys, however nested, and no two
    of one object that differ in case alone, because some readers fold it."""
    keys = 0
    level: list[Any] = [value]
    while level:
        below: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                keys += len(entry)
                if len({key.casefold() for key in entry}) < len(entry):
                    return "Two of its keys differ in nothing but capital letters."
                below.extend(entry.values())
            elif isinstance(entry, list):
                below.extend(entry)
        level = below
    return f"It holds more than {MAX_KEYS} keys." if keys > MAX_KEYS else None
