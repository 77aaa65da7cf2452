"""A conversation with the gate, told line by line: what comes in, and what must come out.

play = Playbook()
play.attached() >> [Dial]
play.upstream({"type": "session.created", ...})
"""

from __future__ import annotations

import json
from typing import Any

from app.policy.policy import Configuration, Policy
from app.protocol.close_reasons import CloseReason
from app.session.commands import Command, Dial, End, Note, StartClient, ToClient, ToUpstream
from app.session.gate import Gate
from app.session.identity import Proven, Unproven
from app.session.limits import Limits
from app.session.terms import Terms

Event = dict[str, Any]

SESSION: Event = {
    "id": "sess_upstream",
    "object": "realtime.session",
    "model": "true-model",
    "modalities": ["audio", "text"],
    "instructions": "upstream default",
    "voice": "alloy",
    "turn_detection": {"type": "server_vad", "threshold": 0.5},
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "tools": [],
}


class Playbook:
    """Drives one gate at a clock of its own. Every input returns its commands and keeps them."""

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        configuration: Configuration | None = None,
        limits: Limits | None = None,
        private: bool = False,
        identity_seconds: float | None = None,
        now: float = 1000.0,
    ) -> None:
        self.now = now
        self.configuration = configuration or Configuration(instructions="Be brief.")
        self.gate = Gate(
            Terms(
                session_id="sess_test",
                seed="feed",
                policy=policy or Policy(),
                configuration=self.configuration,
                limits=limits or Limits(),
                expires_at=2_000_000,
                model="alias",
                private_events=private,
                user="issuer|alice",
                identity_seconds=identity_seconds,
            ),
            now,
        )
        self.session = dict(SESSION)

    # -- inputs --------------------------------------------------------------------------------

    def attached(self) -> list[Command]:
        return self.gate.on_client_attached(self.now)

    def connected(self) -> list[Command]:
        return self.gate.on_upstream_ready(0)

    def upstream(self, event: Event | bytes) -> list[Command]:
        frame = json.dumps(event).encode() if isinstance(event, dict) else event
        return self.gate.on_upstream(0, frame, self.now)

    def client(self, event: Event | bytes) -> list[Command]:
        frame = json.dumps(event).encode() if isinstance(event, dict) else event
        return self.gate.on_client(frame, self.now)

    def identity(self, answer: Proven | Unproven) -> list[Command]:
        return self.gate.on_identity(answer, self.now)

    def after(self, seconds: float) -> list[Command]:
        self.now += seconds
        return self.gate.on_timer(self.now)

    # -- whole scenes --------------------------------------------------------------------------

    def configuring(self) -> Event:
        """To the moment when our update is out; returns it."""
        self.attached()
        self.connected()
        (command,) = self.upstream({"type": "session.created", "session": self.session})
        assert isinstance(command, ToUpstream)
        update: Event = json.loads(command.frame)
        return update

    def accept(self, update: Event) -> list[Command]:
        """Upstream takes our update."""
        self.session |= update["session"]
        return self.upstream({"type": "session.updated", "session": self.session})

    def ready(self) -> Playbook:
        """To the moment when the client may speak."""
        commands = self.accept(self.configuring())
        assert any(isinstance(command, StartClient) for command in commands)
        return self

    def response(self, response_id: str = "resp_1", **more: Any) -> list[Command]:
        """Upstream begins a response."""
        response = {"id": response_id, "object": "realtime.response", "status": "in_progress"}
        return self.upstream(
            {"type": "response.created", "event_id": "e", "response": response | more}
        )

    def answer_item(self, item_id: str = "item_a", response_id: str = "resp_1") -> list[Command]:
        """Upstream adds the answer's item and its audible part."""
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        commands = self.upstream(
            {"type": "response.output_item.added", "response_id": response_id, "item": item}
        )
        part = {"type": "audio", "transcript": ""}
        return commands + self.upstream(
            {
                "type": "response.content_part.added",
                "response_id": response_id,
                "item_id": item_id,
                "part": part,
            }
        )


def events(commands: list[Command]) -> list[Event]:
    """What the client is sent."""
    return [json.loads(command.frame) for command in commands if isinstance(command, ToClient)]


def sent_up(commands: list[Command]) -> list[Event]:
    """What upstream is sent."""
    return [json.loads(command.frame) for command in commands if isinstance(command, ToUpstream)]


def notes(commands: list[Command]) -> list[str]:
    """What the operator is told."""
    return [command.kind for command in commands if isinstance(command, Note)]


def ending(commands: list[Command]) -> CloseReason | None:
    """Why the session ends, if it does; nothing may come after the ending."""
    ends = [command for command in commands if isinstance(command, End)]
    if not ends:
        return None
    assert commands[-1] is ends[0]
    return ends[0].reason


def dials(commands: list[Command]) -> int:
    """How many legs are dialled."""
    return sum(isinstance(command, Dial) for command in commands)
