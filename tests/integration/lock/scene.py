"""One gate in the middle of a conversation, with things to see and things to find out.

visible: the user's item_u, the spoken item_a, the call call_1 of the tool `lamp` in item_c,
         all of the response resp_1
hidden:  the response resp_h with the spoken item_h, and the call call_h of the tool `secret`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from app.policy.policy import ClientTool, Configuration, Policy
from app.protocol.names import Dialect
from app.session.commands import Command, ToUpstream
from app.session.gate import Gate
from app.session.limits import Limits
from app.session.terms import Terms
from tests.integration.lock.words import World

NO_HURRY = Limits(
    violations_per_minute=1_000_000,
    events_per_second=1e9,
    events_burst=1e9,
    acts_per_second=1e9,
    acts_burst=1e9,
    audio_speed=1e9,
    audio_burst_seconds=1e9,
    responses_per_minute=1_000_000,
    out_of_band_responses=1_000_000,
)
INSTRUCTIONS = "You are the operator's secret."
NOW = 1_000.0


def _tool(name: str) -> ClientTool:
    definition = {
        "type": "function",
        "name": name,
        "description": f"does {name}",
        "parameters": {"type": "object", "properties": {}},
    }
    return ClientTool(name, definition)


LAMP, DOOR, SECRET = _tool("lamp"), _tool("door"), _tool("secret")


@dataclass(frozen=True)
class Cast:
    """Who speaks how, under which rules. `fresh`: nobody has said anything yet."""

    policy: Policy
    client: Dialect = Dialect.PREVIEW
    upstream: Dialect = Dialect.PREVIEW
    fresh: bool = False
    private: bool = False
    limits: Limits = NO_HURRY


class Scene:
    """A gate that is ready, driven by hand. `play` of a client frame returns the commands.

    `begun` stops earlier: "greeting" before upstream has said anything, "configuring" before it
    has taken our configuration.
    """

    def __init__(self, cast: Cast, begun: str = "ready") -> None:
        self.cast = cast
        terms = Terms(
            session_id="sess_scene",
            seed="feed",
            policy=cast.policy,
            configuration=Configuration(instructions=INSTRUCTIONS),
            limits=cast.limits,
            expires_at=2_000_000_000,
            model="alias",
            private_events=cast.private,
            client_dialect=cast.client,
            upstream_dialect=cast.upstream,
        )
        self.gate = Gate(terms, NOW)
        self.gate.on_client_attached(NOW)
        self.gate.on_upstream_ready(0)
        if begun == "greeting":
            return
        self.told(type="session.created", session={})
        if begun == "configuring":
            return
        self.told(type="session.updated", event_id="e2", session={"instructions": INSTRUCTIONS})
        if not cast.fresh:
            self._converse()

    def _converse(self) -> None:
        self.item("item_u", role="user", content=[{"type": "input_text", "text": "Hello"}])
        self.response("resp_1")
        self.output("resp_1", "item_a", after="item_u")
        self.call("resp_1", "item_c", "call_1", "lamp", after="item_a")
        self.finish("resp_1")
        self.response("resp_h")
        self.gate.state.responses["resp_h"].visible = False
        self.output("resp_h", "item_h", after="item_c")
        self.call("resp_h", "item_hc", "call_h", "secret", after="item_h")
        self.finish("resp_h")

    def told(self, **event: Any) -> list[Command]:
        """Upstream says this."""
        return self.gate.on_upstream(0, msgspec.json.encode(event), NOW)

    def play(self, frame: bytes) -> list[Command]:
        """The client says this. Upstream answers each change of the session and keeps its own."""
        commands = self.gate.on_client(frame, NOW)
        for command in commands:
            if isinstance(command, ToUpstream) and b'"type":"session.update"' in command.frame:
                kept = {"instructions": INSTRUCTIONS}
                self.told(type="session.updated", event_id="e", session=kept)
        return commands

    def item(self, item_id: str, after: str | None = None, **fields: Any) -> list[Command]:
        preview = self.cast.upstream is Dialect.PREVIEW
        kind = "conversation.item.created" if preview else "conversation.item.added"
        item = {"id": item_id, "type": "message", **fields}
        return self.told(type=kind, event_id="e", previous_item_id=after, item=item)

    def response(self, response_id: str, **fields: Any) -> list[Command]:
        response = {"id": response_id, "object": "realtime.response", "status": "in_progress"}
        return self.told(type="response.created", event_id="e", response=response | fields)

    def output(self, response_id: str, item_id: str, after: str | None) -> list[Command]:
        said = {"role": "assistant", "content": []}
        item = {"id": item_id, "type": "message", **said}
        place = {"response_id": response_id, "output_index": 0}
        commands = self.told(type="response.output_item.added", event_id="e", item=item, **place)
        commands += self.item(item_id, after, **said)
        return commands + self.told(
            type="response.content_part.added",
            event_id="e",
            item_id=item_id,
            content_index=0,
            part={"type": "audio", "transcript": ""},
            **place,
        )

    def call(
        self, response_id: str, item_id: str, call_id: str, name: str, after: str | None
    ) -> list[Command]:
        called = {"type": "function_call", "name": name, "call_id": call_id}
        place = {"response_id": response_id, "output_index": 1}
        item = {"id": item_id, **called}
        commands = self.told(type="response.output_item.added", event_id="e", item=item, **place)
        return commands + self.item(item_id, after, **called)

    def finish(self, response_id: str) -> list[Command]:
        response = {"id": response_id, "status": "completed", "output": []}
        return self.told(type="response.done", event_id="e", response=response)

    @property
    def world(self) -> World:
        """What the second grammar must know of this scene."""
        policy, fresh = self.cast.policy, self.cast.fresh
        return World(
            profile=policy.profile.value,
            preview=self.cast.upstream is Dialect.PREVIEW,
            items=frozenset() if fresh else frozenset({"item_u", "item_a", "item_c"}),
            messages=frozenset() if fresh else frozenset({"item_u", "item_a"}),
            spoken=frozenset() if fresh else frozenset({"item_a"}),
            responses=frozenset() if fresh else frozenset({"resp_1"}),
            calls=frozenset() if fresh else frozenset({"call_1"}),
            history=policy.history and fresh,
            transcription_model=policy.transcription_model,
            moderates=policy.moderates,
            create_response=policy.create_response,
            voices=policy.voices,
            languages=policy.languages,
            tools={tool.name: tool.definition for tool in policy.client_tools},
            hidden_tools={tool.name: tool.definition for tool in policy.server_tools},
            most_tokens=policy.max_output_tokens,
            pictures=self.cast.upstream is Dialect.GA
            or self.gate.state.client_dialect is Dialect.PREVIEW,
        )
