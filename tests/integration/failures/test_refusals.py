"""Upstream answers the handshake, but not with 101."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.harness.client import client
from tests.integration.failures.front import Front, endless, in_peace, says, talks
from tests.integration.failures.scene import (
    KEY,
    NOT_SET_UP,
    UNAVAILABLE,
    dial_failures,
    one_dial_failed,
    relay_before,
    someone,
    turned_down,
)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_is_the_operators_affair_and_final(status: int) -> None:
    front = Front(says(status, "apim-request-id: req-7"))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_refused", 4510, NOT_SET_UP, "operator")
        assert "retry_after_ms" not in seen.error
        one_dial_failed(relay, f"status {status}", "req-7")
    assert len(front.callers) == 1, "no retry"


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed(status: int) -> None:
    elsewhere = Front(talks(in_peace))
    async with elsewhere.serving() as other:
        front = Front(says(status, f"Location: {other}/openai/realtime"))
        async with relay_before(front) as relay:
            seen = await turned_down(relay)
            seen.must_be("upstream_refused", 4510, NOT_SET_UP, "operator")
            one_dial_failed(relay, f"status {status}")
    assert front.callers[0].headers["api-key"] == KEY
    assert not elsewhere.callers, "the key went to where the redirect pointed"


async def test_a_short_retry_after_is_obeyed_and_the_client_notices_nothing() -> None:
    front = Front(says(429, "Retry-After: 1"), talks(in_peace))
    async with relay_before(front) as relay:
        began = asyncio.get_running_loop().time()
        async with client(relay.address) as me:
            await me.until("session.created")
            assert asyncio.get_running_loop().time() - began >= 1
        line = await relay.one_closed()
        assert line["reason"] == "client_closed"
        assert not dial_failures(relay)
    assert len(front.callers) == 2


@pytest.mark.parametrize("reply", [says, endless], ids=["a whole answer", "an endless body"])
async def test_a_long_retry_after_is_handed_on_and_holds_for_everyone(reply: object) -> None:
    answer = endless if reply is endless else says
    front = Front(answer(429, "Retry-After: 30"))
    async with relay_before(front) as relay:
        began = asyncio.get_running_loop().time()
        seen = await turned_down(relay)
        assert asyncio.get_running_loop().time() - began < 2, "no body was awaited"
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        assert 30_000 <= seen.error["retry_after_ms"] <= 36_000
        one_dial_failed(relay, "status 429")
        with pytest.raises(InvalidStatus) as caught:
            async with client(relay.address, user=someone()):
                pass
        assert caught.value.response.status_code == 503
        assert 28 <= int(caught.value.response.headers["Retry-After"]) <= 36
        assert len(relay.closed()) == 1, "the second had no session"
    assert len(front.callers) == 1, "upstream was left alone"


async def test_a_busy_service_that_names_no_time_is_not_tried_again() -> None:
    front = Front(says(429))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        one_dial_failed(relay, "status 429")
    assert len(front.callers) == 1


@pytest.mark.parametrize("status", [500, 503])
async def test_a_failing_service_is_tried_three_times(status: int) -> None:
    front = Front(says(status))
    async with relay_before(front) as relay:
        seen = await turned_down(relay)
        seen.must_be("upstream_unavailable", 4001, UNAVAILABLE, "upstream")
        one_dial_failed(relay, f"status {status}")
    assert len(front.callers) == 3
    assert len({caller.headers["x-ms-client-request-id"] for caller in front.callers}) == 1


async def test_the_third_try_may_succeed() -> None:
    front = Front(says(503), endless(500), talks(in_peace))
    async with relay_before(front) as relay:
        async with client(relay.address) as me:
            await me.until("session.created")
        line = await relay.one_closed()
        assert (line["reason"], line["upstream_code_sent"]) == ("client_closed", 1000)
        assert not dial_failures(relay)


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


async def test_interim_answers_are_skipped() -> None:
    front = Front(talks(in_peace, first=INTERIM))
    async with relay_before(front) as relay:
        async with client(relay.address) as me:
            await me.until("session.created")
        line = await relay.one_closed()
        assert line["reason"] == "client_closed"
        assert line["upstream_request_id"] == "req-101"
    assert len(front.callers) == 1


async def test_the_client_may_leave_while_the_relay_waits_to_try_again() -> None:
    front = Front(says(429, "Retry-After: 5"))
    async with relay_before(front) as relay:
        async with connect(
            f"{relay.address}/ws",
            additional_headers={"Authorization": "Bearer dev-leaver"},
            proxy=None,
        ):
            async with asyncio.timeout(2):
                while not front.callers:
                    await asyncio.sleep(0.005)
        line = await relay.one_closed(2)
        assert line["reason"] == "client_closed"
        assert not dial_failures(relay)
    assert len(front.callers) == 1
