"""A user's token runs out in the middle of a conversation, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.wire.wire import CLIENT_WIRE
from tests.harness.client import Client, client
from tests.harness.leftovers import nothing_left
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import Scripted, Upstream, scripted_upstream
from tests.integration.auth.faulty_issuer import FaultyIssuer
from tests.unit.auth.issuing import AUDIENCE, claims, header, sign

pytestmark = pytest.mark.timeout(60)
PAGE = "https://app.example.com"


async def listening(upstream: Upstream) -> None:
    """Upstream answers nothing and keeps everything."""
    await upstream.greet()
    await upstream.drain()


@dataclass
class Scene:
    """A relay that believes an issuer of the test's own."""

    issuer: FaultyIssuer
    upstream: Scripted
    relay: Running

    def token(self, seconds: float, *, kid: str = "rsa", **more: Any) -> str:
        now = time.time()
        says = claims(
            **{"iss": self.issuer.address, "exp": now + seconds, "iat": now, "nbf": now, **more}
        )
        return sign(says, header(kid=kid))

    @asynccontextmanager
    async def talking(self, token: str, **options: Any) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        async with client(self.relay.address, headers=headers, private=True, **options) as me:
            await me.until("relay.session")
            yield me

    async def ticket(self, token: str, origin: str | None = None) -> str:
        headers = {"Authorization": f"Bearer {token}", **({"Origin": origin} if origin else {})}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.relay.http}/tickets", headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["value"])

    def nowhere(self, *secrets: str) -> None:
        """No log line and no byte to upstream holds any of these."""
        sent = [text for one in self.upstream.connections for text in one.received]
        for secret in secrets:
            assert secret not in str(self.relay.lines)
            assert secret not in str(sent)
            assert secret.rpartition(".")[2] not in str(self.relay.lines)


@asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    issuer = FaultyIssuer()
    async with (
        issuer.serving() as address,
        scripted_upstream(listening) as upstream,
        nothing_left(CLIENT_WIRE.close_seconds + 2),
        running_relay(
            upstream.address,
            auth="oidc",
            oidc_issuer=address,
            oidc_audience=AUDIENCE,
            **{"oidc_leeway_seconds": "0", **settings},
        ) as relay,
    ):
        yield Scene(issuer, upstream, relay)
        await relay.idle()


def update(token: str, event_id: str = "id_1") -> dict[str, Any]:
    return {"type": "relay.identity.update", "event_id": event_id, "token": token}


async def test_a_conversation_outlives_its_first_token_and_not_its_last() -> None:
    async with scene() as on:
        first, second = on.token(2.0), on.token(4.0)
        began = time.monotonic()
        async with on.talking(first) as me:
            warning = await me.next()
            assert (warning["type"], warning["limit"]) == ("relay.warning", "identity")
            assert 800 <= warning["remaining_ms"] <= 1100
            await me.send(update(second))
            updated = await me.next()
            assert updated["type"] == "relay.identity.updated"
            assert abs(updated["expires_at"] - time.time() - 3) < 1.5
            assert (await me.next())["limit"] == "identity"
            assert time.monotonic() - began > 2.0, "the first token's end is passed"
            events, code, reason = await me.rest()
            assert [event["error"]["code"] for event in events] == ["invalid_api_key"]
            assert (code, reason) == (
                4501,
                "Your sign-in has expired. Sign in again and connect again.",
            )
            assert 3.8 < time.monotonic() - began < 5.5
        line = await on.relay.one_closed()
        assert (line["reason"], line["ended_by"]) == ("identity_expired", "auth")
        assert line["verdicts"] == {"identity-updated": 1}
        assert on.upstream.one.types() == ["session.update"]
        on.nowhere(first, second)


