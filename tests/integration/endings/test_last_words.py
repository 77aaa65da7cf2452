"""The last words arrive: an `error` event, then a close frame with code and reason."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.harness.client import client
from tests.harness.leftovers import nothing_left
from tests.harness.relay import running_relay
from tests.harness.upstream import Upstream, scripted_upstream
from tests.integration.endings import scenes

APPEND = {"type": "input_audio_buffer.append", "audio": "A" * 6400}


FIVE_MB = 5 * 1024 * 1024


async def five_megabytes(upstream: Upstream) -> None:
    """One delta so large that most of it waits in the relay's own buffer."""
    await upstream.greet()
    await scenes.speak(upstream, 1)
    await upstream.emit({**scenes.audio(1), "delta": "A" * FIVE_MB})
    await upstream.drain()


async def test_they_arrive_behind_5_mb_of_audio_while_the_client_is_still_sending() -> None:
    async with (
        scripted_upstream(five_megabytes) as scripted,
        running_relay(scripted.address, session_max_seconds="2") as relay,
        nothing_left(),
        client(relay.address, max_queue=1) as me,
    ):
        await me.until("response.audio.delta")

        async def keep_sending() -> None:
            for _ in range(2000):
                await me.send(APPEND)
                await asyncio.sleep(0.005)

        sending = asyncio.create_task(keep_sending())
        await asyncio.sleep(2.5)  # the limit has passed, and nothing was read since
        events, code, text = await me.rest()
        sending.cancel()
        await asyncio.wait([sending])
        line = await relay.one_closed()
    assert (code, text) == (1001, "Your session hit the maximum duration of 2 seconds.")
    assert events[-1]["error"]["code"] == "session_expired"
    (delta,) = [event for event in events if event["type"] == "response.audio.delta"]
    assert len(delta["delta"]) == FIVE_MB
    assert line["reason"] == "session_time_limit"
    assert line["client_events_in"] > 20, "the client went on sending"


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (b"\x00\x01", 1003, "binary"),
        ("x" * 300_000, 1009, "message_too_big"),
    ],
)
async def test_a_message_that_the_wire_refuses_is_explained(
    message: str | bytes, code: int, reason: str
) -> None:
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(),
        client(relay.address) as me,
    ):
        await me.until("session.created")
        await me.send(message)
        events, got, _ = await me.rest()
        line = await relay.one_closed()
    assert got == code
    (error,) = events
    assert error["error"]["code"] == reason
    assert error["error"]["type"] == "invalid_request_error"
    assert (line["reason"], line["client_code_sent"]) == (reason, code)
    assert scripted.one.types() == ["session.update"], "only our own update went up"


async def test_text_that_is_not_utf8_is_explained() -> None:
    async with (
        scripted_upstream(scenes.ready) as scripted,
        running_relay(scripted.address) as relay,
        client(relay.address) as me,
    ):
        await me.until("session.created")
        await me.socket.send(b'{"type":"\xff"}', text=True)
        events, code, _ = await me.rest()
    assert (code, events[-1]["error"]["code"]) == (1007, "invalid_text")


async def test_what_upstream_refuses_ends_the_session_and_nothing_of_the_clients_goes_up() -> None:
    async def refuse(upstream: Upstream) -> None:
        await upstream.emit({"type": "session.created", "session": upstream.session})
        await upstream.next()
        await asyncio.sleep(0.3)  # the client has sent its events by now
        error = {"type": "invalid_request_error", "code": "invalid_value", "param": "session.voice"}
        await upstream.emit({"type": "error", "error": error})
        await upstream.drain()

    async with (
        scripted_upstream(refuse) as scripted,
        running_relay(scripted.address, session_instructions="the secret prompt") as relay,
        nothing_left(),
        client(relay.address) as me,
    ):
        await me.send({"type": "response.create"})
        await me.say("let me in")
        events, code, text = await me.rest()
        line = await relay.one_closed()
    assert scripted.one.types() == ["session.update"]
    assert json.loads(scripted.one.received[0])["session"]["instructions"] == "the secret prompt"
    assert (code, text) == (4510, "The service is not set up correctly.")
    assert [event["type"] for event in events] == ["error"]
    assert "secret" not in json.dumps(events)
    assert line["reason"] == "upstream_refused"
    assert any(entry["event"] == "configuration.refused" for entry in relay.lines)


async def test_what_the_client_sends_early_waits_in_order_until_the_session_is_ready() -> None:
    async def slow_start(upstream: Upstream) -> None:
        await asyncio.sleep(0.3)
        await upstream.greet()
        await upstream.drain()

    text = {"type": "input_text", "text": "Hi"}
    async with (
        scripted_upstream(slow_start) as scripted,
        running_relay(scripted.address) as relay,
        client(relay.address) as me,
    ):
        for number in range(40):
            item = {"type": "message", "role": "user", "id": f"n{number}", "content": [text]}
            await me.send({"type": "conversation.item.create", "item": item})
        await me.until("session.created")
        async with asyncio.timeout(5):
            while len(scripted.one.received) < 41:
                await asyncio.sleep(0.01)
    sent = [json.loads(frame)["item"]["id"] for frame in scripted.one.received[1:]]
    assert sent == [f"n{number}" for number in range(40)]


async def test_an_upstream_that_never_answers_our_update_is_given_up_in_time() -> None:
    async with (
        scripted_upstream(scenes.silent_after_greeting) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(),
        client(relay.address) as me,
    ):
        _, code, _ = await me.rest(within=12)
        line = await relay.one_closed()
    assert (code, line["reason"], line["phase"]) == (4001, "upstream_unavailable", "configuring")


async def test_a_client_that_does_not_read_is_ended_within_its_stall_limit_and_a_second() -> None:
    async with (
        scripted_upstream(scenes.flooding) as scripted,
        running_relay(scripted.address) as relay,
        nothing_left(),
        client(relay.address, max_queue=1) as me,
    ):
        await me.until("response.audio.delta")
        began = asyncio.get_running_loop().time()
        me.socket.transport.pause_reading()
        line = await relay.one_closed(within=20)
        took = asyncio.get_running_loop().time() - began
        me.socket.transport.abort()
    assert line["reason"] == "slow_client"
    assert took < 13, took


async def test_a_healthy_slow_reader_loses_nothing() -> None:
    async def finite(upstream: Upstream) -> None:
        await upstream.greet()
        await scenes.speak(upstream, 1500)
        done = {"id": "resp_a", "status": "completed", "output": []}
        await upstream.emit({"type": "response.done", "response": done})
        await upstream.drain()

    async with (
        scripted_upstream(finite) as scripted,
        running_relay(scripted.address) as relay,
        client(relay.address, max_queue=1) as me,
    ):
        numbers = []
        while True:
            event = await me.next()
            if event["type"] == "response.audio.delta":
                numbers.append(event["event_id"])
                if len(numbers) % 100 == 0:
                    await asyncio.sleep(0.05)
            if event["type"] == "response.done":
                break
    assert numbers == [f"d{number}" for number in range(1500)]
