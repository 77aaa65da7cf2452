"""Flow I: sessions that reach a limit of upstream's or of ours, and the relay's own events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.client import Client
from tests.integration.flows.stack import Stack, errors, stack

SENTENCE = "Your session hit the maximum duration of {}."


async def expired(way: Stack, me: Client, limit: str) -> dict[str, Any]:
    """Reads to the end: an error `session_expired`, then 1001 with the sentence; one log line."""
    events, code, reason = await me.rest(within=10)
    assert events[-1]["type"] == "error", "the error is the last event"
    (error,) = errors(events)
    assert error == {
        "type": "invalid_request_error",
        "code": "session_expired",
        "message": SENTENCE.format(limit),
        "param": None,
        "event_id": None,
    }
    assert (code, reason) == (1001, SENTENCE.format(limit))
    line = await way.relay.one_closed()
    assert line["reason"] == "session_time_limit"
    assert line["client_code_sent"] == 1001
    return line


async def test_a_session_that_upstream_ends_at_its_limit_ends_with_the_sentence() -> None:
    async with stack(upstream={"session_seconds": 1.0}) as way, way.client() as me:
        line = await expired(way, me, "30 minutes")
        (connection,) = way.upstream.journal.connections
        assert connection.close_code_sent in (1000, 1001)
    assert line["phase"] == "ready"


async def test_upstreams_limit_cuts_an_answer_short() -> None:
    async with stack(upstream={"session_seconds": 1.0, "pace": 1.0}) as way:
        async with way.client() as me:
            await me.say("Tell me a story")
            await expired(way, me, "30 minutes")
    assert "response.created" in me.types()
    assert "response.done" not in me.types()


async def test_a_session_ends_at_the_relays_own_limit() -> None:
    async with stack(session_max_seconds=1) as way, way.client() as me:
        line = await expired(way, me, "1 second")
        (connection,) = way.upstream.journal.connections
        assert connection.close_code_received == 1000, "upstream is let go politely"
    assert 0.9 < line["duration_s"] < 2.5


async def test_the_limit_is_the_conversations_also_for_one_that_talks_without_end() -> None:
    async with stack(session_max_seconds=1, upstream={"pace": 1.0}) as way:
        async with way.client() as me:
            await me.say("Tell me a story")
            await expired(way, me, "1 second")
    assert "response.created" in me.types()


async def test_a_session_in_which_nothing_is_said_is_warned_and_ended() -> None:
    async with stack(idle_seconds=1) as way, way.client(private=True) as me:
        assert (await me.next())["type"] == "relay.session"
        events, code, reason = await me.rest()
        warning, *_ = events
        (error,) = errors(events)
        line = await way.relay.one_closed()
    assert [event["type"] for event in events] == ["relay.warning", "error"]
    assert warning["limit"] == "idle"
    assert 0 < warning["remaining_ms"] <= 500
    assert error["code"] == "session_expired"
    assert (code, reason) == (4004, error["message"])
    assert line["reason"] == "idle_timeout"


async def test_silence_sent_as_audio_is_no_conversation() -> None:
    async with stack(idle_seconds=1) as way, way.client() as me:
        for _ in range(12):
            await me.send({"type": "input_audio_buffer.append", "audio": "AAAA" * 64})
            if not await me.nothing(0.1):
                break
        _, code, _ = await me.rest()
    assert code == 4004
    assert 0.9 < way.relay.closed()[0]["duration_s"] < 2.5


async def test_an_answer_that_takes_longer_than_the_idle_limit_is_not_cut() -> None:
    async with stack(idle_seconds=1, upstream={"pace": 4.0}) as way, way.client() as me:
        await me.say("Tell me a story")
        await me.until("response.audio.delta")
        loop = asyncio.get_running_loop()
        enough = loop.time() + 1.4
        while loop.time() < enough:
            assert (await me.next())["type"].endswith(".delta")
        await me.send({"type": "response.cancel"})
        await me.until("response.done")
        _, code, _ = await me.rest()
    assert code == 4004
    assert way.relay.closed()[0]["duration_s"] > 2.3


async def test_relay_session_tells_a_client_that_asked_what_it_is_in() -> None:
    async with stack() as way, way.client(private=True) as me:
        told = await me.next()
        assert await me.nothing(0.1)
    session = me.seen[0]["session"]
    told.pop("event_id")
    assert told == {
        "type": "relay.session",
        "session_id": session["id"],
        "expires_at": session["expires_at"],
        "idle_seconds": 300,
        "profile": "guided",
        "upstream": "embedded",
    }
    assert me.socket.subprotocol == "realtime"


async def test_relay_warning_comes_before_the_limit_for_a_client_that_asked() -> None:
    async with stack(session_max_seconds=31) as way, way.client(private=True) as me:
        await me.until("relay.session")
        warning = await me.next(within=5)
    assert warning["type"] == "relay.warning"
    assert warning["limit"] == "session"
    assert 28_000 < warning["remaining_ms"] <= 30_000


@pytest.mark.parametrize("subprotocols", [None, ["realtime"]], ids=["none", "realtime"])
async def test_other_clients_never_see_an_event_that_no_sdk_knows(
    subprotocols: list[str] | None,
) -> None:
    """Some SDKs close the socket for an event type that they do not know."""
    async with stack(idle_seconds=1) as way:
        async with way.client(subprotocols=subprotocols) as me:
            events, code, _ = await me.rest()
    assert [event["type"] for event in events] == ["error"]
    assert code == 4004, "a warning was due before that"


async def test_what_a_client_says_to_the_relay_alone_never_goes_upstream() -> None:
    async with stack() as way, way.client(private=True) as me:
        await me.until("relay.session")
        await me.send({"type": "relay.identity.update", "token": "x", "event_id": "p1"})
        (error,) = errors([await me.next()])
    assert error["event_id"] == "p1"
    assert way.received() == {"session.update": 1}
