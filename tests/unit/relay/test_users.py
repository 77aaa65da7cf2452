"""Allowances belong to users and outlive their sessions."""

from __future__ import annotations

from app.relay.users import KEPT_SECONDS, Users
from app.session.limits import Limits


def test_a_user_keeps_one_account_and_others_have_their_own() -> None:
    users = Users(Limits())
    mine = users.account("dev|ada", 0.0)
    assert users.account("dev|ada", 1.0) is mine
    assert users.account("dev|eve", 1.0) is not mine
    assert users.account("dev|eve", 1.0).meters is not mine.meters


def test_ten_sessions_a_minute_may_be_opened() -> None:
    account = Users(Limits()).account("dev|ada", 0.0)
    for _ in range(10):
        assert account.openings.has(1, 0.0)
        account.openings.charge(1, 0.0)
    assert not account.openings.has(1, 5.9)
    assert account.openings.has(1, 6.1)


def test_an_account_is_forgotten_when_every_allowance_is_whole_again() -> None:
    users = Users(Limits())
    users.account("dev|ada", 1000.0)
    busy = users.account("dev|busy", 1000.0)
    busy.sessions = 1
    users.account("dev|eve", 1000.0 + KEPT_SECONDS + 1)
    assert len(users) == 2
    assert users.account("dev|busy", 1000.0 + KEPT_SECONDS + 2) is busy
