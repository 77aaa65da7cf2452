"""Which profile a user gets: one for everybody, or by a claim that only the issuer sets. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from app.policy.policy import Profile

NARROWEST_FIRST = (Profile.LOCKED, Profile.GUIDED, Profile.OPEN)


def narrowest(profiles: Iterable[Profile]) -> Profile:
    """The one that allows least. There must be one."""
    return min(profiles, key=NARROWEST_FIRST.index)


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """`usual` for everybody; or, where `claim` is given, what `by_value` says of its value.

    Whoever has no value that is listed never gets more than guided, whatever is listed.
    """

    usual: Profile = Profile.GUIDED
    claim: str | None = None
    by_value: Mapping[str, Profile] = field(default_factory=dict)

    def named(self) -> tuple[Profile, ...]:
        """The profiles that somebody may get, the narrowest first."""
        if self.claim is None:
            return (self.usual,)
        known = {*self.by_value.values(), self.everybody_else()}
        return tuple(one for one in NARROWEST_FIRST if one in known)

    def everybody_else(self) -> Profile:
        """The profile of whoever has no value that is listed: the narrowest of those that are
        listed and guided."""
        if self.claim is None:
            return self.usual
        return narrowest((Profile.GUIDED, *self.by_value.values()))

    def choose(self, value_of: Callable[[str], str | None]) -> Profile:
        """The profile of one user. `value_of(claim)` is None where the claim is absent or has
        several values; that, and a value without an entry, makes it one of everybody else."""
        fallback = self.everybody_else()
        if self.claim is None:
            return fallback
        value = value_of(self.claim)
        return fallback if value is None else self.by_value.get(value, fallback)
