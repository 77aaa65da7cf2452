"""What every client does, whatever its SDK: a conversation with a relay, told as JSON lines.

Runs inside an SDK's own environment, so it knows nothing but the standard library. A driver makes a
`Talk` out of its SDK, and `run` leads it through the steps; a line for each says what the SDK saw.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

PATIENCE = 40.0
PIECE = 4_800
TURNS = 12
QUESTION = "What is the capital of France?"
TOOL_QUESTION = "What is the weather in Oslo?"
TOOL_OUTPUT = "Rain and 7 degrees"
VOICE = "sage"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@dataclass
class Answer:
    """One answer as the SDK handed it over: its words, the bytes of its sound, its calls."""

    said: str = ""
    audio_bytes: int = 0
    status: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {"said": self.said, "audio_bytes": self.audio_bytes}


class Talk(Protocol):
    """A client of one SDK. `errors` are all errors that it has shown until now."""

    errors: list[str]

    async def connect(self, address: str) -> dict[str, Any]: ...
    async def configure(self) -> dict[str, Any]: ...
    async def write(self, text: str) -> dict[str, Any]: ...
    async def speak(self, pcm: bytes) -> dict[str, Any]: ...
    async def ask_tool(self, text: str) -> dict[str, Any]: ...
    async def interrupt(self, pcm: bytes, times: int) -> dict[str, Any]: ...
    async def close(self) -> dict[str, Any]: ...
    async def expire(self) -> dict[str, Any]: ...


async def spoken(pcm: bytes) -> AsyncIterator[bytes]:
    """The audio in pieces of 100 ms, about as a microphone hands them over but twice as fast."""
    for at in range(0, len(pcm), PIECE):
        yield pcm[at : at + PIECE]
        await asyncio.sleep(0.045)


def tell(step: str, **evidence: Any) -> None:
    """One line for the test."""
    sys.stdout.write(json.dumps({"step": step, **evidence}) + "\n")
    sys.stdout.flush()


async def converse(talk: Talk, given: dict[str, Any], pcm: bytes) -> None:
    """The whole conversation, then a second connection that the relay ends."""
    steps: list[tuple[str, Callable[[], Awaitable[dict[str, Any]]]]] = [
        ("connect", lambda: talk.connect(given["address"])),
        ("configure", talk.configure),
        ("text", lambda: talk.write(QUESTION)),
        ("audio", lambda: talk.speak(pcm)),
        ("tool", lambda: talk.ask_tool(getattr(talk, "tool_question", TOOL_QUESTION))),
        ("interruptions", lambda: talk.interrupt(pcm, TURNS)),
        ("close", talk.close),
        ("connect again", lambda: talk.connect(given["expiring"])),
        ("expiry", talk.expire),
    ]
    for name, step in steps:
        if name in given.get("without", ()):
            continue
        try:
            async with asyncio.timeout(given.get("patience", {}).get(name, PATIENCE)):
                evidence = await step()
        except BaseException:
            said = traceback.format_exc(limit=-6)
            tell(name, failed=said[-3000:], errors=talk.errors)
            sys.stderr.flush()
            os._exit(1)  # some SDKs' tasks do not end when they are cancelled
        tell(name, errors=list(talk.errors), **evidence)
        talk.errors.clear()


def run(make: Callable[[dict[str, Any]], Talk]) -> None:
    """The main program of a driver; its argument is a JSON object."""
    given = json.loads(sys.argv[1])
    pcm = Path(given["speech"]).read_bytes()

    async def main() -> None:
        await converse(make(given), given, pcm)

    asyncio.run(main())


PREVIEW_TO_GA = (
    ("response.audio_transcript.", "response.output_audio_transcript."),
    ("response.audio.", "response.output_audio."),
    ("response.text.", "response.output_text."),
    ("conversation.item.created", "conversation.item.added"),
)


class RawTalk:
    """The part of a `Talk` that SDKs share which hand every event to the application.

    A driver writes `update`, `create`, `respond`, `append`, `truncate` with its SDK's own calls,
    and gives what the SDK receives to `hear`, as a dict; None when the connection is over.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.inbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def update(self, voice: str) -> None:
        raise NotImplementedError

    async def create(self, item: dict[str, Any]) -> None:
        raise NotImplementedError

    async def respond(self) -> None:
        raise NotImplementedError

    async def append(self, audio: str) -> None:
        raise NotImplementedError

    async def truncate(self, item_id: str, audio_end_ms: int) -> None:
        raise NotImplementedError

    def hear(self, event: dict[str, Any] | None) -> None:
        """One event of the SDK's, in order."""
        if event is not None:
            for old, new in PREVIEW_TO_GA:
                if event["type"].startswith(old):
                    event = {**event, "type": event["type"].replace(old, new)}
            if event["type"] == "error":
                self.errors.append(json.dumps(event["error"]))
        self.inbox.put_nowait(event)

    async def until(self, *kinds: str) -> dict[str, Any]:
        """The next event of one of these types. The connection's end is an error here."""
        while True:
            event = await self.inbox.get()
            if event is None:
                raise ConnectionError(f"closed while waiting for {kinds}; errors: {self.errors}")
            if event["type"] in kinds:
                return event

    async def answer(self) -> Answer:
        """The next answer, to its end."""
        heard = Answer()
        while True:
            event = await self.until(
                "response.output_audio.delta",
                "response.output_audio_transcript.done",
                "response.output_text.done",
                "response.function_call_arguments.done",
                "response.done",
            )
            match event["type"]:
                case "response.output_audio.delta":
                    heard.audio_bytes += len(base64.b64decode(event["delta"]))
                case "response.output_audio_transcript.done":
                    heard.said += event["transcript"]
                case "response.output_text.done":
                    heard.said += event["text"]
                case "response.function_call_arguments.done":
                    heard.calls.append(event)
                case _:
                    heard.status = event["response"]["status"]
                    return heard

    async def configure(self) -> dict[str, Any]:
        await self.update(VOICE)
        session = (await self.until("session.updated"))["session"]
        audio = session.get("audio") or {}
        voice = session.get("voice") or (audio.get("output") or {}).get("voice")
        tools = [tool["name"] for tool in session.get("tools") or ()]
        return {"voice": voice, "tools": tools}

    async def write(self, text: str) -> dict[str, Any]:
        await self._ask(text)
        return (await self.answer()).told()

    async def _ask(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.create({"type": "message", "role": "user", "content": content})
        await self.respond()

    async def speak(self, pcm: bytes) -> dict[str, Any]:
        await self._say(pcm)
        await self.until("input_audio_buffer.speech_started")
        await self.until("input_audio_buffer.speech_stopped")
        await self.until("input_audio_buffer.committed")
        return (await self.answer()).told()

    async def _say(self, pcm: bytes) -> None:
        async for part in spoken(pcm):
            await self.append(base64.b64encode(part).decode())

    async def ask_tool(self, text: str) -> dict[str, Any]:
        await self._ask(text)
        (call,) = (await self.answer()).calls
        output = {"type": "function_call_output", "call_id": call["call_id"]}
        await self.create({**output, "output": TOOL_OUTPUT})
        await self.respond()
        answer = await self.answer()
        called = {"called": call.get("name"), "arguments": json.loads(call["arguments"])}
        return {**called, **answer.told()}

    async def interrupt(self, pcm: bytes, times: int) -> dict[str, Any]:
        """Speaks, hears the answer begin, and speaks again into it, so often."""
        reasons = []
        await self._say(pcm)
        for _ in range(times):
            playing = (await self.until("response.output_audio.delta"))["item_id"]
            await self._say(pcm)
            await self.until("input_audio_buffer.speech_started")
            done = await self.until("response.done")
            reasons.append((done["response"].get("status_details") or {}).get("reason"))
            await self.truncate(playing, 100)
            await self.until("conversation.item.truncated")
        last = await self.answer()
        return {"interrupted": reasons.count("turn_detected"), "last": last.status}

    async def over(self) -> None:
        """Waits for the end of the connection."""
        while await self.inbox.get() is not None:
            pass
