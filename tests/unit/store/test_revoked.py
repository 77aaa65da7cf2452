"""Who is revoked in memory: bounded, swept, and never a long wait for the event loop."""

from __future__ import annotations

import time

from app.store.revoked import Revoked
from app.store.store import Revocation, RevokedKind


def of(name: str, seconds: float) -> Revocation:
    return Revocation(RevokedKind.USER, name, seconds)


def test_a_full_house_costs_the_loop_no_more_than_an_empty_one() -> None:
    revoked = Revoked(50_000)
    for number in range(50_000):
        revoked.remember(of(f"user-{number}", 3600 + number), 0)
    spent = []
    for number in range(50):
        began = time.perf_counter()
        revoked.remember(of(f"late-{number}", 90_000), 1)
        spent.append(time.perf_counter() - began)
    assert sorted(spent)[25] < 0.001
    assert len(revoked) == 50_000
    assert revoked.left("user-49", 1) == 0  # those that would be free soonest
    assert revoked.left("user-50", 1) > 0
    assert revoked.left("late-49", 1) > 0


def test_a_later_end_holds_and_an_earlier_one_does_not() -> None:
    revoked = Revoked(10)
    revoked.remember(of("ada", 60), 0)
    revoked.remember(of("ada", 120), 0)
    revoked.remember(of("ada", 30), 0)
    assert revoked.left("ada", 61) == 59
    revoked.remember(of("eve", 5), 61)  # sweeps, and the first end of ada's is none of hers
    assert revoked.left("ada", 119) == 1
    assert revoked.left("ada", 120) == 0


def test_whoever_is_pushed_out_is_the_one_that_would_be_free_first() -> None:
    revoked = Revoked(2)
    revoked.remember(of("ada", 10), 0)
    revoked.remember(of("eve", 20), 0)
    revoked.remember(of("ada", 30), 0)
    revoked.remember(of("bob", 40), 0)
    assert [revoked.left(name, 0) for name in ("ada", "eve", "bob")] == [30, 0, 40]


def test_one_user_revoked_again_and_again_is_one_entry() -> None:
    revoked = Revoked(10)
    for number in range(10_000):
        revoked.remember(of("ada", 100), number)
    assert len(revoked) == 1
    assert len(revoked._by_end) < 200
