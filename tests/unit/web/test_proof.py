"""Who shows a proof in the middle of a conversation, as the session is told."""

from __future__ import annotations

import pytest

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.auth.tickets import Minted, Tickets
from app.protocol.close_reasons import CloseReason
from app.session.identity import Proven, Unproven
from app.store.memory import MemoryStore
from app.store.store import StoreDown
from app.web.proof import RETRY_AFTER_SECONDS, Prover

NOW = 1_700_000_000.0
ALICE = Principal("alice", "issuer", NOW + 60)


class Answering:
    """An authenticator that knows one answer."""

    def __init__(self, answer: Principal | Denied) -> None:
        self.answer = answer

    def judge(self, bearer: str) -> Principal | Denied:
        return self.answer

    async def authenticate(self, bearer: str) -> Principal | Denied:
        return self.answer


class DownStore:
    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        raise StoreDown("redis at 10.0.0.1 is down", 7.0)

    async def take_ticket(self, key: str) -> bytes | None:
        raise StoreDown("redis at 10.0.0.1 is down", 7.0)


def tickets() -> Tickets:
    return Tickets(MemoryStore(lambda: NOW), 30.0, lambda: NOW)


def prover(answer: Principal | Denied = ALICE) -> Prover:
    return Prover(Answering(answer), tickets(), lambda: NOW)


async def test_a_users_token_is_proven_until_it_expires() -> None:
    assert await prover()("token", None) == Proven("issuer|alice", 60.0, NOW + 60)
    for_ever = prover(Principal("bob", "dev"))
    assert await for_ever("token", None) == Proven("dev|bob", None, None)


async def test_a_ticket_is_proven_as_long_as_the_token_that_it_was_made_with() -> None:
    kept = tickets()
    minted = await kept.mint(ALICE, None)
    assert isinstance(minted, Minted)
    ask = Prover(Answering(Denied("never", "asked")), kept, lambda: NOW + 20)
    assert await ask(minted.value, None) == Proven("issuer|alice", 40.0, NOW + 60)
    again = await ask(minted.value, None)
    assert isinstance(again, Unproven)
    assert again.retry_after is None


@pytest.mark.parametrize(
    ("denied", "retry_after"),
    [
        (Denied("token.expired", "Expired."), None),
        (Denied("token.role", "Role.", CloseReason.FORBIDDEN), None),
        (Denied("issuer", "Down.", CloseReason.CREDENTIAL_UNAVAILABLE, 3.0), 3.0),
        (Denied("issuer", "Down.", CloseReason.CREDENTIAL_UNAVAILABLE), RETRY_AFTER_SECONDS),
    ],
)
async def test_a_refusal_says_whether_it_helps_to_wait(
    denied: Denied, retry_after: float | None
) -> None:
    assert await prover(denied)("token", None) == Unproven(denied.message, retry_after)


async def test_a_store_that_is_down_is_not_named_to_the_client() -> None:
    ask = Prover(Answering(ALICE), Tickets(DownStore(), 30.0, lambda: NOW), lambda: NOW)
    answer = await ask("ek_ticket", None)
    assert isinstance(answer, Unproven)
    assert answer.retry_after == 7.0
    assert "10.0.0.1" not in answer.message
