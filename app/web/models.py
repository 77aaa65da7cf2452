"""Whether a user may ask for a model, and what answers for it."""

from __future__ import annotations

from collections.abc import Callable

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.policy.policy import Profile
from app.protocol.close_reasons import CloseReason
from app.session.models import USUAL, Models, NotAllowed

Chooser = Callable[[Principal, str | None], str | Denied]
"""The deployment for a user that asked for a model (None: for none)."""


def usual_model(principal: Principal, asked: str | None) -> str | Denied:  # noqa: ARG001
    """A `Chooser` for where there are no aliases: one deployment answers for every name."""
    return USUAL


def model_chooser(models: Models, profile_of: Callable[[Principal], Profile]) -> Chooser:
    """A `Chooser` by the profile of the user."""

    def choose(principal: Principal, asked: str | None) -> str | Denied:
        profile = profile_of(principal)
        found = models.deployment(asked, profile)
        if isinstance(found, NotAllowed):
            return Denied(
                "model.profile",
                f"The model '{found.name}' is not for users of the profile '{profile.value}' "
                "(RELAY_MODEL_ALIASES). Ask for another one, or for none.",
                CloseReason.FORBIDDEN,
            )
        return found

    return choose
