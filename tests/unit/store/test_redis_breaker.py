"""After a call that was not answered the next ones fail at once, for a while."""

from __future__ import annotations

import pytest

from app.store.redis_breaker import RedisBreaker
from app.store.store import StoreDown
from tests.unit.store.test_memory import Clock


def refused(breaker: RedisBreaker) -> bool:
    try:
        breaker.ended(breaker.enter())
    except StoreDown:
        return True
    return False


def test_it_opens_at_once_and_longer_each_time_up_to_its_longest() -> None:
    clock = Clock()
    breaker = RedisBreaker(clock, 0.5, 2.0)
    assert not refused(breaker)
    breaker.failed("gone")
    for pause in (0.5, 1.0, 2.0, 2.0):
        assert breaker.wait() == pytest.approx(pause)
        clock.now += pause - 0.01
        assert refused(breaker)
        clock.now += 0.01
        trial = breaker.enter()
        assert trial
        breaker.failed("still gone")
        breaker.ended(trial)
    breaker.answered()
    assert breaker.wait() == 0
    assert not refused(breaker)
    breaker.failed("again")
    assert breaker.wait() == pytest.approx(0.5)


def test_one_call_at_a_time_tries_and_one_that_gives_up_makes_room() -> None:
    clock = Clock()
    breaker = RedisBreaker(clock, 0.5, 2.0)
    breaker.failed("gone")
    clock.now = 0.5
    trial = breaker.enter()
    assert trial
    with pytest.raises(StoreDown, match="gone") as down:
        breaker.enter()
    assert down.value.retry_after >= 1
    breaker.ended(trial)  # cancelled: it has told us nothing
    assert not refused(breaker)


def test_calls_that_fail_together_count_once() -> None:
    clock = Clock()
    breaker = RedisBreaker(clock, 0.5, 2.0)
    for _ in range(10):
        breaker.failed("gone")
    assert breaker.wait() == pytest.approx(0.5)


def test_a_late_answer_ends_the_outage() -> None:
    clock = Clock()
    breaker = RedisBreaker(clock, 0.5, 2.0)
    breaker.failed("gone")
    breaker.answered()
    assert not breaker.shut
    assert not refused(breaker)
