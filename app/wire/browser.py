"""The client's side: a WebSocket protocol class for uvicorn, written anew.

    uvicorn.Config(app, http=HeadLimitedHttp, ws=browser_wires(CLIENT_WIRE))

A route finds the wire in `scope["extensions"][WIRE_EXTENSION]`, accepts, attaches a receiver and
returns: the socket lives on, because it has an owner. permessage-deflate is never negotiated: it
costs over 100 us for 8 KB. The query string is never logged: it may hold a credential.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.http11 import Response
from websockets.protocol import Side

from .flow import Phase
from .handshake import HANDSHAKE_SECONDS, ServerHandshake
from .lobby import lobby_of
from .owned import OwnedWire
from .wire import CLIENT_WIRE, WireLimits

GOING_AWAY_FOR_RESTART = 1012


class BrowserWire(OwnedWire):
    """One WebSocket that uvicorn's HTTP class handed over. Made by `browser_wires`.

    `since` is the loop's time at which the peer connected (or began this request): the handshake's
    deadline counts from there. The HTTP class sets it; without it the hand-over counts.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: WireLimits = CLIENT_WIRE,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        super().__init__(Side.SERVER, limits, _loop or asyncio.get_running_loop())
        self.since: float | None = None
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._handshake_seconds = handshake_seconds
        self._handshake: ServerHandshake | None = None
        self._lobby = lobby_of(server_state)

    @property
    def attached(self) -> bool:
        """A receiver owns this wire, or owned it."""
        return self._owner.attached

    @property
    def at_work(self) -> bool:
        """The app has not yet answered the handshake."""
        return self._phase is Phase.OPENING

    def make_room(self) -> None:
        """Drops a connection that is no WebSocket yet: a newcomer needs its place."""
        self.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the HTTP class, which then hands over the request's head."""
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # typed as its own
        stream = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._take(stream)
        self._lobby.enter(self)
        since = self._loop.time() if self.since is None else self.since
        self._handshake = ServerHandshake(
            self,
            stream,
            self._config,
            self._server_state,
            self._app_state,
            deadline=since + self._handshake_seconds,
        )

    def data_received(self, data: bytes) -> None:
        """First the request's head as a whole, then frames; those that come before the handshake
        is done wait."""
        if self._phase is not Phase.OPENING:
            super().data_received(data)
        elif self._handshake is not None and not self._handshake.begun:
            head, end, rest = data.partition(b"\r\n\r\n")
            self._handshake.begin(head + end)
            if rest:
                self.data_received(rest)
        else:
            self._inbox.push(data)
            if self._inbox.uncut >= self._limits.hold_bytes:
                self._intake.off()

    def eof_received(self) -> None:
        """The client has left; during the handshake the route learns it from its next send."""
        if self._phase is Phase.OPENING:
            self._arm_deadline()
        else:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of the transport."""
        self._server_state.connections.discard(self)
        self._lobby.leave(self)
        if self._handshake is not None:
            self._handshake.lost()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends, after its own drain: closes what is left."""
        if self._phase is Phase.OPENING and self._handshake is not None:
            self._handshake.refuse(503, "The server is restarting. Connect again.")
        elif self._phase is Phase.OPEN:
            self.close(GOING_AWAY_FOR_RESTART, "")
        else:
            self.abort()

    # -- for the handshake

    def accepted(self, response: Response) -> None:
        """Writes the 101; frames flow from here on."""
        self._lobby.leave(self)
        self._pipe.write(response.serialize())
        self._open()
        self._soon(self._run)

    def answer(self, data: bytes, *, last: bool) -> None:
        """Writes an HTTP answer, or a part of one, instead of the 101."""
        self._pipe.write(data)
        if last:
            self._linger()

    def blame(self, error: Exception) -> None:
        """The route failed after the 101: its owner ends the session, or 1011 does."""
        if self.attached:
            self._fail(error)
        else:
            self.close(1011, "")

    def forget_handshake(self) -> None:
        """The route has returned: its scope need not live as long as the session."""
        self._handshake = None


def browser_wires(
    limits: WireLimits = CLIENT_WIRE, *, handshake_seconds: float = HANDSHAKE_SECONDS
) -> Callable[..., asyncio.Protocol]:
    """A value for `uvicorn.Config(ws=...)`: wires with these limits, and so many seconds from
    connecting until the WebSocket is accepted or answered otherwise."""

    def make(config: Config, server_state: ServerState, app_state: dict[str, Any]) -> BrowserWire:
        return BrowserWire(
            config, server_state, app_state, limits=limits, handshake_seconds=handshake_seconds
        )

    return make
