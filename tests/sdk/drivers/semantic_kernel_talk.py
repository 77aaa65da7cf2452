"""semantic-kernel's `OpenAIRealtimeWebsocket`: events of its own out, the SDK's and its own in."""

# mypy: ignore-errors
# It runs against packages that are not installed beside our own tests.

from __future__ import annotations

import asyncio
import json
from typing import Any

from openai import AsyncOpenAI
from scenario import TOOL_OUTPUT, VOICE, RawTalk, run
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import (
    OpenAIRealtimeExecutionSettings,
    OpenAIRealtimeWebsocket,
)
from semantic_kernel.contents import AudioContent, RealtimeAudioEvent, RealtimeEvent, TextContent
from semantic_kernel.contents.realtime_events import RealtimeTextEvent
from semantic_kernel.functions import kernel_function


class SemanticKernel(RawTalk):
    """The kernel runs the tool by itself, as it would in an application. Its tools are always named
    PLUGIN-FUNCTION, so the operator's tools file names one like that."""

    tool_question = "What is the forecast for Oslo?"

    def __init__(self, credential: str) -> None:
        super().__init__()
        self.credential = credential
        self.calls: list[dict[str, Any]] = []

    async def connect(self, address: str) -> dict[str, Any]:
        calls = self.calls

        @kernel_function(name="forecast", description="Forecast for a place.")
        def forecast(city: str) -> str:
            calls.append({"city": city})
            return TOOL_OUTPUT

        self.inbox = asyncio.Queue()
        kernel = Kernel()
        kernel.add_function(plugin_name="kernel", function=forecast)
        client = AsyncOpenAI(base_url=f"{address}/v1", api_key=self.credential)
        settings = OpenAIRealtimeExecutionSettings(
            instructions="Rhyme.",
            voice=VOICE,
            turn_detection={"type": "server_vad", "create_response": True},
            function_choice_behavior=FunctionChoiceBehavior.Auto(),
        )
        self.service = OpenAIRealtimeWebsocket(ai_model_id="gpt-realtime", client=client)
        await self.service.create_session(settings=settings, kernel=kernel)
        self.reading = asyncio.create_task(self._read())
        return {"session": (await self.until("session.created"))["session"]["id"]}

    async def _read(self) -> None:
        async for event in self.service.receive():
            raw = getattr(event, "service_event", None)
            if isinstance(event, RealtimeAudioEvent):
                raw = event.service_event or event.audio.inner_content
            if hasattr(raw, "to_json"):
                self.hear(json.loads(raw.to_json()))
        self.hear(None)

    async def configure(self) -> dict[str, Any]:
        """The settings went out with the connection."""
        session = (await self.until("session.updated"))["session"]
        tools = [tool["name"] for tool in session.get("tools") or ()]
        return {"voice": session["audio"]["output"]["voice"], "tools": tools}

    async def create(self, item: dict[str, Any]) -> None:
        text = TextContent(text=item["content"][0]["text"])
        await self.service.send(RealtimeTextEvent(text=text))

    async def respond(self) -> None:
        await self.service.send(RealtimeEvent(service_type="response.create"))

    async def append(self, audio: str) -> None:
        content = AudioContent(data=audio, data_format="base64")
        await self.service.send(RealtimeAudioEvent(audio=content))

    async def truncate(self, item_id: str, audio_end_ms: int) -> None:
        event = {"item_id": item_id, "content_index": 0, "audio_end_ms": audio_end_ms}
        kind = "conversation.item.truncate"
        await self.service.send(RealtimeEvent(service_type=kind, service_event=event))

    async def ask_tool(self, text: str) -> dict[str, Any]:
        await self._ask(text)
        await self.answer()
        answer = await self.answer()
        return {"called": "kernel-forecast", "arguments": self.calls[0], **answer.told()}

    async def close(self) -> dict[str, Any]:
        await self.service.close_session()
        await self.reading
        return {}

    async def expire(self) -> dict[str, Any]:
        await self.over()
        await self.reading
        return {}


if __name__ == "__main__":
    run(lambda given: SemanticKernel(given["credential"]))
