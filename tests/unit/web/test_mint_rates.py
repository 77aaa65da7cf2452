"""Tickets have a rate for each user and each address, and few of a user's keys live long."""

from __future__ import annotations

import pytest

from app.web.mint_rates import LONG_KEYS, LONG_SECONDS, MOST_NAMES, SHORT_SECONDS, MintRates
from tests.unit.web.test_strangers import Clock

HERE = "203.0.113.9"


def test_a_user_and_an_address_have_rates_of_their_own() -> None:
    clock = Clock()
    rates = MintRates(clock, user=2, address=6)
    assert [rates.wait("ada", HERE) for _ in range(3)] == [0, 0, 30]
    assert [rates.wait(f"user {n}", HERE) for n in range(5)] == [0, 0, 0, 0, 10]
    assert rates.wait("joe", "198.51.100.1") == 0
    assert rates.wait("joe", None) == 0
    clock.now += 10
    assert rates.wait("eve", HERE) == 0
    assert rates.wait("eve", HERE) == pytest.approx(10)


def test_who_is_refused_is_not_charged() -> None:
    clock = Clock()
    rates = MintRates(clock, user=100, address=1)
    assert rates.wait("ada", HERE) == 0
    for _ in range(50):
        assert rates.wait("ada", HERE) == 60
    clock.now += 60
    assert rates.wait("ada", HERE) == 0


def test_few_keys_of_a_user_live_long() -> None:
    clock = Clock()
    rates = MintRates(clock)
    lives = [rates.seconds("ada", 600) for _ in range(LONG_KEYS + 3)]
    assert lives == [600] * LONG_KEYS + [SHORT_SECONDS] * 3
    assert rates.seconds("ada", 30) == 30
    assert rates.seconds("eve", 600) == 600
    clock.now += LONG_SECONDS / LONG_KEYS
    assert rates.seconds("ada", 600) == 600
    assert rates.seconds("ada", 600) == SHORT_SECONDS


def test_names_do_not_pile_up() -> None:
    rates = MintRates(Clock())
    for number in range(MOST_NAMES + 100):
        rates.wait(f"user {number}", f"address {number}")
    assert len(rates) == 2 * MOST_NAMES
