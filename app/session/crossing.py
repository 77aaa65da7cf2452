"""Where the client's dialect meets upstream's: the choice of the one, and both translations.

client's frame --read--> event                one `session.update` may change the dialect, once
verdict --sayable--> verdict                  what upstream's dialect can say of it
upstream's event --to_client--> 0..2 frames   as a client of this dialect knows them
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.policy.findings import UNSAID
from app.policy.verdict import Acknowledge, Forward, Hint, Refuse, Verdict
from app.protocol.client_frames import Read, read_client, spelled
from app.protocol.dialects.sniffing import shown_dialect
from app.protocol.dialects.translator import Translator
from app.protocol.dialects.unsaid import Unsaid, says_nothing, unsaid
from app.protocol.events import ClientEvent, Malformed
from app.protocol.names import ClientKind, Dialect
from app.protocol.paths import Spelling
from app.protocol.server_frames import encode_server
from app.session.state import SessionState


class Crossing:
    """The dialects of one session. `fresh_id` gives ids for events that upstream did not send."""

    def __init__(self, upstream: Dialect, state: SessionState, fresh_id: Callable[[], str]) -> None:
        self._upstream = upstream
        self._state = state
        self._translator = Translator(state.told, fresh_id)

    @property
    def same(self) -> bool:
        """Whether both sides speak one dialect, so that bytes may pass as they are."""
        return self._state.client_dialect is self._upstream

    def read(self, frame: bytes) -> ClientEvent | Malformed:
        """A client's frame that is no plain append, in the internal spelling."""
        read = read_client(frame)
        if isinstance(read, Malformed):
            return read
        self._settle(read)
        return spelled(read, self._state.client_dialect)

    def _settle(self, read: Read) -> None:
        """Listens for the dialect until a `session.update` has shown it."""
        if self._state.dialect_shown or read.session is None:
            return
        shown = shown_dialect(read.session)
        if shown is not None:
            self._state.dialect_shown = True
            self._state.client_dialect = shown

    def sayable(self, event: ClientEvent, verdict: Verdict) -> Verdict:
        """The verdict on `event` as far as upstream can be told. Whatever it cannot be told, the
        client is: in the hint, or by a refusal where leaving it out would change the meaning."""
        if not isinstance(verdict, Forward) or event.kind == ClientKind.AUDIO_APPEND:
            return verdict
        lost = unsaid(verdict.event, self._upstream)
        if lost.picture is not None and not self.same:
            return self._no_pictures(event.sent.path(lost.picture), verdict)
        hint = _told(verdict.hint, lost, event.sent)
        session = verdict.event.get("session")
        if isinstance(session, dict) and says_nothing(session, self._upstream):
            return Acknowledge(verdict.rule, hint, verdict.would)
        return replace(verdict, hint=hint)

    def _no_pictures(self, path: str, verdict: Forward) -> Refuse:
        message = (
            f"'{path}' cannot be sent: the model's service speaks the {self._upstream} protocol, "
            "which has no pictures. Leave it out."
        )
        return Refuse("dialect", "invalid_value", message, path, False, would=verdict.would)

    def to_client(self, body: dict[str, Any]) -> list[bytes]:
        """An event of upstream's (internal spelling, judged) as frames for the client."""
        dialect = self._state.client_dialect
        bodies = [body] if self.same else self._translator.events(body, dialect)
        return [encode_server(one, dialect) for one in bodies]


def _told(hint: Hint | None, lost: Unsaid, sent: Spelling) -> Hint | None:
    if not lost.left_out and not lost.changed:
        return hint
    known = hint or Hint()
    meant = {sent.path(path): path for path in (*lost.left_out, *lost.changed)}
    changed = {sent.path(path): value for path, value in lost.changed.items()}
    return Hint(
        known.ignored + tuple(sent.path(path) for path in lost.left_out),
        {**known.changed, **changed},
        known.why or UNSAID,
        {**dict.fromkeys(meant, UNSAID), **known.rules},
        known.would,
        {**meant, **known.meant},
    )
