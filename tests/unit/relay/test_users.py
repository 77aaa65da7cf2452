"""Allowances belong to users and outlive their sessions."""

from __future__ import annotations

from app.relay.users import KEPT_SECONDS, Users
from app.session.limits import Limits


def test_a_user_keeps_one_account_and_others_have_their_own() -> None:
    users = Users(Limits())
    mine = users.join("ada", 0.0)
    assert users.join("ada", 1.0) is mine
    assert mine.sessions == 2
    other = users.join("eve", 1.0)
    assert other is not mine
    assert other.meters is not mine.meters


def test_an_account_is_forgotten_when_every_allowance_is_whole_again() -> None:
    users = Users(Limits())
    users.leave(users.join("ada", 1000.0), 1000.0)
    busy = users.join("busy", 1000.0)
    users.join("eve", 1000.0 + KEPT_SECONDS + 1)
    assert len(users) == 2
    assert users.join("busy", 1000.0 + KEPT_SECONDS + 2) is busy
