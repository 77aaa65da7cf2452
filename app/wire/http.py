"""uvicorn's h11 HTTP class with limits on the request head, before anybody is authenticated.

    uvicorn.Config(app, http=http_with_limits(HeadLimits()), ws=browser_wires(...))

h11 limits only a head that is incomplete after a read; uvicorn has no deadline for one, drops what
stands behind an upgrade's head, logs query strings. Here a refusal is said in words, and the rest
of what the peer sends is read and dropped for a moment: a reset would overtake the words.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .answers import plain_answer
from .lobby import lobby_of
from .pipe import Pipe
from .request_head import HeadLimits, LimitedParser

__all__ = ["HeadLimitedHttp", "HeadLimits", "http_with_limits"]

SIP_SECONDS = 0.01
"""What comes after a refusal is read this seldom: to drop it may not cost what serving would."""


class HeadLimitedHttp(H11Protocol):
    """One HTTP connection under `HeadLimits`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HeadLimits | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits or HeadLimits()
        self.conn: LimitedParser = LimitedParser(self._limits)
        self.access_log = False  # its lines hold the query string, where SDKs put credentials
        self._began: float | None = None  # of the head or body that is awaited
        self._awaited: type[h11.IDLE] | type[h11.SEND_BODY] | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._refused = False
        self._unread: asyncio.TimerHandle | None = None  # while an answer is not taken
        self._waiting = 0  # requests in a row that came before their turn
        self._lobby = lobby_of(server_state)

    @property
    def at_work(self) -> bool:
        """The app is answering, and the peer takes it."""
        busy = self.cycle is not None and not self.cycle.response_complete
        return busy and self._unread is None and not self._refused

    def make_room(self) -> None:
        """Drops the connection with all that is unread: a newcomer needs its place."""
        self._pipe.abort(reset=True)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The head's clock starts although no byte has come: a silent peer does not stay."""
        super().connection_made(transport)
        self._pipe = Pipe(transport)
        self._lobby.enter(self)
        self._await(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer; after a refusal they are dropped."""
        if not self._refused:
            super().data_received(data)
        elif not self._pipe.resting:
            self._pipe.rest()
            self.loop.call_later(SIP_SECONDS, self._pipe.wake)

    def handle_events(self) -> None:
        """Also called by uvicorn when a response is complete and a next request waits."""
        if self._awaited is None and self._between_requests():
            self._await(h11.IDLE)
        super().handle_events()
        if self._refused or self.transport.get_protocol() is not self:
            return
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._await(h11.SEND_BODY)
        elif not (state is h11.IDLE and self._awaited is h11.IDLE):
            self._await(h11.IDLE if self._between_requests() else None)

    def _between_requests(self) -> bool:
        """The first bytes of a head are there, and it is not whole."""
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def on_response_complete(self) -> None:
        """Goes on to a request that has come meanwhile, but not to many in a row: each costs a
        task, and a crowd of such peers would fill every turn of the loop."""
        done = self.conn.our_state is h11.DONE and self.conn.their_state is h11.DONE
        self._waiting = self._waiting + 1 if done and self.conn.trailing_data[0] else 0
        if self._waiting > self._limits.pipelined and not self.transport.is_closing():
            self.server_state.total_requests += 1
            self.conn.start_next_cycle()
            self._refuse(429, "Too many requests before their answers: wait for each answer.")
        else:
            super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of the transport."""
        self._lobby.leave(self)
        self._await(None)
        self.resume_writing()
        self._pipe.drop()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked; what is still unread then goes down with the connection."""
        super().timeout_keep_alive_handler()
        self._clock = self._clock or self.loop.call_later(
            self._limits.linger_seconds, self.transport.abort
        )

    def pause_writing(self) -> None:
        """The peer does not take its answer: it has a while to begin."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self._limits.unread_seconds, self.make_room)

    def resume_writing(self) -> None:
        """The peer reads."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hands the socket to the WebSocket class: the head as it was, then what came behind it."""
        began = self._began
        self._await(None)
        self._lobby.leave(self)
        self.connections.discard(self)
        assert self.ws_protocol_class is not None
        protocol = self.ws_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        if hasattr(protocol, "since"):
            protocol.since = began
        lines = [b"%b %b HTTP/%b" % (event.method, event.target, event.http_version)]
        lines += [b"%b: %b" % header for header in event.headers]
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(b"\r\n".join(lines) + b"\r\n\r\n")
        behind, _ = self.conn.trailing_data
        if behind:
            protocol.data_received(behind)

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to whatever h11 or our parser refuses."""
        status, text = self.conn.refusal or (400, msg)
        self._refuse(status, text)

    def _refuse(self, status: int, text: str) -> None:
        self._await(None)
        self._refused = True
        self._lobby.refused[status] += 1
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # in the middle of an answer, which ends here
        else:
            self.transport.write(plain_answer(status, text))
            if self.transport.can_write_eof():
                self.transport.write_eof()
        # The connection may have an app at work: its answer would come behind ours.
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self._clock = self.loop.call_later(self._limits.linger_seconds, self.make_room)

    def _await(self, state: type[h11.IDLE] | type[h11.SEND_BODY] | None) -> None:
        """Sets the clock for what must come next; the same state keeps its clock."""
        if state is self._awaited and state is not None:
            return
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        self._awaited = state
        if state is None:
            return
        self._began = self.loop.time()
        seconds = self._limits.head_seconds if state is h11.IDLE else self._limits.body_seconds
        self._clock = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._awaited is h11.IDLE and self.conn.trailing_data[0]:
            status = http.HTTPStatus.REQUEST_TIMEOUT
            self._refuse(
                status, f"The request head was not complete in {self._limits.head_seconds:g} s."
            )
        else:
            self.transport.abort()


def http_with_limits(limits: HeadLimits) -> Callable[..., asyncio.Protocol]:
    """A value for `uvicorn.Config(http=...)`."""

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> HeadLimitedHttp:
        return HeadLimitedHttp(config, server_state, app_state, _loop, limits=limits)

    return make
