"""The breaker on a clock and with a chance of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.close_reasons import CloseReason
from app.upstream.breaker import Breaker, BreakerLimits, Pass, Shut

UNAVAILABLE = CloseReason.UPSTREAM_UNAVAILABLE
REFUSED = CloseReason.UPSTREAM_REFUSED


class Bench:
    """A breaker, and the time."""

    def __init__(self, jitter: float = 0.0, limits: BreakerLimits | None = None) -> None:
        self.now = 1000.0
        self.breaker = Breaker(limits or BreakerLimits(), lambda: jitter)

    def enter(self) -> Pass:
        passed = self.breaker.enter(self.now)
        assert isinstance(passed, Pass), passed
        return passed

    def fail(
        self,
        passed: Pass | None = None,
        retry_after: float | None = None,
        reason: CloseReason = UNAVAILABLE,
    ) -> float | None:
        return self.breaker.failed(passed or self.enter(), self.now, reason, retry_after)

    def opened(self) -> float:
        """Opens a closed breaker by five failures; the seconds that it is open."""
        assert [self.fail() for _ in range(4)] == [None] * 4
        seconds = self.fail()
        assert seconds is not None
        return seconds

    def shut_for(self) -> float:
        shut = self.breaker.shut(self.now)
        assert shut is not None
        assert self.breaker.enter(self.now) == shut
        return shut.retry_after


def test_five_failures_in_a_row_open_it_for_five_seconds() -> None:
    bench = Bench()
    assert bench.opened() == 5.0
    assert bench.shut_for() == 5.0
    bench.now += 4.9
    assert bench.shut_for() == pytest.approx(0.1)


def test_a_success_in_between_starts_the_row_anew() -> None:
    bench = Bench()
    for _ in range(4):
        bench.fail()
    assert not bench.breaker.succeeded(bench.enter()), "it was closed already"
    assert bench.opened() == 5.0


def test_one_dial_goes_through_when_the_time_is_up() -> None:
    bench = Bench()
    bench.now += bench.opened()
    assert bench.breaker.shut(bench.now) is None
    trial = bench.enter()
    assert trial.trial
    assert bench.shut_for() == 1.0, "all others are told to come back soon"
    assert bench.breaker.succeeded(trial)
    assert bench.breaker.shut(bench.now) is None
    assert not bench.enter().trial
    assert bench.opened() == 5.0, "the doubling starts anew too"


def test_each_failed_trial_doubles_the_time_up_to_a_minute() -> None:
    bench = Bench()
    seconds: float | None = bench.opened()
    times = []
    for _ in range(6):
        assert seconds is not None
        times.append(seconds)
        bench.now += seconds
        seconds = bench.fail()
    assert times == [5, 10, 20, 40, 60, 60]


def test_after_very_many_trials_it_still_opens_for_a_minute() -> None:
    bench = Bench()
    bench.now += bench.opened()
    for _ in range(2000):
        seconds = bench.fail()
        assert seconds is not None
        bench.now += seconds
    assert seconds == 60.0


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 5.0), (0.5, 5.5), (1.0, 6.0)])
def test_chance_adds_up_to_a_fifth(jitter: float, seconds: float) -> None:
    assert Bench(jitter).opened() == pytest.approx(seconds)


def test_a_wish_opens_it_at_once_and_then_one_dial_goes_through() -> None:
    bench = Bench()
    assert bench.fail(retry_after=30) == 30.0
    assert bench.shut_for() == 30.0
    bench.now += 30
    assert bench.enter().trial


@pytest.mark.parametrize("wish", [0.0, None])
def test_no_wish_opens_nothing(wish: float | None) -> None:
    bench = Bench()
    assert bench.fail(retry_after=wish) is None
    assert bench.breaker.shut(bench.now) is None


def test_a_wish_is_obeyed_for_a_minute_at_most() -> None:
    assert Bench().fail(retry_after=86_400) == 60.0


@pytest.mark.parametrize(("wish", "seconds"), [(2.0, 5.0), (9.0, 9.0)])
def test_the_longer_of_wish_and_window_counts(wish: float, seconds: float) -> None:
    bench = Bench()
    for _ in range(4):
        bench.fail()
    assert bench.fail(retry_after=wish) == seconds


def test_what_was_begun_before_it_opened_says_nothing_afterwards() -> None:
    bench = Bench()
    early = [bench.enter() for _ in range(10)]
    for passed in early[:5]:
        bench.fail(passed)
    for passed in early[5:8]:
        assert bench.fail(passed, retry_after=30) is None, "stragglers change nothing"
    assert not bench.breaker.succeeded(early[8])
    bench.breaker.abandoned(early[9])
    assert bench.shut_for() == 5.0


def test_a_straggler_does_not_disturb_the_trial() -> None:
    bench = Bench()
    straggler = bench.enter()
    bench.now += bench.opened()
    trial = bench.enter()
    bench.breaker.abandoned(straggler)
    assert bench.fail(straggler) is None
    assert isinstance(bench.breaker.enter(bench.now), Shut), "the trial is still on its way"
    assert bench.breaker.succeeded(trial)


def test_a_dial_is_recalled_when_the_breaker_has_opened_since() -> None:
    bench = Bench()
    early = bench.enter()
    assert bench.breaker.recalled(early, bench.now) is None
    bench.now += bench.opened() - 1
    shut = bench.breaker.recalled(early, bench.now)
    assert shut == Shut(UNAVAILABLE, 1.0)
    bench.now += 1
    trial = bench.enter()
    assert bench.breaker.recalled(trial, bench.now) is None, "the trial itself goes on"
    assert bench.breaker.recalled(early, bench.now) == Shut(UNAVAILABLE, 1.0)


def test_an_abandoned_trial_makes_room_for_another() -> None:
    bench = Bench()
    bench.now += bench.opened()
    bench.breaker.abandoned(bench.enter())
    assert bench.enter().trial


def test_an_abandoned_dial_neither_fails_nor_succeeds() -> None:
    bench = Bench()
    for _ in range(4):
        bench.fail()
    bench.breaker.abandoned(bench.enter())
    assert bench.fail() == 5.0


def test_clients_are_told_what_the_last_failure_was() -> None:
    bench = Bench()
    for _ in range(4):
        bench.fail()
    bench.fail(reason=REFUSED)
    shut = bench.breaker.shut(bench.now)
    assert shut is not None
    assert shut.reason is REFUSED


@given(st.lists(st.sampled_from(["enter", "ok", "bad", "wish", "gone", "wait"]), max_size=60))
def test_whatever_happens_there_is_one_trial_at_most_and_an_end_of_waiting(acts: list[str]) -> None:
    bench = Bench(jitter=0.7)
    begun: list[Pass] = []
    for act in acts:
        if act == "wait":
            bench.now += 3
        elif act == "enter":
            passed = bench.breaker.enter(bench.now)
            if isinstance(passed, Shut):
                assert 0 < passed.retry_after <= 72
            else:
                begun.append(passed)
        elif begun:
            passed = begun.pop(0)
            match act:
                case "ok":
                    bench.breaker.succeeded(passed)
                case "bad":
                    bench.fail(passed)
                case "wish":
                    bench.fail(passed, retry_after=7)
                case _:
                    bench.breaker.abandoned(passed)
        newest = max((passed.era for passed in begun), default=0)
        trials = [passed for passed in begun if passed.trial and passed.era == newest]
        assert len(trials) <= 1
    for passed in begun:
        bench.breaker.abandoned(passed)
    bench.now += 73
    assert bench.breaker.shut(bench.now) is None
