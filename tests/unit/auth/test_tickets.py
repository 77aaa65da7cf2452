"""Tickets: single use, bound to principal, Origin and the end of the identity."""

from __future__ import annotations

import asyncio
import re

import pytest

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.auth.tickets import Minted, Redeemed, Tickets, is_ticket
from app.protocol.close_reasons import CloseReason
from app.store.memory import MemoryStore, StoreLimits

PAGE, OTHER = "https://app.example.com", "https://other.example.com"
ALICE = Principal("alice", "https://issuer.example.com")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock, StoreLimits(tickets_per_owner=3, tickets=100))


@pytest.fixture
def tickets(store: MemoryStore, clock: Clock) -> Tickets:
    return Tickets(store, 30.0, clock)


async def mint(tickets: Tickets, principal: Principal = ALICE, origin: str | None = PAGE) -> Minted:
    minted = await tickets.mint(principal, origin)
    assert isinstance(minted, Minted)
    return minted


def rule(answer: object) -> str:
    assert isinstance(answer, Denied)
    return answer.rule


async def test_a_ticket_is_random_fit_for_a_header_and_says_when_it_ends(tickets: Tickets) -> None:
    first, second = await mint(tickets), await mint(tickets)
    assert re.fullmatch(r"ek_[A-Za-z0-9_-]{32,}", first.value)
    assert first.value != second.value
    assert first.expires_at == 1_700_000_030
    assert is_ticket(first.value)
    assert first.value not in repr(first)


async def test_a_ticket_gives_back_its_principal_once(tickets: Tickets) -> None:
    principal = Principal("bob", "i", 1_800_000_000.5)
    value = (await mint(tickets, principal)).value
    assert await tickets.redeem(value, PAGE) == Redeemed(principal)
    assert rule(await tickets.redeem(value, PAGE)) == "ticket.unknown"


async def test_of_fifty_that_redeem_one_ticket_at_once_exactly_one_wins(tickets: Tickets) -> None:
    value = (await mint(tickets)).value
    answers = await asyncio.gather(*(tickets.redeem(value, PAGE) for _ in range(50)))
    assert [answer for answer in answers if isinstance(answer, Redeemed)] == [Redeemed(ALICE)]


async def test_a_ticket_dies_on_time(tickets: Tickets, clock: Clock) -> None:
    early, late = (await mint(tickets)).value, (await mint(tickets)).value
    clock.now += 29.9
    assert await tickets.redeem(early, PAGE) == Redeemed(ALICE)
    clock.now += 0.1
    assert rule(await tickets.redeem(late, PAGE)) == "ticket.unknown"


@pytest.mark.parametrize("elsewhere", [OTHER, None])
async def test_a_ticket_of_one_origin_is_refused_at_another_and_spent(
    tickets: Tickets, elsewhere: str | None
) -> None:
    value = (await mint(tickets)).value
    answer = await tickets.redeem(value, elsewhere)
    assert rule(answer) == "ticket.origin"
    assert isinstance(answer, Denied)
    assert answer.reason is CloseReason.FORBIDDEN
    assert rule(await tickets.redeem(value, PAGE)) == "ticket.unknown"


@pytest.mark.parametrize("origin", [PAGE, OTHER, None])
async def test_a_ticket_minted_without_origin_is_good_anywhere(
    tickets: Tickets, origin: str | None
) -> None:
    assert await tickets.redeem((await mint(tickets, origin=None)).value, origin) == Redeemed(ALICE)


async def test_a_ticket_lives_no_longer_than_the_identity(tickets: Tickets, clock: Clock) -> None:
    minted = await mint(tickets, Principal("bob", "i", clock.now + 10))
    assert minted.expires_at == 1_700_000_010
    clock.now += 10
    assert rule(await tickets.redeem(minted.value, PAGE)) == "ticket.unknown"


async def test_nobody_gets_a_ticket_for_an_identity_that_has_ended(
    tickets: Tickets, clock: Clock
) -> None:
    answer = await tickets.mint(Principal("bob", "i", clock.now), PAGE)
    assert rule(answer) == "ticket.identity_expired"


async def test_an_identity_that_ended_by_a_jump_of_the_wall_clock_is_refused() -> None:
    wall, monotonic = Clock(), Clock()
    tickets = Tickets(MemoryStore(monotonic), 30.0, wall)
    value = (await mint(tickets, Principal("bob", "i", wall.now + 3600))).value
    wall.now += 7200
    assert rule(await tickets.redeem(value, PAGE)) == "ticket.identity_expired"


async def test_too_many_unused_tickets_are_refused_with_a_time_to_wait(
    tickets: Tickets, clock: Clock
) -> None:
    for _ in range(3):
        await mint(tickets)
        clock.now += 1
    answer = await tickets.mint(ALICE, PAGE)
    assert isinstance(answer, Denied)
    assert (answer.reason, answer.retry_after) == (CloseReason.RATE_LIMITED, 27.0)
    assert "3 unused tickets" in answer.message
    await mint(tickets, Principal("bob", "i"))


async def test_the_store_never_sees_the_value() -> None:
    seen: list[str] = []

    class Recording(MemoryStore):
        async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
            seen.extend((key, owner, record.decode()))
            await super().put_ticket(key, owner=owner, record=record, seconds=seconds)

    clock = Clock()
    tickets = Tickets(Recording(clock), 30.0, clock)
    value = (await mint(tickets)).value
    assert len(seen) == 3
    assert not any(value in text or value.removeprefix("ek_") in text for text in seen)
    _, owner, _ = seen
    assert ALICE.user not in owner
    assert ALICE.issuer not in owner
    assert await tickets.redeem(value, PAGE) == Redeemed(ALICE)


async def test_a_ticket_may_live_longer_than_usual_but_not_than_its_users_token() -> None:
    clock = Clock()
    kept = Tickets(MemoryStore(clock), 30.0, clock)
    long = await kept.mint(ALICE, None, seconds=600)
    short = await kept.mint(Principal("bob", "dev", clock() + 100), None, seconds=600)
    assert isinstance(long, Minted)
    assert isinstance(short, Minted)
    assert (long.expires_at, short.expires_at) == (int(clock() + 600), int(clock() + 100))
    clock.now += 599
    assert await kept.redeem(long.value, None) == Redeemed(ALICE)
    assert rule(await kept.redeem(short.value, None)) == "ticket.unknown"


async def test_a_ticket_remembers_the_model_that_it_was_asked_for(tickets: Tickets) -> None:
    minted = await tickets.mint(ALICE, PAGE, model="fast")
    assert isinstance(minted, Minted)
    assert await tickets.redeem(minted.value, PAGE) == Redeemed(ALICE, "fast")
