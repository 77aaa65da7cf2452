"""Audio at twelve times real time, in g711, by every way in: upstream gets twice real time.

The allowance is ten seconds at once and then twice real time. By bytes, g711 would have six times
that. What counts is when upstream received how much.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.client import Event
from tests.integration.lock.wires import Line, ends

SPEED, BURST_MS = 2.0, 10_000.0
TIMES, SECONDS = 12, 2.5
MESSAGE_MS = 500
SLACK_MS = 200
"""The upstream's clock is read later than the relay's, on a busy machine by a moment."""
SOUND = base64.b64encode(bytes(8 * MESSAGE_MS)).decode()
USUAL = {"audio_speed": SPEED}

PART = {"type": "input_audio", "audio": SOUND}
ITEM = {"type": "message", "role": "user", "content": [PART]}
WAYS: dict[str, Event] = {
    "append": {"type": "input_audio_buffer.append", "audio": SOUND},
    "item": {"type": "conversation.item.create", "item": ITEM},
    "input": {"type": "response.create", "response": {"conversation": "none", "input": [ITEM]}},
}


@dataclass
class Meter:
    """An upstream that speaks g711 and writes down what it hears, and when."""

    heard: list[tuple[float, float]] = field(default_factory=list)
    refuses: Callable[[Event], bool] = lambda event: False
    responses: int = 0

    def answer(self, event: Event) -> list[Event]:
        sound = str(event).count(SOUND)
        if sound:
            self.heard.append((asyncio.get_running_loop().time(), sound * MESSAGE_MS))
        if self.refuses(event):
            error = {"type": "invalid_request_error", "code": "cannot_update_voice"}
            return [{"type": "error", "error": {**error, "event_id": event.get("event_id")}}]
        match event["type"]:
            case "session.update":
                return [{"type": "session.updated", "session": {"input_audio_format": "g711_ulaw"}}]
            case "response.create":
                self.responses += 1
                response = {"id": f"resp_{self.responses}", "conversation_id": None}
                return [
                    {"type": "response.created", "response": response | {"status": "in_progress"}},
                    {"type": "response.done", "response": response | {"status": "completed"}},
                ]
            case _:
                return []

    def check(self) -> None:
        """Never ahead of the allowance by more than the message that uses it up."""
        began, total = self.heard[0][0], 0.0
        for at, sound in self.heard:
            total += sound
            allowed = BURST_MS + SPEED * 1000 * (at - began)
            assert total <= allowed + MESSAGE_MS + SLACK_MS, f"{total} ms after {at - began:.2f} s"
        assert total >= BURST_MS, "what is allowed arrives"
        assert total < TIMES * SECONDS * 1000 * 0.75, "and the rest was held back"


@asynccontextmanager
async def speaking_g711(meters: list[Meter], **settings: Any) -> AsyncIterator[list[Line]]:
    """One line for each meter, in g711."""
    async with ends(**USUAL, **settings) as both, AsyncExitStack() as open_lines:
        lines = []
        for number, meter in enumerate(meters):  # one user's sessions would share an allowance
            line = await open_lines.enter_async_context(
                both.line(meter.answer, user=f"user{number}")
            )
            session = {"input_audio_format": "g711_ulaw", "turn_detection": None}
            await line.me.send({"type": "session.update", "session": session})
            await line.me.until("session.updated")
            lines.append(line)
        yield lines
        for line in lines:  # what is held back would hold back the farewell as well
            line.me.socket.transport.abort()


async def rush(line: Line, event: Event) -> None:
    """Sends it at twelve times real time; reads what comes, so that nothing else holds it up."""
    reading = asyncio.create_task(_read(line))
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(TIMES * SECONDS * 1000 / MESSAGE_MS)):
        await asyncio.sleep(max(0.0, began + number * MESSAGE_MS / 1000 / TIMES - loop.time()))
        await line.me.send(event)
    await asyncio.sleep(0.2)
    reading.cancel()
    await asyncio.wait([reading])


async def _read(line: Line) -> None:
    while True:
        event = await line.me.next(within=60)
        assert event["type"] != "error", event


async def test_no_way_in_is_faster_than_the_allowance() -> None:
    meters = [Meter() for _ in WAYS]
    async with speaking_g711(meters) as lines:
        await asyncio.gather(
            *(rush(line, event) for line, event in zip(lines, WAYS.values(), strict=True))
        )
    for meter in meters:
        meter.check()


async def test_the_ways_in_share_one_allowance() -> None:
    meter = Meter()
    async with speaking_g711([meter]) as (line,):
        for _ in range(int(TIMES * SECONDS * 1000 / MESSAGE_MS / len(WAYS))):
            for event in WAYS.values():
                await line.me.send(event)
        await asyncio.sleep(1)
    meter.check()


async def test_a_wish_for_another_format_buys_no_audio() -> None:
    """An update that upstream refuses, because the voice can no longer be changed."""
    meter = Meter(refuses=lambda event: "voice" in event.get("session", {}))
    wish = {"voice": "echo", "input_audio_format": "pcm16"}
    async with speaking_g711([meter]) as (line,):
        for kind in ("input_audio_buffer.clear", "session.update"):
            await line.me.send({"type": kind, "event_id": "again", "session": wish})
        await line.me.until("error")
        await rush(line, WAYS["append"])
    meter.check()
