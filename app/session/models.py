"""Which deployment answers for the model that a client names. PURE.

SDKs have names of models built in, so a name that the operator knows nothing of is no mistake: the
usual deployment answers. A name that the operator keeps for some profiles is an answer to others,
too: no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.policy.policy import Profile

USUAL = ""
"""Stands for the deployment that the operator set up first (AZURE_OPENAI_DEPLOYMENT)."""


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """A name that clients may ask for. `profiles` are those that may; empty: all of them."""

    name: str
    deployment: str
    profiles: frozenset[Profile] = frozenset()

    def __str__(self) -> str:
        """As it is written in RELAY_MODEL_ALIASES."""
        allowed = "+".join(profile.value for profile in Profile if profile in self.profiles)
        return f"{self.name}={self.deployment}{f':{allowed}' if allowed else ''}"


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The model is kept for other profiles."""

    name: str


class Models:
    """The aliases of one relay."""

    def __init__(self, aliases: Iterable[ModelAlias] = ()) -> None:
        self._aliases = {alias.name: alias for alias in aliases}

    def deployment(self, asked: str | None, profile: Profile) -> str | NotAllowed:
        """What to dial for a client of this profile that asked for this model (None: for none)."""
        alias = self._aliases.get(asked or "")
        if alias is None:
            return USUAL
        if alias.profiles and profile not in alias.profiles:
            return NotAllowed(alias.name)
        return alias.deployment
