"""Which deployment answers for the model that a client names."""

from __future__ import annotations

import pytest

from app.policy.policy import Profile
from app.session.models import USUAL, ModelAlias, Models, NotAllowed
from tests.unit.session.playbook import Playbook

MODELS = Models(
    [
        ModelAlias("fast", "prod-mini"),
        ModelAlias("best", "prod-large", frozenset({Profile.OPEN, Profile.GUIDED})),
    ]
)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("asked", [None, "", "gpt-4o-realtime-preview", "prod-mini", "Fast"])
def test_a_name_that_nobody_has_set_up_is_answered_by_the_usual_deployment(
    asked: str | None, profile: Profile
) -> None:
    assert MODELS.deployment(asked, profile) == USUAL
    assert Models().deployment(asked, profile) == USUAL


@pytest.mark.parametrize("profile", Profile)
def test_an_alias_without_profiles_is_for_all(profile: Profile) -> None:
    assert MODELS.deployment("fast", profile) == "prod-mini"


def test_an_alias_with_profiles_is_for_those() -> None:
    assert MODELS.deployment("best", Profile.OPEN) == "prod-large"
    assert MODELS.deployment("best", Profile.GUIDED) == "prod-large"
    assert MODELS.deployment("best", Profile.LOCKED) == NotAllowed("best")


def test_a_session_knows_what_to_dial_for_it() -> None:
    assert Playbook().gate.deployment == USUAL
