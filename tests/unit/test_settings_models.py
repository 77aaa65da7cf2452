"""RELAY_MODEL_ALIASES: its form, and what a wrong one is told."""

from __future__ import annotations

import pytest

from app.policy.policy import Profile
from app.session.models import ModelAlias
from app.settings import SettingsError, load

START = {
    "RELAY_UPSTREAM": "embedded",
    "RELAY_EMBEDDED_ADDRESS": "http://127.0.0.1:8090",
    "RELAY_EMBEDDED_KEY": "key",
    "RELAY_AUTH": "dev",
}


def aliases(text: str) -> tuple[ModelAlias, ...]:
    return load({**START, "RELAY_MODEL_ALIASES": text}).model_aliases


def fault(text: str) -> str:
    with pytest.raises(SettingsError) as error:
        aliases(text)
    return str(error.value)


def test_none_are_set_up_by_default() -> None:
    settings = load(START)
    assert settings.model_aliases == ()
    assert settings.query_credentials is False
    assert settings.minted_ticket_seconds == 600


def test_a_list_of_aliases_is_read_with_its_profiles() -> None:
    assert aliases(" fast=prod-mini , best=prod.large_2:guided+open,") == (
        ModelAlias("fast", "prod-mini"),
        ModelAlias("best", "prod.large_2", frozenset({Profile.GUIDED, Profile.OPEN})),
    )


@pytest.mark.parametrize("text", ["fast=prod-mini,best=prod-large:guided+open", "a=b:locked"])
def test_an_alias_is_shown_as_it_is_written(text: str) -> None:
    settings = load({**START, "RELAY_MODEL_ALIASES": text})
    (row,) = (row for row in settings.describe() if row.name == "RELAY_MODEL_ALIASES")
    assert row.value == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast", "an entry (1) that is no alias: write NAME=DEPLOYMENT"),
        ("a=b,fast=", "an entry (2) that is no alias"),
        ("=prod", "an entry (1) that is no alias"),
        ("fa st=prod", "an entry (1) that is no alias"),
        ("fast=pr/od", "an entry (1) that is no alias"),
        ("a=b,a=c", "the alias of entry 2 twice"),
        ("a=b:", "an entry (1) with an unknown profile"),
        ("x=y,a=b:admin", "an entry (2) with an unknown profile: write `locked`, `guided`"),
        ("a=b:open+", "an entry (1) with an unknown profile"),
        ("a=b:open:locked", "an entry (1) with an unknown profile"),
    ],
)
def test_another_form_is_refused_with_the_right_one(text: str, said: str) -> None:
    told = fault(text)
    assert "RELAY_MODEL_ALIASES" in told
    assert said in told
