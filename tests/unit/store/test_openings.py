"""How often somebody may open a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.openings import Openings


def attempt(openings: Openings, key: str, now: float) -> float:
    """As a store does it: charged where it is allowed."""
    wait = openings.wait(key, now)
    if not wait:
        openings.charge(key, now)
    return wait


@pytest.mark.parametrize("a_minute", [1, 7, 10, 13, 60])
def test_all_of_a_minute_may_come_at_once_and_not_one_more(a_minute: int) -> None:
    openings = Openings(a_minute, 100)
    assert [attempt(openings, "a", 1e6) for _ in range(a_minute)] == [0.0] * a_minute
    assert attempt(openings, "a", 1e6) == pytest.approx(60 / a_minute)
    assert attempt(openings, "b", 1e6) == 0


def test_who_waits_as_told_gets_in_however_often_it_tried() -> None:
    openings = Openings(10, 100)
    for _ in range(10):
        attempt(openings, "a", 0)
    for tenth in range(59):
        assert attempt(openings, "a", tenth / 10) == pytest.approx(6 - tenth / 10)
    assert attempt(openings, "a", 6.0) == 0
    assert attempt(openings, "a", 6.1) == pytest.approx(5.9)


@given(st.integers(1, 30), st.lists(st.floats(0, 3), min_size=1, max_size=300))
def test_however_they_come_no_minute_sees_more_than_twice_the_limit(
    a_minute: int, gaps: list[float]
) -> None:
    openings = Openings(a_minute, 100)
    now, granted = 0.0, []
    for gap in gaps:
        now += gap
        if not attempt(openings, "a", now):
            granted.append(now)
    for start in granted:
        within = [one for one in granted if start <= one < start + 60]
        assert len(within) <= 2 * a_minute
    assert len(granted) <= a_minute + now * a_minute / 60 + 1


def test_who_has_all_back_is_forgotten() -> None:
    openings = Openings(10, 1000)
    for number in range(500):
        attempt(openings, str(number), number / 100)
    assert len(openings) == 500
    attempt(openings, "late", 70)
    assert len(openings) == 1


def test_no_more_than_its_cap_are_remembered_and_the_oldest_goes_first() -> None:
    openings = Openings(1, 50)
    for number in range(500):
        attempt(openings, str(number), number / 1000)
        assert len(openings) <= 50
    assert openings.wait("499", 0.5) > 0
    assert openings.wait("0", 0.5) == 0
