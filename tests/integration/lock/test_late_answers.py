"""An upstream that answers late, and a client that uses its ids again: who is told what, and once.

Hypothesis chooses the order: what the client sends, when upstream takes or refuses which of it,
when voice activity begins a response of its own, when the relay asks for one of its own. The model
keeps what a conversation must not lose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.policy.policy import Policy, Profile
from app.protocol.names import ClientKind
from app.session.commands import Command, Note, ToClient, ToUpstream
from app.session.outstanding import Origin, Sent, mark
from tests.integration.lock.scene import LAMP, NOW, Cast, Scene

EVENT_IDS = st.sampled_from(("a", None, "a"))
TELLS = st.sampled_from(("conversation_id", "metadata", "both", "neither"))
"""What upstream says of a response beyond its id: services differ."""

FLAWED: dict[str, Any] = {"instructions": "mine"}
"""A wish of a guided client's that is stripped: whoever sent it is told so."""


@dataclass
class Act:
    """An event that upstream has in hand. `name` is what its client called it."""

    event: dict[str, Any]
    name: str | None
    flawed: bool = False
    hidden: bool = False


class LateAnswers(RuleBasedStateMachine):
    """One client, one upstream, and what lies between."""

    def __init__(self) -> None:
        super().__init__()
        self.at = Scene(Cast(Policy(profile=Profile.GUIDED, client_tools=(LAMP,))))
        self.in_hand: list[Act] = []
        self.accepted: list[str] = []  # calls whose result upstream has taken
        self.calls = ["call_1"]
        self.numbers = 0

    # -- what the client does ------------------------------------------------------------------

    def send(self, event: dict[str, Any], name: str | None, flawed: bool = False) -> bool:
        """Whether it went upstream."""
        said = event | ({} if name is None else {"event_id": name})
        sent = [
            json.loads(command.frame)
            for command in self.at.play(json.dumps(said).encode())
            if isinstance(command, ToUpstream)
        ]
        self.in_hand += [Act(one, name, flawed) for one in sent]
        return bool(sent)

    @rule(name=EVENT_IDS, data=st.data())
    def answers_a_call(self, name: str | None, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        item = {"type": "function_call_output", "call_id": call, "output": "x"}
        open_before = not self.waits_for_result(call) and call not in self.accepted
        sent = self.send({"type": "conversation.item.create", "item": item}, name)
        assert sent is open_before, "a call has one result at a time, and a refused one may follow"

    @rule(name=EVENT_IDS, flawed=st.booleans(), beside=st.booleans(), data=st.data())
    def asks_for_a_response(
        self, name: str | None, flawed: bool, beside: bool, data: st.DataObject
    ) -> None:
        response: dict[str, Any] = {"conversation": "none"} if beside else {}
        response |= FLAWED if flawed else {}
        call = data.draw(st.sampled_from([None, *self.calls])) if beside else None
        if call is not None and not self.waits_for_result(call) and call not in self.accepted:
            output = {"type": "function_call_output", "call_id": call, "output": "y"}
            response |= {"input": [output]}
        event = {"type": "response.create"} | ({"response": response} if response else {})
        assert self.send(event, name, flawed)

    @rule(name=EVENT_IDS, kind=st.sampled_from(("append", "commit")), refused=st.booleans())
    def speaks(self, name: str | None, kind: str, refused: bool) -> None:
        audio = {"audio": "AAA="} if kind == "append" else {}
        assert self.send({"type": f"input_audio_buffer.{kind}", **audio}, name)
        if not refused:
            self.in_hand.pop()  # such events are not answered

    @rule(name=EVENT_IDS, flawed=st.booleans())
    def writes(self, name: str | None, flawed: bool) -> None:
        content = [{"type": "input_text", "text": "Hi"}]
        item: dict[str, Any] = {"type": "message", "role": "user", "content": content}
        item |= {"status": "completed"} if flawed else {}
        assert self.send({"type": "conversation.item.create", "item": item}, name, flawed)

    @rule(name=EVENT_IDS, flawed=st.booleans())
    def changes_the_session(self, name: str | None, flawed: bool) -> None:
        session: dict[str, Any] = {"voice": "echo"} | (FLAWED if flawed else {})
        event = {"type": "session.update", "event_id": name, "session": session}
        commands = self.at.gate.on_client(json.dumps(event).encode(), NOW)  # not answered at once
        (sent,) = [command.frame for command in commands if isinstance(command, ToUpstream)]
        self.in_hand.append(Act(json.loads(sent), name, flawed))

    @rule()
    def the_relay_asks_for_a_response_of_its_own(self) -> None:
        self.numbers += 1
        event: dict[str, Any] = {"type": "response.create", "event_id": f"rly_own_{self.numbers}"}
        own = Sent(ClientKind.RESPONSE_CREATE, event["event_id"], origin=Origin.RELAY)
        self.at.gate.state.outstanding.add(own)
        mark(event, event["event_id"])
        self.in_hand.append(Act(event, None, hidden=True))

    # -- what upstream does, sooner or later ---------------------------------------------------

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def upstream_refuses(self, data: st.DataObject) -> None:
        act = self.in_hand.pop(data.draw(st.integers(0, len(self.in_hand) - 1)))
        error: dict[str, Any] = {"type": "invalid_request_error", "code": "invalid_value"}
        error["event_id"] = act.event.get("event_id")
        told = self.told(type="error", event_id="e", error=error)
        if act.hidden:
            assert told == []
            return
        (answer,) = told
        assert answer["type"] == "error", "one refusal, one answer"
        assert answer["error"]["event_id"] == act.name
        assert bool(self.hint(answer)) is act.flawed, "the hint of this event and of no other"

    @precondition(lambda self: self.in_hand)
    @rule(tells=TELLS)
    def upstream_takes_the_next(self, tells: str) -> None:
        act = self.in_hand.pop(0)
        event = act.event
        self.accepted += results(event)
        self.numbers += 1
        match event["type"]:
            case "response.create":
                asked = event.get("response", {})
                self.begins(act, asked.get("conversation") == "none", asked.get("metadata"), tells)
            case "conversation.item.create":
                item = {"id": f"item_{self.numbers}", **event["item"]}
                (answer,) = self.told(
                    type="conversation.item.created", event_id="e", previous_item_id=None, item=item
                )
                assert bool(self.hint(answer)) is act.flawed
            case "session.update":
                (answer,) = self.told(type="session.updated", event_id="e", session={})
                assert bool(self.hint(answer)) is act.flawed
                assert not act.flawed or answer["relay"].get("event_id") == act.name
            case _:
                pass

    @rule(tells=TELLS)
    def voice_activity_begins_a_response(self, tells: str) -> None:
        self.numbers += 1
        self.begins(None, False, None, tells)

    @rule()
    def somebody_speaks(self) -> None:
        self.numbers += 1
        item = {"id": f"item_{self.numbers}", "type": "message", "role": "user", "content": []}
        (answer,) = self.told(type="conversation.item.created", event_id="e", item=item)
        assert not self.hint(answer)

    @precondition(lambda self: len(self.calls) < 3)
    @rule()
    def the_model_calls_a_tool(self) -> None:
        self.numbers += 1
        call = f"call_{self.numbers}x"
        self.at.call("resp_1", f"item_{self.numbers}", call, "lamp", after=None)
        self.calls.append(call)

    @rule()
    def upstream_has_a_fault(self) -> None:
        error = {"type": "server_error", "code": None, "message": "oops", "event_id": None}
        (answer,) = self.told(type="error", event_id="e", error=error)
        assert answer["error"]["event_id"] is None
        assert not self.hint(answer)

    def begins(self, act: Act | None, beside: bool, metadata: Any, tells: str) -> None:
        """Upstream says that a response has begun."""
        response: dict[str, Any] = {"id": f"resp_{self.numbers}", "status": "in_progress"}
        if tells in ("conversation_id", "both"):
            response["conversation_id"] = None if beside else "conv"
        if tells in ("metadata", "both"):
            response["metadata"] = metadata
        awaited = any(other.hidden for other in [*self.in_hand, *([act] if act else [])])
        told = self.told(type="response.created", event_id="e", response=response)
        if act is not None and act.hidden:
            assert told == [], "never shown, whatever upstream tells"
        elif told:
            flawed = act is not None and act.flawed and "metadata" in response
            assert bool(self.hint(told[0])) is flawed, "no hint on a foreign response"
        else:
            assert awaited, "shown, unless it may be the relay's own"
            assert "metadata" not in response
        done = {"id": response["id"], "status": "completed", "output": []}
        assert bool(self.told(type="response.done", event_id="e", response=done)) is bool(told)
        if act is not None and act.hidden and "metadata" not in response:
            self.at.gate.state.outstanding.refused(act.event["event_id"])  # the model goes on

    # -- what always holds ---------------------------------------------------------------------

    def told(self, **event: Any) -> list[dict[str, Any]]:
        """What the client hears of this."""
        commands: list[Command] = self.at.told(**event)
        assert all(isinstance(command, ToClient | Note) for command in commands)
        frames = [command.frame for command in commands if isinstance(command, ToClient)]
        assert not any(b"rly_own" in frame or b"relay_request" in frame for frame in frames)
        return [json.loads(frame) for frame in frames]

    def hint(self, event: dict[str, Any]) -> Any:
        return event.get("relay", {}).get("ignored")

    def waits_for_result(self, call: str) -> bool:
        return any(call in results(act.event) for act in self.in_hand)

    @invariant()
    def a_call_has_one_result(self) -> None:
        assert len(set(self.accepted)) == len(self.accepted)


def results(event: dict[str, Any]) -> list[str]:
    """The calls that an event of the client's answers."""
    items = [event.get("item", {}), *event.get("response", {}).get("input", [])]
    return [item["call_id"] for item in items if item.get("type") == "function_call_output"]


TestLateAnswers = LateAnswers.TestCase
TestLateAnswers.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
