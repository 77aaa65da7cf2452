"""From the dial to the moment when the client may speak: our configuration first, and accepted.

upstream: session.created   ->   relay: session.update (event_id rly_...)
upstream: session.updated   ->   compared with what was sent; the client gets session.created
upstream: error             ->   the end: nothing of the client's has gone upstream
"""

from __future__ import annotations

from typing import Any

from app.policy.echo import compare_echo
from app.policy.server_events import Rebuild, judge_server
from app.protocol.client_frames import encode_client
from app.protocol.close_reasons import CloseReason
from app.protocol.events import ServerEvent
from app.protocol.names import ServerKind
from app.protocol.server_frames import decode_server, encode_server
from app.protocol.session_object import SESSION, inward, outward
from app.session.commands import Command, End, Note, StartClient, ToClient, ToUpstream
from app.session.ids import Ids
from app.session.notices import Notices
from app.session.sight import SessionSight
from app.session.state import Phase, SessionState
from app.session.terms import Terms


class Setup:
    """Judges upstream's frames until the session is ready."""

    def __init__(self, terms: Terms, ids: Ids, state: SessionState, notices: Notices) -> None:
        self._terms = terms
        self._ids = ids
        self._state = state
        self._notices = notices
        self._wanted = terms.configuration.session()
        self._conversation: ServerEvent | None = None

    def on_upstream(self, frame: bytes) -> list[Command]:
        """One frame of upstream's before the session is ready."""
        event = decode_server(frame, self._terms.upstream_dialect)
        if event is None:
            self._state.counters.upstream_events_unknown += 1
            return []
        match event.kind, self._state.phase:
            case ServerKind.ERROR, _:
                return self._refused(event)
            case ServerKind.CONVERSATION_CREATED, _:
                self._conversation = event
                return []
            case ServerKind.SESSION_CREATED, Phase.GREETING:
                return self._configure()
            case ServerKind.SESSION_UPDATED, Phase.CONFIGURING:
                return self._ready(event)
            case _:
                return []

    def _configure(self) -> list[Command]:
        self._state.phase = Phase.CONFIGURING
        update = {"type": "session.update", "session": self._wanted}
        frame = encode_client(update, self._terms.upstream_dialect, self._ids.next())
        return [ToUpstream(0, frame)]

    def _ready(self, event: ServerEvent) -> list[Command]:
        echoed = event.body.get("session")
        echoed = echoed if isinstance(echoed, dict) else {}
        echo = compare_echo(self._said(), echoed)
        if echo.fatal:
            note = Note("configuration.not_accepted", {"fields": ", ".join(echo.fatal)})
            return [note, End(CloseReason.UPSTREAM_REFUSED)]
        commands: list[Command] = []
        if echo.differing:
            commands.append(Note("configuration.differs", {"fields": ", ".join(echo.differing)}))
        self._state.session = echoed
        commands.append(ToClient(self._notices.session(ServerKind.SESSION_CREATED)))
        if (opening := self._notices.opening()) is not None:
            commands.append(ToClient(opening))
        commands += self._conversation_created()
        commands.append(StartClient())
        return commands

    def _said(self) -> dict[str, Any]:
        """Our configuration as far as upstream's dialect has names for it."""
        table = SESSION[self._terms.upstream_dialect]
        return inward(outward(self._wanted, table), table).value

    def _conversation_created(self) -> list[Command]:
        """Held back until the client's own `session.created` has gone out."""
        if self._conversation is None:
            return []
        sight = SessionSight(self._state, self._terms.policy)
        verdict = judge_server(self._conversation, self._terms.policy, sight)
        assert isinstance(verdict, Rebuild)
        return [ToClient(encode_server(verdict.body, self._state.client_dialect))]

    def _refused(self, event: ServerEvent) -> list[Command]:
        error = event.body.get("error")
        error = error if isinstance(error, dict) else {}
        if error.get("code") == "session_expired":
            return [End(CloseReason.SESSION_TIME_LIMIT)]
        note = Note(
            "configuration.refused",
            {"code": str(error.get("code"))[:64], "param": str(error.get("param"))[:128]},
        )
        return [note, End(CloseReason.UPSTREAM_REFUSED)]
