"""The moments of a session at which somebody may leave, as scripts of the upstream."""

from __future__ import annotations

import asyncio
import base64

from tests.harness.upstream import Event, Upstream

SILENCE = base64.b64encode(bytes(6000)).decode()


def response_begins() -> list[Event]:
    """A visible response with one audible item."""
    item = {"id": "item_a", "type": "message", "role": "assistant", "content": []}
    return [
        {
            "type": "response.created",
            "event_id": "s1",
            "response": {"id": "resp_a", "status": "in_progress", "output": []},
        },
        {
            "type": "response.output_item.added",
            "event_id": "s2",
            "response_id": "resp_a",
            "output_index": 0,
            "item": item,
        },
        {
            "type": "response.content_part.added",
            "event_id": "s3",
            "response_id": "resp_a",
            "item_id": "item_a",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "audio", "transcript": ""},
        },
    ]


def audio(number: int) -> Event:
    """One delta of 8 KB."""
    return {
        "type": "response.audio.delta",
        "event_id": f"d{number}",
        "response_id": "resp_a",
        "item_id": "item_a",
        "output_index": 0,
        "content_index": 0,
        "delta": SILENCE,
    }


async def speak(upstream: Upstream, deltas: int, pause: float = 0.0) -> None:
    """A response with so many deltas and no end."""
    for event in response_begins():
        await upstream.emit(event)
    for number in range(deltas):
        await upstream.emit(audio(number))
        if pause:
            await asyncio.sleep(pause)


async def ready(upstream: Upstream) -> None:
    """Configured, then silent."""
    await upstream.greet()
    await upstream.drain()


async def in_response(upstream: Upstream) -> None:
    """Configured, then speaking for a long time."""
    await upstream.greet()
    await asyncio.gather(speak(upstream, 2000, 0.01), upstream.drain())


async def flooding(upstream: Upstream) -> None:
    """Configured, then more audio than a client that does not read can take."""
    await upstream.greet()
    await asyncio.gather(speak(upstream, 6000), upstream.drain())


async def silent_after_greeting(upstream: Upstream) -> None:
    """Greets and never answers our update."""
    await upstream.emit({"type": "session.created", "session": upstream.session})
    await upstream.drain()
