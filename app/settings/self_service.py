"""Claims that users can often write themselves: no ground for a profile, and a way into the prompt.

A name is looked at without its namespace and whatever its case: `https://example.com/Email`,
`cognito:username`, `preferredUsername`. No list can know what a provider lets its users change.
"""

from __future__ import annotations

import re

SELF_SERVICE = frozenset(
    {
        "address",
        "birthdate",
        "email",
        "email_verified",
        "family_name",
        "gender",
        "given_name",
        "locale",
        "middle_name",
        "name",
        "nickname",
        "phone_number",
        "phone_number_verified",
        "picture",
        "preferred_username",
        "profile",
        "unique_name",
        "updated_at",
        "upn",
        "website",
        "zoneinfo",
        *("display_name", "first_name", "full_name", "last_name", "login", "surname"),
    }
)
"""Those of OpenID Connect Core 1.0, section 5.1, but for `sub`; the two of Entra that are as
changeable; and what providers and their customers call such claims besides."""

WORDS = ("avatar", "email", "mail", "nickname", "phone", "picture", "username")
"""Words that make a claim one of these wherever they stand in its name: `work_email`, `userName`.
`name` alone is none of them: `role_name` is not what a user is called."""

_NAMESPACE = re.compile(r"[/:#.|]")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FOLDED = frozenset(name.replace("_", "") for name in SELF_SERVICE)


def users_write(claim: str) -> bool:
    """Whether a claim of this name is often the user's own to change."""
    last = next((part for part in reversed(_NAMESPACE.split(claim)) if part), "")
    words = re.split(r"[\W_]+", _HUMP.sub("_", last).casefold())
    joined = "".join(words)
    return joined in _FOLDED or any(
        word in words or joined.startswith(word) or joined.endswith(word) for word in WORDS
    )