async def test_a_ticket_carries_the_end_of_the_token_that_it_was_made_with() -> None:
    async with scene(oidc_leeway_seconds="1", allowed_origins=PAGE) as on:
        ticket = await on.ticket(on.token(1.5), PAGE)
        began = time.monotonic()
        async with on.talking(ticket, headers={"Origin": PAGE}) as me:
            assert (await me.next())["limit"] == "identity"
            events, code, _ = await me.rest()
            assert (len(events), code) == (1, 4501)
            assert 2.2 < time.monotonic() - began < 3.5, "the expiry and the leeway"


async def test_proofs_that_do_not_hold_leave_the_conversation_as_it_was() -> None:
    async with scene() as on:
        good = on.token(600)
        bad = {
            "identity_mismatch": on.token(600, sub="somebody-else"),
            "identity_invalid": on.token(-5),
        }
        forged = on.token(600)[:-8] + "AAAAAAAA"
        async with on.talking(good) as me:
            for code, token in [*bad.items(), ("identity_invalid", forged)]:
                await me.send(update(token, f"for_{code}"))
                error = (await me.next())["error"]
                assert (error["code"], error["event_id"]) == (code, f"for_{code}")
                assert "somebody" not in str(error)
            await me.send({"type": "input_audio_buffer.commit"})
            await me.send(update(on.token(700)))
            assert (await me.next())["type"] == "relay.identity.updated"
        await on.relay.idle()
        assert on.upstream.one.types() == ["session.update", "input_audio_buffer.commit"]
        on.nowhere(good, forged, *bad.values())


async def test_talk_goes_on_while_the_issuer_does_not_answer() -> None:
    async with scene() as on:
        async with on.talking(on.token(600)) as me:
            on.issuer.hold.clear()
            await me.send(update(on.token(600, kid="nobody-knows")))
            await me.send({"type": "input_audio_buffer.commit"})
            await me.send(update(on.token(600), "too_early"))
            early = (await me.next())["error"]
            assert (early["code"], early["event_id"]) == ("rate_limit_exceeded", "too_early")
            async with asyncio.timeout(2):
                while len(on.upstream.one.types()) < 2:
                    await asyncio.sleep(0.01)
            late = (await me.next())["error"]
            assert (late["code"], late["event_id"]) == ("identity_unavailable", "id_1")
            assert late["retry_after_ms"] > 0
            on.issuer.hold.set()


async def test_who_leaves_while_a_proof_is_verified_leaves_nothing_behind() -> None:
    async with scene() as on:
        async with on.talking(on.token(600)) as me:
            on.issuer.hold.clear()
            await me.send(update(on.token(600, kid="nobody-knows")))
            await me.send({"type": "input_audio_buffer.commit"})
            async with asyncio.timeout(2):
                while len(on.upstream.one.types()) < 2:
                    await asyncio.sleep(0.01)
        began = time.monotonic()
        line = await on.relay.one_closed()
        assert line["reason"] == "client_closed"
        assert time.monotonic() - began < 2
        on.issuer.hold.set()


async def test_a_page_that_never_sees_a_token_shows_a_fresh_ticket() -> None:
    async with scene(allowed_origins=f"{PAGE},https://other.example.com") as on:
        fresh = await on.ticket(on.token(600))
        bound = await on.ticket(on.token(600), PAGE)
        foreign = await on.ticket(on.token(600), "https://other.example.com")
        async with on.talking(on.token(600), headers={"Origin": PAGE}) as me:
            for ticket, said in [
                (fresh, "relay.identity.updated"),
                (bound, "relay.identity.updated"),
                (foreign, "error"),
                (fresh, "error"),
            ]:
                await me.send(update(ticket))
                assert (await me.next())["type"] == said
        on.nowhere(fresh, bound, foreign)


async def test_a_client_without_private_events_can_renew_nothing() -> None:
    async with scene() as on:
        headers = {"Authorization": f"Bearer {on.token(1.0)}"}
        async with client(on.relay.address, headers=headers) as me:
            await me.until("session.created")
            await me.send(update(on.token(600)))
            assert (await me.next())["type"] == "error"
            events, code, _ = await me.rest()
            assert ([event["type"] for event in events], code) == (["error"], 4501)
