"""openai-agents for Python: a `RealtimeSession` as its runner makes it, over its WebSocket."""

# mypy: ignore-errors
# It runs against packages that are not installed beside our own tests.

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from scenario import TOOL_OUTPUT, VOICE, Answer, run, spoken


class OpenAiAgents:
    """What the session hands over comes by one queue: its own events, and the model's raw ones."""

    def __init__(self, credential: str) -> None:
        self.credential = credential
        self.errors: list[str] = []
        self.calls: list[dict[str, Any]] = []

    async def connect(self, address: str) -> dict[str, Any]:
        calls = self.calls

        @function_tool
        def get_weather(city: str) -> str:
            """Current weather in a city."""
            calls.append({"city": city})
            return TOOL_OUTPUT

        agent = RealtimeAgent(name="Guide", instructions="Rhyme.", tools=[get_weather])
        detection = {"type": "server_vad", "interrupt_response": True}
        settings = {"voice": VOICE, "turn_detection": detection}
        url = f"{address.replace('https:', 'wss:')}/v1/realtime?model=gpt-realtime"
        self.session = await RealtimeRunner(agent).run(
            model_config={
                "url": url,
                "api_key": self.credential,
                "initial_model_settings": settings,
            }
        )
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        await self.session.enter()
        self.reading = asyncio.create_task(self._read())
        return {}

    async def _read(self) -> None:
        try:
            async for event in self.session:
                if event.type == "error":
                    self.errors.append(_words(event.error))
                if event.type == "raw_model_event" and event.data.type == "raw_server_event":
                    self.inbox.put_nowait(event.data.data)
                    if event.data.data["type"] == "error":
                        self.errors.append(json.dumps(event.data.data["error"]))
                elif event.type == "raw_model_event" and event.data.type == "connection_status":
                    if event.data.status == "disconnected":
                        break
                elif event.type == "audio":
                    self.inbox.put_nowait({"type": "audio", "bytes": len(event.audio.data)})
                else:
                    self.inbox.put_nowait({"type": event.type})
        finally:
            self.inbox.put_nowait(None)

    async def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = await self.inbox.get()
            if event is None:
                raise ConnectionError(f"closed while waiting for {kinds}: {self.errors}")
            if event["type"] in kinds:
                return event

    async def answer(self) -> Answer:
        heard = Answer()
        while True:
            event = await self.until(
                "audio", "response.output_audio_transcript.done", "response.done"
            )
            if event["type"] == "audio":
                heard.audio_bytes += event["bytes"]
            elif event["type"] == "response.done":
                heard.status = event["response"]["status"]
                return heard
            else:
                heard.said += event["transcript"]

    async def configure(self) -> dict[str, Any]:
        """Two updates went out with the connection: the settings, and tracing."""
        await self.until("session.updated")
        session = (await self.until("session.updated"))["session"]
        tools = [tool["name"] for tool in session["tools"]]
        return {"voice": session["audio"]["output"]["voice"], "tools": tools}

    async def write(self, text: str) -> dict[str, Any]:
        await self.session.send_message(text)
        return (await self.answer()).told()

    async def _say(self, pcm: bytes) -> None:
        async for part in spoken(pcm):
            await self.session.send_audio(part)

    async def speak(self, pcm: bytes) -> dict[str, Any]:
        await self._say(pcm)
        await self.until("input_audio_buffer.speech_started")
        return (await self.answer()).told()

    async def ask_tool(self, text: str) -> dict[str, Any]:
        await self.session.send_message(text)
        await self.answer()
        answer = await self.answer()
        return {"called": "get_weather", "arguments": self.calls[0], **answer.told()}

    async def interrupt(self, pcm: bytes, times: int) -> dict[str, Any]:
        reasons = []
        await self._say(pcm)
        for _ in range(times):
            await self.until("audio")
            await self._say(pcm)
            await self.until("audio_interrupted")
            done = await self.until("response.done")
            reasons.append((done["response"].get("status_details") or {}).get("reason"))
            await self.until("conversation.item.truncated")
        last = await self.answer()
        return {"interrupted": reasons.count("turn_detected"), "last": last.status}

    async def close(self) -> dict[str, Any]:
        await self.session.close()
        await self.reading
        return {}

    async def expire(self) -> dict[str, Any]:
        while await self.inbox.get() is not None:
            pass
        await self.session.close()
        return {}


def _words(error: Any) -> str:
    return str(error)


if __name__ == "__main__":
    run(lambda given: OpenAiAgents(given["credential"]))
