"""Placeholders in the operator's instructions: `{{user.CLAIM}}`, replaced in one pass. PURE.

A claim is text that somebody else wrote into the prompt. So names are exact and listed by the
operator, and a value goes in as a JSON string of at most 64 characters, without signs that nobody
sees; what a value holds is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from app.policy.invisible import invisible

MOST_CHARACTERS = 64
PREFIX = "user."

_BRACES = re.compile(r"\{\{([^{}]*)\}\}")
_BEGUN = re.compile(r"\{\{\s*user\.[^\s{}]{0,64}")


def placeholders(text: str) -> tuple[str, ...]:
    """What stands in double braces, each once, in order: `user.name`, and what is none of ours."""
    return tuple(dict.fromkeys(_BRACES.findall(text)))


def unclosed(text: str) -> tuple[str, ...]:
    """Placeholders of ours that begin and never end: `{{user.name}`."""
    return tuple(dict.fromkeys(_BEGUN.findall(_BRACES.sub("", text))))


def claim_in(placeholder: str) -> str | None:
    """The claim that a placeholder asks for; None: it is no placeholder of ours."""
    claim = placeholder.removeprefix(PREFIX)
    return claim if claim and claim != placeholder and claim == claim.strip() else None


def fill(text: str, value_of: Callable[[str], str | None]) -> str:
    """`text` with each claim's value in its place. A claim that this user does not have becomes
    the empty string `""`. Anything else in braces stays as it is."""

    def value(found: re.Match[str]) -> str:
        claim = claim_in(found[1])
        return found[0] if claim is None else _quoted(value_of(claim) or "")

    return _BRACES.sub(value, text)


def _quoted(value: str) -> str:
    kept = "".join(sign for sign in value if not invisible(sign))
    return msgspec.json.encode(kept[:MOST_CHARACTERS]).decode()
