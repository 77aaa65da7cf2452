"""Bad credentials that a store or an issuer must be asked about are charged before the question."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from app.auth.denied import Denied
from app.auth.principal import Principal
from app.store.store import StoreDown
from app.web.strangers import Strangers
from tests.integration.web.peers import Built, build
from tests.integration.web.served import serve
from tests.integration.web.test_http import client_of


class SlowIssuer:
    """Is asked about every token; those that begin with `good` are."""

    def __init__(self) -> None:
        self.asked = 0

    def judge(self, bearer: str) -> None: ...

    async def authenticate(self, bearer: str) -> Principal | Denied:
        self.asked += 1
        await asyncio.sleep(0.02)
        if bearer.startswith("good"):
            return Principal(bearer, "issuer")
        return Denied("token.key", "The token is signed with a key that the issuer does not have.")


class Away:
    """A store that does not answer."""

    def __init__(self, *, untouched: bool) -> None:
        self.untouched = untouched

    async def put_ticket(self, key: str, *, owner: str, record: bytes, seconds: float) -> None:
        raise StoreDown("away", 7.0, untouched=self.untouched)

    async def take_ticket(self, key: str) -> bytes | None:
        raise StoreDown("away", 7.0, untouched=self.untouched)


def five() -> Strangers:
    return Strangers(5, lambda: 0.0)


async def post(client: httpx.AsyncClient, bearer: str) -> int:
    answer = await client.post("/tickets", headers={"Authorization": f"Bearer {bearer}"})
    return answer.status_code


async def test_of_a_burst_of_bad_tokens_no_more_are_asked_about_than_the_limit_allows() -> None:
    issuer = SlowIssuer()
    async with client_of(build(authenticator=issuer, strangers=five())) as client:
        seen = Counter(await asyncio.gather(*(post(client, f"bad{n}") for n in range(60))))
    assert issuer.asked == 5
    assert seen == {401: 5, 429: 55}


async def test_a_crowd_of_good_tokens_is_let_in_whole() -> None:
    issuer = SlowIssuer()
    async with client_of(build(authenticator=issuer, strangers=five())) as client:
        seen = Counter(await asyncio.gather(*(post(client, f"good{n}") for n in range(40))))
    assert seen == {200: 40}


async def test_a_bad_token_that_comes_again_is_not_asked_about_and_not_charged() -> None:
    issuer = SlowIssuer()
    async with client_of(build(authenticator=issuer, strangers=five())) as client:
        assert {await post(client, "bad") for _ in range(20)} == {401}
        assert issuer.asked == 1
        assert await post(client, "good") == 200


async def knock(built: Built, times: int) -> list[int]:
    """Handshakes with different tickets; their statuses."""
    seen = []
    async with serve(built) as served:
        for number in range(times):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                b"Authorization: Bearer ek_%043d\r\n\r\n" % number
            )
            async with asyncio.timeout(5):
                seen.append(int((await reader.readuntil(b"\r\n")).split()[1]))
            writer.transport.abort()
    return seen


@pytest.mark.parametrize(
    ("untouched", "wanted"), [(False, [503] * 5 + [429] * 3), (True, [503] * 8)]
)
async def test_a_store_that_does_not_answer_is_charged_for_unless_it_was_not_asked(
    untouched: bool, wanted: list[int]
) -> None:
    assert await knock(build(store=Away(untouched=untouched), strangers=five()), 8) == wanted
