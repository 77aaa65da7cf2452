"""The usual way to write this relay in FastAPI, as tutorials and samples do: for comparison only.

    uvicorn bench.usual:app

Two tasks per session, `receive_text`, `json.loads` and `json.dumps` for each event, uvicorn's and
websockets' defaults. It knows the type of each event and nothing more: no policy, no limits.
"""

from __future__ import annotations

import asyncio
import json
import os

import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
UPSTREAM = os.environ.get("USUAL_UPSTREAM", "ws://127.0.0.1:9/")
FROM_CLIENTS = {"input_audio_buffer.append", "input_audio_buffer.commit", "session.update"}
FROM_CLIENTS |= {"response.create", "response.cancel", "conversation.item.create"}


@app.websocket("/ws")
async def relay(client: WebSocket) -> None:
    """One session."""
    await client.accept()
    async with websockets.connect(UPSTREAM, max_size=None, proxy=None) as upstream:

        async def up() -> None:
            try:
                while True:
                    event = json.loads(await client.receive_text())
                    if event["type"] in FROM_CLIENTS:
                        await upstream.send(json.dumps(event))
            except WebSocketDisconnect:
                pass

        async def down() -> None:
            async for frame in upstream:
                event = json.loads(frame)
                if event["type"] == "session.created":
                    event["session"]["instructions"] = ""
                await client.send_text(json.dumps(event))

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
