"""One session of the embedded upstream as a synchronous object: client frames in, outputs out.

    on_frame ---------> [ Conversation ] ---> Send, Think, Hear, Stop
    on_plan, on_heard -> [              ]
    advance ----------> [              ] ---> the next step of a response, made when asked for

No clock, no socket, no randomness of its own: ids, the time and the brain's answers are given to
it. How all of it is spelled is told by its dialect (`dialects`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.protocol.names import ClientKind
from app.simulator import client_audio, client_items, client_responses
from app.simulator.checks import Fields
from app.simulator.dialects import PREVIEW, Spelling
from app.simulator.dialects.spelling import CLIENT_EVENTS
from app.simulator.errors import INVALID_REQUEST, Rejected, missing, unsupported, wrong_type
from app.simulator.events import EventMaker
from app.simulator.outputs import Output
from app.simulator.plan import Plan
from app.simulator.session import Session
from app.simulator.state import State

_EVENT_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Sources:
    """What a conversation may not make itself: ids by prefix, and monotonic seconds."""

    new_id: Callable[[str], str]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Advance:
    """One step of a response. `play_ms` is the real time of what it sends; `done` ends it."""

    outputs: list[Output]
    play_ms: float
    done: bool


class Conversation:
    """What the service does with one connection, from `open` to `expire`.

    The caller carries outputs out in order. It gives every frame to `on_frame` (text as str,
    binary as bytes), and asks `advance` for a response only after its `on_plan`.
    """

    def __init__(
        self,
        session: Session,
        sources: Sources,
        *,
        spelling: Spelling = PREVIEW,
        version: str = "2025-04-01-preview",
        conversation_created: bool = False,
    ) -> None:
        self._state = State(
            spelling=spelling,
            session=session,
            conversation_id=sources.new_id("conv"),
            new_id=sources.new_id,
            now=sources.now,
            event=EventMaker(sources.new_id, spelling.event_names),
        )
        self._announce = conversation_created
        self._kinds = spelling.client_kinds(version)
        client_audio.listen_as_configured(self._state)

    def open(self) -> list[Output]:
        """The first words, unprompted."""
        state = self._state
        state.emit("session.created", session=state.spelling.session(state.session))
        if self._announce:
            conversation = {"id": state.conversation_id, "object": "realtime.conversation"}
            state.emit("conversation.created", conversation=conversation)
        return state.take_outputs()

    def on_frame(self, frame: str | bytes) -> list[Output]:
        """One message of the client. A refused one changes nothing and is answered by an error."""
        event_id: str | None = None
        try:
            event = self._parsed(frame)
            named = event.get("event_id")
            event_id = named if isinstance(named, str) else None
            self._dispatch(event)
        except Rejected as rejected:
            self._state.emit("error", error=rejected.body(event_id))
        return self._state.take_outputs()

    def on_plan(self, response_id: str, plan: Plan) -> list[Output]:
        """What the response will say is known."""
        client_responses.perform(self._state, response_id, plan)
        return self._state.take_outputs()

    def on_failure(self, response_id: str, message: str) -> list[Output]:
        """Nothing could be worked out; `message` goes to the client."""
        client_responses.fail(self._state, response_id, message)
        return self._state.take_outputs()

    def on_heard(self, item_id: str, text: str | None) -> list[Output]:
        """The transcript of an item's audio; None: there is none."""
        client_audio.transcribed(self._state, item_id, text)
        return self._state.take_outputs()

    def advance(self, response_id: str) -> Advance:
        """The next step of a response; done at once for one that has ended."""
        play_ms = client_responses.advance(self._state, response_id)
        outputs = self._state.take_outputs()
        return Advance(outputs, play_ms or 0.0, done=play_ms is None)

    def expire(self, sentence: str) -> list[Output]:
        """The session's time is up: the last event before the close frame."""
        error = {
            "type": INVALID_REQUEST,
            "code": "session_expired",
            "message": sentence,
            "param": None,
            "event_id": None,
        }
        self._state.emit("error", error=error)
        return self._state.take_outputs()

    def _dispatch(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind is None:
            raise missing("type")
        if not isinstance(kind, str):
            raise wrong_type("type", "a string", kind)
        if kind not in self._kinds:
            raise unsupported("type", kind, self._kinds)
        known = ClientKind(kind)
        names = ("type", "event_id", *CLIENT_EVENTS[known])
        fields = self._state.spelling.fields(event, "", names)
        fields.text("event_id", limit=_EVENT_ID_LENGTH)
        self._act(known, fields)

    def _act(self, kind: ClientKind, fields: Fields) -> None:
        state = self._state
        match kind:
            case ClientKind.SESSION_UPDATE:
                self._update_session(fields)
            case ClientKind.TRANSCRIPTION_SESSION_UPDATE:
                self._update_transcription(fields)
            case ClientKind.AUDIO_APPEND:
                client_audio.append(state, fields)
            case ClientKind.AUDIO_COMMIT:
                client_audio.commit(state)
            case ClientKind.AUDIO_CLEAR:
                client_audio.clear(state)
            case ClientKind.ITEM_CREATE:
                client_items.create(state, fields)
            case ClientKind.ITEM_RETRIEVE:
                client_items.retrieve(state, fields)
            case ClientKind.ITEM_TRUNCATE:
                client_items.truncate(state, fields)
            case ClientKind.ITEM_DELETE:
                client_items.delete(state, fields)
            case ClientKind.RESPONSE_CREATE:
                self._create_response(fields)
            case ClientKind.RESPONSE_CANCEL:
                client_responses.cancel(state, fields)

    def _update_session(self, fields: Fields) -> None:
        state = self._state
        value = fields.required("session")
        spelling, locked = state.spelling, state.audio_present
        state.session = spelling.changed(state.session, value, voice_locked=locked)
        client_audio.listen_as_configured(state)
        state.emit("session.updated", session=spelling.session(state.session))

    def _update_transcription(self, fields: Fields) -> None:
        state = self._state
        value = fields.required("session")
        state.session, shown = state.spelling.changed_transcription(state.session, value)
        client_audio.listen_as_configured(state)
        state.emit("transcription_session.updated", session=shown)

    def _create_response(self, fields: Fields) -> None:
        state = self._state
        options = client_responses.checked_create(state, fields)
        if options.cancel_previous and options.in_conversation and state.active is not None:
            client_responses.cut(state, state.active, client_responses.CLIENT_CANCELLED)
        if options.commit:
            client_audio.commit_if_held(state)
        client_responses.begin(state, options)

    def _parsed(self, frame: str | bytes) -> dict[str, Any]:
        unreadable = self._state.spelling.unreadable
        if isinstance(frame, bytes):
            raise unreadable.binary.error()
        try:
            event = msgspec.json.decode(frame)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise unreadable.not_json.error() from None
        if not isinstance(event, dict):
            raise unreadable.no_object.error()
        return event
