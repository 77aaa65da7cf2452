"""What the gate wants done. The relay carries commands out in order and adds nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.protocol.close_reasons import CloseReason

LegId = int


@dataclass(frozen=True, slots=True)
class Dial:
    """Open leg `leg` to upstream."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class StartClient:
    """The session is ready: let the client's wire deliver its frames, held ones first."""


@dataclass(frozen=True, slots=True)
class PauseClient:
    """Read nothing more from the client until `ResumeClient`: it has used up its allowance."""


@dataclass(frozen=True, slots=True)
class ResumeClient:
    """Read from the client again."""


@dataclass(frozen=True, slots=True)
class ToClient:
    """Send this frame to the client."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class ToUpstream:
    """Send this frame on leg `leg`."""

    leg: LegId
    frame: bytes


@dataclass(frozen=True, slots=True)
class VerifyIdentity:
    """Find out whose proof this is, beside the flow, and call `on_identity` with the answer. The
    gate asks for one at a time. `token` is a secret: it is neither printed nor logged."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Something an operator should see: `kind` names the log event, `fields` hold no content."""

    kind: str
    fields: dict[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """End the session, once: the last words have been sent as `ToClient` before."""

    reason: CloseReason


Command = (
    Dial
    | StartClient
    | PauseClient
    | ResumeClient
    | ToClient
    | ToUpstream
    | VerifyIdentity
    | Note
    | End
)
