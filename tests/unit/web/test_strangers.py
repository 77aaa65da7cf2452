"""An address that shows bad credentials is refused unheard for a while."""

from __future__ import annotations

from app.web.strangers import MOST_ADDRESSES, Strangers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_address_is_refused_after_so_many_and_heard_again_as_time_passes() -> None:
    clock = Clock()
    strangers = Strangers(30, clock)
    for _ in range(30):
        assert strangers.wait("203.0.113.9") == 0
        strangers.failed("203.0.113.9")
    assert strangers.wait("203.0.113.9") == 2.0
    assert strangers.wait("198.51.100.1") == 0
    clock.now += 1.9
    assert strangers.wait("203.0.113.9") > 0
    clock.now += 0.2
    assert strangers.wait("203.0.113.9") == 0


def test_without_a_limit_or_an_address_nobody_is_refused_and_nothing_is_kept() -> None:
    unlimited, strangers = Strangers(0, Clock()), Strangers(1, Clock())
    for _ in range(100):
        unlimited.failed("203.0.113.9")
        strangers.failed(None)
    assert unlimited.wait("203.0.113.9") == 0
    assert strangers.wait(None) == 0
    assert len(unlimited) == len(strangers) == 0


def test_addresses_do_not_pile_up_and_the_busy_ones_are_remembered() -> None:
    strangers = Strangers(1, Clock())
    strangers.failed("busy")
    for number in range(MOST_ADDRESSES + 500):
        strangers.failed(f"address {number}")
        if number % 1000 == 0:
            strangers.failed("busy")
    assert len(strangers) == MOST_ADDRESSES
    assert strangers.wait("busy") > 0
    assert strangers.wait("address 0") == 0
