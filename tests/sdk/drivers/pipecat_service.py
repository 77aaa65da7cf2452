"""pipecat's `OpenAIRealtimeLLMService` in a pipeline, between a context's two aggregators."""

# mypy: ignore-errors
# It runs against packages that are not installed beside our own tests.

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMMessagesAppendFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from scenario import TOOL_OUTPUT, VOICE, WEATHER, Answer, run, spoken


class Ear(FrameProcessor):
    """The end of the pipeline: what would be played, and errors."""

    def __init__(self, inbox: asyncio.Queue[Any]) -> None:
        super().__init__()
        self.inbox = inbox

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.inbox.put_nowait(frame)
        await self.push_frame(frame, direction)


class Pipecat:
    """A pipeline of one service; `errors` are its error frames. `form` "append" says the text by a
    frame of its own in the middle of the session."""

    def __init__(self, form: str, credential: str) -> None:
        self.form, self.credential = form, credential
        self.errors: list[str] = []
        self.calls: list[dict[str, Any]] = []

    async def connect(self, address: str) -> dict[str, Any]:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        weather = FunctionSchema(
            name="get_weather",
            description=WEATHER["description"],
            properties=WEATHER["parameters"]["properties"],
            required=["city"],
        )
        properties = events.SessionProperties(
            audio=events.AudioConfiguration(
                input=events.AudioInput(
                    turn_detection=events.TurnDetection(type="server_vad", silence_duration_ms=200)
                ),
                output=events.AudioOutput(voice=VOICE),
            ),
        )
        self.service = OpenAIRealtimeLLMService(
            api_key=self.credential,
            base_url=f"wss://{urlsplit(address).netloc}/v1/realtime",
            settings=OpenAIRealtimeLLMService.Settings(
                model="gpt-realtime",
                system_instruction="Rhyme.",
                session_properties=properties,
            ),
        )
        self.service.register_function("get_weather", self._weather)
        self._watch(self.service)
        context = LLMContext(tools=ToolsSchema(standard_tools=[weather]))
        turns = LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies())
        both = LLMContextAggregatorPair(context, user_params=turns)
        pipeline = Pipeline([both.user(), self.service, Ear(self.inbox), both.assistant()])
        params = PipelineParams(audio_in_sample_rate=24_000, audio_out_sample_rate=24_000)
        self.task = PipelineTask(pipeline, params=params, idle_timeout_secs=None)
        self.task.add_reached_upstream_filter((ErrorFrame,))
        self.task.event_handler("on_frame_reached_upstream")(self._upstream)
        runner = PipelineRunner(handle_sigint=False)
        self.running = asyncio.create_task(runner.run(self.task))
        await self._event("session.created")
        return {}

    def _watch(self, service: OpenAIRealtimeLLMService) -> None:
        """Reads along what the service itself parses."""
        parse = events.parse_server_event
        inbox = self.inbox

        def reading(message: str) -> Any:
            inbox.put_nowait(json.loads(message))
            return parse(message)

        reading.__wrapped__ = parse
        events.parse_server_event = reading

    async def _upstream(self, _: Any, frame: ErrorFrame) -> None:
        self.errors.append(frame.error)

    async def _weather(self, params: Any) -> None:
        self.calls.append(dict(params.arguments))
        await params.result_callback(TOOL_OUTPUT)

    async def _event(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = await self.inbox.get()
            if isinstance(event, dict) and event["type"] in kinds:
                return event

    async def answer(self) -> Answer:
        heard = Answer()
        while True:
            frame = await self.inbox.get()
            match frame:
                case TTSAudioRawFrame():
                    heard.audio_bytes += len(frame.audio)
                case TTSTextFrame():
                    heard.said += frame.text
                case LLMFullResponseEndFrame():
                    return heard

    async def configure(self) -> dict[str, Any]:
        session = (await self._event("session.updated"))["session"]
        return {"voice": session["audio"]["output"]["voice"]}

    async def write(self, text: str) -> dict[str, Any]:
        message = {"role": "user", "content": text}
        await self.task.queue_frames([LLMMessagesAppendFrame([message], run_llm=True)])
        told = (await self.answer()).told()
        if self.form == "append":
            await self.service.queue_frame(LLMMessagesAppendFrame([message], run_llm=False))
            return {"refused": (await self._event("error"))["error"]["message"]}
        return told

    async def _say(self, pcm: bytes) -> None:
        async for part in spoken(pcm):
            frame = InputAudioRawFrame(audio=part, sample_rate=24_000, num_channels=1)
            await self.task.queue_frames([frame])

    async def speak(self, pcm: bytes) -> dict[str, Any]:
        await self._say(pcm)
        await self._event("input_audio_buffer.speech_started")
        return (await self.answer()).told()

    async def ask_tool(self, text: str) -> dict[str, Any]:
        """By the service's call for items: a frame would write this text as a system message."""
        content = [events.ItemContent(type="input_text", text=text)]
        item = events.ConversationItem(type="message", role="user", content=content)
        await self.service.send_client_event(events.ConversationItemCreateEvent(item=item))
        await self.service.send_client_event(events.ResponseCreateEvent())
        await self.answer()
        answer = await self.answer()
        return {"called": "get_weather", "arguments": self.calls[0], **answer.told()}

    async def interrupt(self, pcm: bytes, times: int) -> dict[str, Any]:
        reasons = []
        await self._say(pcm)
        for _ in range(times):
            await self._event("response.output_audio.delta")
            await self._say(pcm)
            await self._event("input_audio_buffer.speech_started")
            done = await self._event("response.done")
            reasons.append((done["response"].get("status_details") or {}).get("reason"))
            await self._event("conversation.item.truncated")
        last = (await self._event("response.done"))["response"]["status"]
        return {"interrupted": reasons.count("turn_detected"), "last": last}

    async def close(self) -> dict[str, Any]:
        await self.task.stop_when_done()
        await self.running
        return {}

    async def expire(self) -> dict[str, Any]:
        await self._event("error")
        await asyncio.sleep(0.5)
        await self.task.cancel()
        await self.running
        return {}


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    run(lambda given: Pipecat(given["form"], given["credential"]))
