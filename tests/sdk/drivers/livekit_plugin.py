"""LiveKit's OpenAI plugin: a `RealtimeSession` as `AgentSession` drives it, without a room."""

# mypy: ignore-errors
# It runs against packages that are not installed beside our own tests.

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai.realtime import RealtimeModel
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from scenario import PIECE, TOOL_OUTPUT, VOICE, Answer, run, spoken

SAMPLES = PIECE // 2


@llm.function_tool
async def get_weather(city: str) -> str:
    """Current weather in a city."""
    return TOOL_OUTPUT


class LiveKit:
    """Its events come in by one queue. `form` is "openai" or "azure"."""

    def __init__(self, form: str, credential: str) -> None:
        self.form, self.credential = form, credential
        self.errors: list[str] = []
        self.reconnected = 0

    def _model(self, address: str) -> RealtimeModel:
        detection = ServerVad(type="server_vad", create_response=True, interrupt_response=True)
        given = {"voice": VOICE, "turn_detection": detection, "http_session": self.http}
        if self.form == "azure":
            return RealtimeModel.with_azure(
                azure_deployment="gpt-realtime",
                azure_endpoint=address,
                entra_token=self.credential,
                **given,
            )
        return RealtimeModel(base_url=f"{address}/v1", api_key=self.credential, **given)

    async def connect(self, address: str) -> dict[str, Any]:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.http = aiohttp.ClientSession()
        self.model = self._model(address)
        self.session = session = self.model.session()
        session.on("generation_created", self.inbox.put_nowait)
        session.on("input_speech_started", self.inbox.put_nowait)
        session.on("openai_server_event_received", self._raw)
        session.on("error", lambda event: self.errors.append(f"{event.error} {event.error.body}"))
        session.on("session_reconnected", lambda _: self.inbox.put_nowait("reconnected"))
        await self._event("session.created")
        return {}

    def _raw(self, event: dict[str, Any]) -> None:
        if event["type"] == "error":
            self.errors.append(json.dumps(event["error"]))
        self.inbox.put_nowait(event)

    async def _event(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = await self.inbox.get()
            if isinstance(event, dict) and event["type"] in kinds:
                return event

    async def _of(self, kind: type) -> Any:
        while True:
            event = await self.inbox.get()
            if isinstance(event, kind):
                return event

    async def configure(self) -> dict[str, Any]:
        """Instructions and tools as an agent's start sends them, and a context at the root."""
        first = (await self._event("session.updated"))["session"]
        await self.session.update_instructions("Rhyme.")
        await self._event("session.updated")
        await self.session.update_tools([get_weather])
        session = (await self._event("session.updated"))["session"]
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="We spoke before.")
        await self.session.update_chat_ctx(context)
        root = self.session.chat_ctx.items[0].text_content
        tools = [tool["name"] for tool in session["tools"]]
        voice = first["audio"]["output"]["voice"]
        return {"voice": voice, "tools": tools, "root": root}

    async def _hear(self, generation: llm.GenerationCreatedEvent) -> tuple[Answer, list[Any]]:
        answer = Answer()
        async for message in generation.message_stream:

            async def read(message: Any = message) -> None:
                async for text in message.text_stream:
                    answer.said += text

            async def listen(message: Any = message) -> None:
                async for frame in message.audio_stream:
                    answer.audio_bytes += len(frame.data.tobytes())

            await asyncio.gather(read(), listen())
        calls = [call async for call in generation.function_stream]
        answer.said = answer.said.strip()
        return answer, calls

    async def _ask(self, text: str) -> tuple[Answer, list[Any]]:
        context = self.session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self.session.update_chat_ctx(context)
        return await self._hear(await self.session.generate_reply())

    async def write(self, text: str) -> dict[str, Any]:
        answer, _ = await self._ask(text)
        await self._event("response.done")
        return answer.told()

    async def _say(self, pcm: bytes) -> None:
        async for part in spoken(pcm):
            samples = len(part) // 2
            self.session.push_audio(rtc.AudioFrame(part, 24_000, 1, samples))

    async def speak(self, pcm: bytes) -> dict[str, Any]:
        await self._say(pcm)
        await self._of(llm.InputSpeechStartedEvent)
        answer, _ = await self._hear(await self._of(llm.GenerationCreatedEvent))
        await self._event("response.done")
        return answer.told()

    async def ask_tool(self, text: str) -> dict[str, Any]:
        _, (call,) = await self._ask(text)
        await self._event("response.done")
        context = self.session.chat_ctx.copy()
        output = llm.FunctionCallOutput(
            call_id=call.call_id, name=call.name, output=TOOL_OUTPUT, is_error=False
        )
        context.items.append(output)
        await self.session.update_chat_ctx(context)
        answer, _ = await self._hear(await self.session.generate_reply())
        await self._event("response.done")
        called = {"called": call.name, "arguments": json.loads(call.arguments)}
        return {**called, **answer.told()}

    async def interrupt(self, pcm: bytes, times: int) -> dict[str, Any]:
        reasons = []
        await self._say(pcm)
        for _ in range(times):
            playing = (await self._event("response.output_audio.delta"))["item_id"]
            await self._say(pcm)
            await self._of(llm.InputSpeechStartedEvent)
            done = await self._event("response.done")
            reasons.append((done["response"].get("status_details") or {}).get("reason"))
            self.session.truncate(message_id=playing, modalities=["audio"], audio_end_ms=100)
            await self._event("conversation.item.truncated")
        last = (await self._event("response.done"))["response"]["status"]
        return {"interrupted": reasons.count("turn_detected"), "last": last}

    async def close(self) -> dict[str, Any]:
        await self.session.aclose()
        await self.model.aclose()
        await self.http.close()
        return {}

    async def expire(self) -> dict[str, Any]:
        """By its design it connects again at once, with what was said before."""
        while (event := await self.inbox.get()) != "reconnected":
            if isinstance(event, dict) and event["type"] == "error":
                code = event["error"]["code"]
        await self.close()
        return {"reconnects_after": code}


if __name__ == "__main__":
    run(lambda given: LiveKit(given["form"], given["credential"]))
