"""The OpenAI package for Python in its four ways to a realtime session."""

# mypy: ignore-errors
# It runs against other releases of the package than the one beside our own tests.

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from openai import AsyncAzureOpenAI, AsyncOpenAI
from scenario import WEATHER, RawTalk, run

MODEL = "gpt-4o-realtime-preview"
API_VERSION = "2025-04-01-preview"


class OpenAiPython(RawTalk):
    """`form` says which class and which resource of the package: see `_client`."""

    def __init__(self, form: str, credential: str) -> None:
        super().__init__()
        self.form, self.credential = form, credential
        self.preview = form.endswith("beta")

    def _client(self, address: str) -> AsyncOpenAI:
        socket = f"wss://{urlsplit(address).netloc}"
        match self.form:
            case "azure beta":
                return AsyncAzureOpenAI(
                    azure_endpoint=address, api_key=self.credential, api_version=API_VERSION
                )
            case "azure ga":
                return AsyncAzureOpenAI(
                    azure_endpoint=address,
                    azure_ad_token=self.credential,
                    api_version=API_VERSION,
                )
            case "beta":
                return AsyncOpenAI(base_url=f"{address}/v1", api_key=self.credential)
            case _:
                return AsyncOpenAI(
                    base_url=f"{address}/openai/v1",
                    websocket_base_url=f"{socket}/openai/v1",
                    api_key=self.credential,
                )

    async def connect(self, address: str) -> dict[str, Any]:
        self.inbox = asyncio.Queue()
        self.client = self._client(address)
        minted = None
        if self.form == "ga":
            minted = await self.client.realtime.client_secrets.create()
            self.client.api_key = minted.value
        elif self.form == "beta":
            minted = (await self.client.beta.realtime.sessions.create(model=MODEL)).client_secret
            self.client.api_key = minted.value
        realtime = self.client.beta.realtime if self.preview else self.client.realtime
        self.connection = await realtime.connect(model=MODEL).enter()
        self.reading = asyncio.create_task(self._read())
        created = await self.until("session.created")
        return {"session": created["session"]["id"], "minted": minted is not None}

    async def _read(self) -> None:
        async for event in self.connection:
            self.hear(json.loads(event.to_json()))
        self.hear(None)

    async def update(self, voice: str) -> None:
        if self.preview:
            session: Any = {"voice": voice, "instructions": "Rhyme.", "tools": [WEATHER]}
        else:
            audio = {
                "output": {"voice": voice},
                "input": {"turn_detection": {"type": "server_vad"}},
            }
            session = {"type": "realtime", "audio": audio, "tools": [WEATHER]}
            session |= {"instructions": "Rhyme.", "tool_choice": "auto"}
        await self.connection.session.update(session=session)

    async def create(self, item: Any) -> None:
        await self.connection.conversation.item.create(item=item)

    async def respond(self) -> None:
        await self.connection.response.create()

    async def append(self, audio: str) -> None:
        await self.connection.input_audio_buffer.append(audio=audio)

    async def truncate(self, item_id: str, audio_end_ms: int) -> None:
        await self.connection.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=audio_end_ms
        )

    async def close(self) -> dict[str, Any]:
        await self.connection.close()
        await self.reading
        await self.client.close()
        return {}

    async def expire(self) -> dict[str, Any]:
        await self.over()
        code = self.connection._connection.close_code
        await self.reading
        await self.client.close()
        return {"close_code": code}


if __name__ == "__main__":
    run(lambda given: OpenAiPython(given["form"], given["credential"]))
