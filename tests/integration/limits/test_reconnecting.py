"""A program that connects again for ever is stopped by an answer, and costs next to nothing."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.client import client
from tests.harness.leftovers import nothing_left, tasks
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.endings import scenes

SECONDS_EACH = 0.02
"""Of one core, for a refused handshake and the client that makes it."""


async def knock(relay: Running, bearer: str, host: str = "x") -> tuple[int, dict[str, str]]:
    """One handshake as a program makes it; status and headers of the answer."""
    port = int(relay.address.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Authorization: Bearer {bearer}\r\n\r\n".encode()
        )
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
    finally:
        writer.transport.abort()
    first, *lines = head.split("\r\n")
    pairs = (line.partition(": ") for line in lines if line)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}


async def test_the_handshake_limit_stops_it_without_a_dial_or_a_task() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, openings_per_minute="10") as relay,
    ):
        for _ in range(10):
            async with client(relay.address, user="again") as me:
                await me.until("session.created")
            await relay.idle()
        await asyncio.sleep(0.1)
        before, began = tasks(), time.process_time()
        for _ in range(150):
            status, headers = await knock(relay, "dev-again")
            assert status == 429
            assert 1 <= int(headers["retry-after"]) <= 6
        assert time.process_time() - began < 150 * SECONDS_EACH
        assert len(upstream.connections) == 10
        assert len(relay.product.registry) == 0
        await asyncio.sleep(0.2)
        assert tasks() <= before
        assert relay.product.registry.refused == {"openings_per_minute": 150}
        assert len(relay.closed()) == 10  # who is refused has had no session
        async with client(relay.address, user="another") as me:  # an innocent beside it
            await me.until("session.created")


async def test_a_browser_is_told_by_an_event_and_a_code_that_may_be_tried_again() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, openings_per_minute="1") as relay,
    ):
        async with client(relay.address, user="again") as me:
            await me.until("session.created")
        await relay.idle()
        async with client(relay.address, user="again", subprotocols=["realtime"]) as me:
            (event,), code, _ = await me.rest()
        assert code == 4005
        assert event["error"]["code"] == "rate_limit_exceeded"
        assert 1000 <= event["error"]["retry_after_ms"] <= 60_000
        assert len(upstream.connections) == 1


def unknown_ticket(number: int) -> str:
    return f"ek_{number:043d}"


async def test_bad_credentials_from_one_address_are_soon_refused_unheard() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, failed_sign_ins_per_minute="5") as relay,
    ):
        seen = [(await knock(relay, unknown_ticket(n)))[0] for n in range(8)]
        assert seen == [401] * 5 + [429] * 3
        status, headers = await knock(relay, unknown_ticket(9))
        assert (status, headers["retry-after"]) == (429, "12")
        assert "door.strangers" in {line.get("rule") for line in relay.lines}
        another = {"Authorization": f"Bearer {unknown_ticket(10)}"}
        async with client(relay.address, headers=another, subprotocols=["realtime"]) as me:
            (event,), code, _ = await me.rest()
        assert code == 4005
        assert "bad credentials" in event["error"]["message"]
        assert upstream.connections == []


async def test_a_burst_of_bad_tickets_is_charged_before_the_store_is_asked() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, failed_sign_ins_per_minute="60") as relay,
    ):
        burst = await asyncio.gather(*(knock(relay, unknown_ticket(n)) for n in range(300)))
        heard = [status for status, _ in burst].count(401)
        assert 60 <= heard <= 65
        assert [status for status, _ in burst].count(429) == 300 - heard


async def test_one_dead_ticket_that_comes_again_for_ever_costs_its_colleagues_nothing() -> None:
    import httpx

    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, failed_sign_ins_per_minute="5") as relay,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        for _ in range(40):
            assert (await knock(relay, unknown_ticket(1)))[0] == 401
        for number in range(10):
            answer = await http.post(
                f"{relay.http}/tickets", headers={"Authorization": f"Bearer dev-user{number}"}
            )
            assert (await knock(relay, answer.json()["value"]))[0] == 101


async def test_who_can_be_judged_without_a_question_is_let_in_when_the_allowance_is_gone() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, failed_sign_ins_per_minute="5") as relay,
    ):
        for number in range(8):
            status, _ = await knock(relay, unknown_ticket(number))
        assert status == 429
        async with client(relay.address, user="ada") as me:
            await me.until("session.created")


async def test_a_ticket_is_spent_by_an_attempt_over_the_limit() -> None:
    """Who comes is asked first: a limit by user needs a user."""
    import httpx

    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, max_sessions_per_user="1") as relay,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        answer = await http.post(
            f"{relay.http}/tickets", headers={"Authorization": "Bearer dev-ada"}
        )
        ticket = answer.json()["value"]
        async with client(relay.address, user="ada") as me:
            await me.until("session.created")
            assert (await knock(relay, ticket))[0] == 429
            assert (await knock(relay, ticket))[0] == 401


async def test_the_limit_by_address_holds_whoever_comes() -> None:
    async with (
        nothing_left(),
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, max_sessions_per_ip="2") as relay,
    ):
        async with (
            client(relay.address, user="ada") as ada,
            client(relay.address, user="eve") as eve,
        ):
            await ada.until("session.created")
            await eve.until("session.created")
            status, headers = await knock(relay, "dev-joe")
            assert (status, headers["retry-after"]) == (429, "5")
            assert relay.product.registry.refused == {"sessions_per_ip": 1}
        await relay.idle()
        async with client(relay.address, user="joe") as joe:
            await joe.until("session.created")


async def test_behind_a_trusted_proxy_clients_have_addresses_of_their_own() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(
            upstream.address, max_sessions_per_ip="1", trusted_proxies="127.0.0.0/8"
        ) as relay,
    ):

        def via(*chain: str) -> dict[str, str]:
            return {"X-Forwarded-For": ", ".join(chain)}

        async with (
            client(relay.address, user="ada", headers=via("203.0.113.9")) as ada,
            client(relay.address, user="eve", headers=via("2001:db8:1:2::1")) as eve,
        ):
            await ada.until("session.created")
            await eve.until("session.created")
            for chain in (
                ["203.0.113.9"],
                ["198.51.100.1", "203.0.113.9"],  # forged in front of the proxy's own word
                ["2001:db8:1:2:ffff::7"],  # the same household
            ):
                with pytest.raises(InvalidStatus) as refused:
                    async with client(relay.address, user="joe", headers=via(*chain)):
                        pass
                assert refused.value.response.status_code == 429
            async with client(relay.address, user="joe", headers=via("203.0.113.10")) as joe:
                await joe.until("session.created")


async def test_without_a_trusted_proxy_the_header_helps_nobody() -> None:
    async with (
        scripted_upstream(scenes.ready) as upstream,
        running_relay(upstream.address, max_sessions_per_ip="1") as relay,
    ):
        async with client(relay.address, headers={"X-Forwarded-For": "203.0.113.1"}) as me:
            await me.until("session.created")
            with pytest.raises(InvalidStatus) as refused:
                async with client(relay.address, headers={"X-Forwarded-For": "203.0.113.2"}):
                    pass
            assert refused.value.response.status_code == 429
        (hint,) = [line for line in relay.lines if line["event"] == "proxy.not_trusted"]
        assert "RELAY_TRUSTED_PROXIES" in hint["hint"]
