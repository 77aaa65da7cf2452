"""One accepted WebSocket: its conversation, its responses in progress, its clock.

    socket --recv--> on_frame --+                        +--> Outbox --> socket
    studio --------> on_plan  --+-- [ Conversation ] ----+--> task per response, per transcript
    pace ----------> advance  --+                        +--> journal

Every task belongs to the connection and ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Coroutine
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from app.simulator.conversation import Conversation
from app.simulator.journal import ConnectionRecord
from app.simulator.options import Options
from app.simulator.outbox import Outbox
from app.simulator.outputs import Hear, Output, Send, Stop, Think
from app.simulator.pace import Pace
from app.simulator.studio import Studio

_GOING_AWAY = 1001
_INTERNAL_ERROR = 1011
_log = logging.getLogger(__name__)


class Connection:
    """Runs one conversation on one socket. `run()` returns when the socket has closed."""

    def __init__(
        self,
        socket: ServerConnection,
        conversation: Conversation,
        studio: Studio,
        options: Options,
        record: ConnectionRecord,
    ) -> None:
        self._socket = socket
        self._conversation = conversation
        self._studio = studio
        self._options = options
        self._record = record
        self._outbox = Outbox(socket)
        self._responses: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._farewell: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """From `session.created` to the close frame; nothing of it is left afterwards."""
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(self._options.session_seconds, self._expire)
        self._spawn(self._outbox.write())
        self._record.open = True
        try:
            self._carry_out(self._conversation.open())
            await self._read()
        finally:
            expiry.cancel()
            if self._farewell is not None:
                self._farewell.cancel()
            await self._end_tasks()
            self._record.open = False

    async def _read(self) -> None:
        """Frames in order. After expiry they are read and dropped, so that the client's answer to
        the close frame can come."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._socket.recv()
                if self._farewell is not None:
                    continue
                self._record.count_received(_type_of(frame))
                self._carry_out(self._conversation.on_frame(frame))
                await self._outbox.room()

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send(event=event):
                    self._record.sent[event["type"]] += 1
                    self._outbox.put(msgspec.json.encode(event))
                case Think(response_id=response_id):
                    self._responses[response_id] = self._spawn(self._respond(output))
                case Hear():
                    self._spawn(self._hear(output))
                case Stop(response_id=response_id):
                    self._stop(response_id)

    async def _respond(self, think: Think) -> None:
        """One response from thought to its last event; cancelled when it is cut short."""
        response_id = think.response_id
        try:
            plan = await self._studio.plan(think)
        except Exception:
            _log.exception("no answer could be worked out")
            message = "The server had an error while processing your request."
            self._carry_out(self._conversation.on_failure(response_id, message))
        else:
            self._carry_out(self._conversation.on_plan(response_id, plan))
            await self._perform(response_id)
        self._responses.pop(response_id, None)

    async def _perform(self, response_id: str) -> None:
        loop = asyncio.get_running_loop()
        pace = Pace(self._options.pace, self._options.burst_ms, loop.time())
        while True:
            advance = self._conversation.advance(response_id)
            self._carry_out(advance.outputs)
            if advance.done:
                return
            await self._outbox.room()
            await asyncio.sleep(pace.wait(advance.play_ms, loop.time()))

    async def _hear(self, hear: Hear) -> None:
        text: str | None
        try:
            text = await self._studio.transcript(hear)
        except Exception:
            _log.exception("audio could not be transcribed")
            text = None
        self._carry_out(self._conversation.on_heard(hear.item_id, text))

    def _stop(self, response_id: str) -> None:
        task = self._responses.pop(response_id, None)
        if task is not None:
            task.cancel()

    def _expire(self) -> None:
        """The session's time is up: an error event, then a close frame with the same words."""
        minutes = math.ceil(self._options.session_seconds / 60)
        sentence = f"Your session hit the maximum duration of {minutes} minutes."
        for response_id in list(self._responses):
            self._stop(response_id)
        self._carry_out(self._conversation.expire(sentence))
        self._outbox.put_close(_GOING_AWAY, sentence)
        # A client that does not read keeps the farewell from being written at all.
        loop = asyncio.get_running_loop()
        patience = 2 * self._options.close_seconds
        self._farewell = loop.call_later(patience, self._socket.transport.abort)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a conversation ended by a fault of the simulator", exc_info=error)
            self._outbox.put_close(_INTERNAL_ERROR, "Internal error.")

    async def _end_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _type_of(frame: str | bytes) -> object:
    """The type of a client's event for the journal; anything unreadable is nothing."""
    try:
        return msgspec.json.decode(frame, type=_Typed).type
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


class _Typed(msgspec.Struct):
    type: str
