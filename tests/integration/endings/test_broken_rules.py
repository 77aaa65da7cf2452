"""Which rule of the wire a peer broke stands in the session's line, and nothing of what it sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import client
from tests.harness.relay import running_relay
from tests.harness.upstream import Upstream, scripted_upstream
from tests.integration.endings import scenes

CANARY = b"canary"


@pytest.mark.parametrize(
    ("message", "reason", "fault"),
    [
        (CANARY, "binary", "binary message"),
        ("x" * 300_000, "message_too_big", "300000"),
        (CANARY + b"\xff", "invalid_text", "not UTF-8"),
        ([CANARY.decode()] * 2000, "protocol_error", "too many fragments"),
    ],
    ids=["binary", "too big", "not UTF-8", "fragments"],
)
async def test_the_rule_that_a_client_broke_is_named(message: Any, reason: str, fault: str) -> None:
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
        client(relay.address) as me,
    ):
        await me.until("session.created")
        text = True if reason == "invalid_text" else None
        await me.socket.send(message, text=text)
        await me.rest()
        line = await relay.one_closed()
    assert line["reason"] == reason
    assert fault in line["client_fault"]
    assert line["upstream_fault"] == ""
    assert CANARY.decode() not in str(line)


async def test_the_rule_that_upstream_broke_is_named() -> None:
    async def binary(upstream: Upstream) -> None:
        await upstream.greet()
        await upstream.next()
        await upstream.socket.send(CANARY)
        await upstream.drain()

    async with (
        scripted_upstream(binary) as scripted,
        running_relay(scripted.address) as relay,
        client(relay.address) as me,
    ):
        await me.until("session.created")
        await me.send({"type": "response.create"})
        await me.rest()
        line = await relay.one_closed()
    assert (line["reason"], line["upstream_fault"]) == ("upstream_protocol", "binary message")
    assert line["client_fault"] == ""
    assert CANARY.decode() not in str(line)


async def test_who_breaks_no_rule_has_no_fault() -> None:
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
    ):
        async with client(relay.address) as me:
            await me.until("session.created")
        line = await relay.one_closed()
    assert (line["client_fault"], line["upstream_fault"]) == ("", "")
