"""What every store promises, asked of each: memory, Redis, Redis with memory behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.store.store import (
    Full,
    LeaseLimits,
    NoLease,
    Revocation,
    RevokedKind,
    Store,
    StoreFull,
)
from tests.integration.store.scene import Scene, enter_all, lease, scene, until

KINDS = ("memory", "redis", "local")


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stage(kind: str) -> AsyncIterator[Scene]:
    async with scene(kind) as made:
        yield made


def broken(_: Revocation) -> None:
    raise RuntimeError("a fault of the hearer's")


async def put(store: Store, key: str, owner: str = "owner", seconds: float = 30.0) -> None:
    await store.put_ticket(key, owner=owner, record=f"record of {key}".encode(), seconds=seconds)


# -- tickets -----------------------------------------------------------------------------------


async def test_of_200_takers_of_one_ticket_exactly_one_gets_it(stage: Scene) -> None:
    await put(stage.one, "key")
    taken = await asyncio.gather(
        *((stage.one, stage.two)[number % 2].take_ticket("key") for number in range(200))
    )
    assert [record for record in taken if record is not None] == [b"record of key"]


async def test_a_record_comes_back_byte_for_byte(stage: Scene) -> None:
    record = bytes(range(256)) * 8 + b"\r\n$-1\r\n7:owner"
    await stage.one.put_ticket("key", owner="ö:7 wner\r\n", record=record, seconds=30)
    assert await stage.two.take_ticket("key") == record
    await stage.one.put_ticket("empty", owner="", record=b"", seconds=30)
    assert await stage.two.take_ticket("empty") == b""


async def test_a_ticket_that_is_unknown_or_expired_is_nobodys(stage: Scene) -> None:
    assert await stage.one.take_ticket("never") is None
    await put(stage.one, "key", seconds=0.2)
    await asyncio.sleep(0.25)
    assert await stage.one.take_ticket("key") is None


async def test_an_owner_has_a_cap_that_taking_and_expiry_free_again(stage: Scene) -> None:
    await put(stage.one, "short", seconds=0.4)
    await put(stage.two, "1")
    await put(stage.one, "2")
    with pytest.raises(StoreFull, match="3 unused tickets") as full:
        await put(stage.two, "3")
    assert 0 < full.value.retry_after <= 0.4
    await put(stage.two, "other", owner="other")
    assert await stage.two.take_ticket("1") is not None
    await put(stage.one, "3")
    with pytest.raises(StoreFull):
        await put(stage.one, "4")
    await asyncio.sleep(0.45)
    await put(stage.one, "4")


async def test_the_store_has_a_cap_whoever_asks(stage: Scene) -> None:
    for number in range(5):
        await put(stage.one, str(number), owner=str(number), seconds=20 + number)
    with pytest.raises(StoreFull, match="Too many") as full:
        await put(stage.one, "x", owner="x")
    assert 19 < full.value.retry_after <= 20
    assert await stage.two.take_ticket("3") is not None
    await put(stage.one, "x", owner="x")


async def test_a_live_key_is_not_overwritten(stage: Scene) -> None:
    await put(stage.one, "key")
    with pytest.raises(ValueError, match="fresh"):
        await stage.one.put_ticket("key", owner="thief", record=b"other", seconds=30)
    assert await stage.one.take_ticket("key") == b"record of key"


# -- leases ------------------------------------------------------------------------------------


async def test_a_user_has_as_many_sessions_as_allowed_and_not_one_more(stage: Scene) -> None:
    assert await stage.one.enter(lease(1)) is None
    assert await stage.two.enter(lease(2)) is None
    refused = await stage.one.enter(lease(3))
    assert refused is not None
    assert refused.full is Full.USER
    assert refused.retry_after > 0
    assert await stage.one.enter(lease(4, "somebody else")) is None
    await stage.one.leave(lease(1))
    await stage.one.leave(lease(1))
    assert await stage.two.enter(lease(3)) is None
    assert (await stage.two.enter(lease(5))) is not None


async def test_leaving_without_a_lease_takes_nothing_from_others(stage: Scene) -> None:
    assert await stage.one.enter(lease(1)) is None
    assert await stage.one.enter(lease(2)) is None
    await stage.one.leave(lease("never entered"))
    assert await stage.two.enter(lease(3)) is not None


async def test_an_address_has_a_cap_over_its_users_and_none_where_it_is_unknown(
    stage: Scene,
) -> None:
    office = "2001:db8::7"
    for number in range(5):
        assert await stage.one.enter(lease(number, f"user-{number}", office)) is None
    refused = await stage.two.enter(lease("x", "user-x", office))
    assert refused is not None
    assert refused.full is Full.ADDRESS
    assert await stage.two.enter(lease("y", "user-x", "192.0.2.1")) is None
    await stage.one.leave(lease(3, "user-3", office))
    assert await stage.two.enter(lease("x", "user-x", office)) is None
    for number in range(10):
        assert await stage.one.enter(lease(f"none-{number}", f"none-{number}")) is None


async def test_what_was_refused_for_its_address_leaves_no_trace_at_its_user(stage: Scene) -> None:
    for number in range(5):
        assert await stage.one.enter(lease(number, f"user-{number}", "full")) is None
    for number in range(3):
        refused = await stage.one.enter(lease(f"x{number}", "user", "full"))
        assert refused is not None
        assert refused.full is Full.ADDRESS
    assert await enter_all(stage.one, "user", 2) == [None, None]


async def test_no_cap_is_exceeded_by_100_who_enter_at_once(stage: Scene) -> None:
    answers = await asyncio.gather(
        *(
            (stage.one, stage.two)[number % 2].enter(lease(number, f"user-{number % 4}", "office"))
            for number in range(100)
        )
    )
    # four users with two sessions each would be eight: the address allows five
    assert answers.count(None) == 5
    taken = [number for number, answer in enumerate(answers) if answer is None]
    for user in range(4):
        assert len([number for number in taken if number % 4 == user]) <= 2
    assert {answer.full for answer in answers if answer} <= {Full.USER, Full.ADDRESS}


async def test_openings_are_counted_over_replicas_and_come_back_one_by_one(kind: str) -> None:
    limits = LeaseLimits(sessions_per_user=50, sessions_per_address=50, openings_per_minute=120)
    async with scene(kind, limits) as stage:
        answers = await asyncio.gather(
            *((stage.one, stage.two)[one % 2].enter(lease(one)) for one in range(140))
        )
        granted = answers.count(None)
        refused = [answer for answer in answers if answer is not None and answer.full]
        assert granted == 50
        late = [answer for answer in refused if answer.full is Full.OPENINGS]
        assert 18 <= len(late) <= 20  # one comes back every half second
        assert all(0 < answer.retry_after <= 0.5 for answer in late)
        await stage.one.leave(lease(0))
        await asyncio.sleep(max(answer.retry_after for answer in late) + 0.05)
        assert (await stage.two.enter(lease("late"))) != late[0]
        assert (await stage.two.enter(lease("sorry"))) is not None


async def test_one_who_never_waits_is_let_in_no_more_often_and_one_who_waits_is(kind: str) -> None:
    limits = LeaseLimits(sessions_per_user=999, sessions_per_address=999, openings_per_minute=120)
    async with scene(kind, limits) as stage:
        for number in range(120):
            assert await stage.one.enter(lease(number)) is None
        hammered = [await stage.one.enter(lease(f"h{number}")) for number in range(100)]
        refused = [answer for answer in hammered if isinstance(answer, NoLease)]
        assert len(refused) >= 99
        assert {answer.full for answer in refused} == {Full.OPENINGS}
        # a hundred refusals later the wait has not grown
        await asyncio.sleep(refused[-1].retry_after + 0.05)
        assert await stage.two.enter(lease("human")) is None


async def test_an_address_may_open_ten_times_as_often_as_a_user(kind: str) -> None:
    limits = LeaseLimits(sessions_per_user=1, sessions_per_address=999, openings_per_minute=2)
    async with scene(kind, limits) as stage:
        for number in range(20):
            assert await stage.one.enter(lease(number, f"user-{number}", "office")) is None
        refused = await stage.two.enter(lease("x", "user-x", "office"))
        assert refused is not None
        assert refused.full is Full.OPENINGS
        assert 0 < refused.retry_after <= 3
        # the address' refusal has cost the user nothing
        assert await stage.two.enter(lease("y", "user-x", "elsewhere")) is None


# -- revocations -------------------------------------------------------------------------------


async def test_a_revoked_user_is_refused_everywhere_for_as_long_as_told(stage: Scene) -> None:
    await stage.one.revoke(Revocation(RevokedKind.USER, "user", 0.8))
    for name, store in (("one", stage.one), ("two", stage.two)):
        refused = await store.enter(lease(1))
        assert refused is not None
        assert refused.full is Full.REVOKED
        assert 0 < refused.retry_after <= 0.8
        assert await store.enter(lease(name, "other")) is None
    await asyncio.sleep(0.9)
    assert await stage.two.enter(lease(1)) is None


async def test_a_shorter_revocation_does_not_shorten_a_longer_one(stage: Scene) -> None:
    await stage.one.revoke(Revocation(RevokedKind.USER, "user", 60))
    await stage.two.revoke(Revocation(RevokedKind.USER, "user", 0.1))
    await asyncio.sleep(0.2)
    refused = await stage.one.enter(lease(1))
    assert refused is not None
    assert refused.retry_after > 50


async def test_every_replica_hears_of_revocations_in_order(stage: Scene) -> None:
    heard: list[Revocation] = []
    stage.two.on_revoked(heard.append)
    stage.two.on_revoked(broken)  # one that fails keeps it from nobody
    stage.two.on_revoked(heard.append)
    told = [
        Revocation(RevokedKind.USER, "ü", 60),
        Revocation(RevokedKind.SESSION, "session-7", 60),
        Revocation(RevokedKind.SESSION, 'quote " and \n', 0),
    ]
    for revocation in told:
        await stage.one.revoke(revocation)
    await until(lambda: len(set(heard)) == 3)
    assert list(dict.fromkeys(heard)) == told
    assert heard == [one for one in told for _ in range(2)]


async def test_a_revoked_session_does_not_keep_its_user_out(stage: Scene) -> None:
    await stage.one.revoke(Revocation(RevokedKind.SESSION, "user", 60))
    assert await stage.one.enter(lease(1)) is None


# -- the end -----------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["cluster", "socket"])
async def test_it_works_on_a_unix_socket_and_where_a_script_may_touch_one_slot(other: str) -> None:
    async with scene(other) as stage:
        await put(stage.one, "key")
        assert await stage.two.take_ticket("key") == b"record of key"
        assert await stage.one.enter(lease(1, address="office")) is None
        assert await stage.two.enter(lease(2, address="office")) is None
        await stage.one.leave(lease(1, address="office"))
        assert await stage.two.enter(lease(3, address="office")) is None
        heard: list[Revocation] = []
        stage.two.on_revoked(heard.append)
        await stage.one.revoke(Revocation(RevokedKind.USER, "user", 60))
        await until(lambda: bool(heard), 2)
        refused = await stage.two.enter(lease(4))
        assert refused is not None
        assert refused.full is Full.REVOKED


async def test_nothing_is_lost_and_nothing_is_doubled_by_a_storm_of_sessions(stage: Scene) -> None:
    """Ten users come and go at random over both replicas; afterwards each has all its places."""

    async def come_and_go(worker: int) -> None:
        for round_ in range(12):
            store = (stage.one, stage.two)[(worker + round_) % 2]
            mine = lease(f"{worker}-{round_}", f"user-{worker % 10}")
            if await store.enter(mine) is None:
                await asyncio.sleep(0.001 * (worker % 3))
                await store.leave(mine)

    await asyncio.gather(*(come_and_go(worker) for worker in range(40)))
    for user in range(10):
        answers = await enter_all(stage.two, f"user-{user}", 3)
        assert answers[:2] == [None, None]
        assert answers[2] is not None
