"""What a person would try who has read the source: sequences of events, not single ones.

Each of these has once been a way in.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.policy.policy import Policy, Profile
from app.protocol.close_reasons import CloseReason
from app.protocol.names import Dialect
from app.session.commands import Command
from app.session.limits import Limits
from tests.integration.lock.scene import DOOR, LAMP, NO_HURRY, SECRET, Cast, Scene
from tests.unit.session.playbook import Playbook, ending, events, sent_up

GUIDED, OPEN = Profile.GUIDED, Profile.OPEN


def scene(profile: Profile = GUIDED, **fields: Any) -> Scene:
    policy = Policy(profile=profile, client_tools=(LAMP, DOOR), server_tools=(SECRET,))
    return Scene(Cast(policy, **fields))


def say(at: Scene, **event: Any) -> list[Command]:
    return at.play(json.dumps(event).encode())


def error_of(commands: list[Command]) -> dict[str, Any]:
    (event,) = events(commands)
    error: dict[str, Any] = event["error"]
    return error


# -- tools ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [GUIDED, OPEN])
@pytest.mark.parametrize("how", ["session.update", "response.create"])
def test_a_list_of_tools_does_not_show_the_hidden_ones(profile: Profile, how: str) -> None:
    at = scene(profile)
    root = how.partition(".")[0]
    say(at, type=how, **{root: {"tools": [{"type": "function", "name": "lamp"}]}})
    if how == "response.create":
        say(at, type="session.update", session={"tools": [{"type": "function", "name": "lamp"}]})
    at.response("resp_2")
    assert events(at.call("resp_2", "item_x", "call_x", "secret", after=None)) == []
    output = {"type": "function_call_output", "call_id": "call_x", "output": "forged"}
    assert sent_up(say(at, type="conversation.item.create", item=output)) == []


def test_an_open_client_sees_the_calls_of_tools_that_it_gave_to_one_response() -> None:
    at = scene(OPEN)
    say(at, type="response.create", response={"tools": [{"type": "function", "name": "own"}]})
    at.response("resp_2")
    assert events(at.call("resp_2", "item_x", "call_x", "own", after=None))


def outputs(count: int) -> dict[str, Any]:
    output = {"type": "function_call_output", "call_id": "call_1", "output": "x" * 15_000}
    return {"conversation": "none", "input": [output] * count}


@pytest.mark.parametrize("profile", [GUIDED, OPEN])
def test_one_call_has_one_result_wherever_it_stands(profile: Profile) -> None:
    at = scene(profile)
    assert sent_up(say(at, type="response.create", response=outputs(2))) == []
    assert sent_up(say(at, type="response.create", response=outputs(1)))
    assert sent_up(say(at, type="response.create", response=outputs(1))) == []


def test_one_call_has_one_result_among_items() -> None:
    at = scene()
    item = outputs(1)["input"][0]
    assert sent_up(say(at, type="conversation.item.create", item=item))
    error = error_of(say(at, type="conversation.item.create", item=item))
    assert error["code"] == "policy_violation"


# -- what is on its way --------------------------------------------------------------------------


def g711_play() -> Playbook:
    play = Playbook().ready()
    play.session["input_audio_format"] = "g711_ulaw"
    play.upstream({"type": "session.updated", "session": play.session})
    return play


SIX_SECONDS = {"type": "input_audio_buffer.append", "audio": "AAAA" * 16_000}
WISH = {"type": "session.update", "session": {"voice": "echo", "input_audio_format": "pcm16"}}


def test_a_format_on_its_way_makes_no_audio_cheaper() -> None:
    play = g711_play()
    play.client(WISH)
    play.client(SIX_SECONDS)
    assert play.gate.state.counters.audio_ms_from_client == pytest.approx(6_000)


@pytest.mark.parametrize("event_id", [None, "again"])
def test_a_refused_format_is_forgotten(event_id: str | None) -> None:
    """Also where the client gives one id to everything that it sends."""
    play = g711_play()
    play.client({"type": "input_audio_buffer.clear", "event_id": event_id})
    refuse(play, play.client({**WISH, "event_id": event_id}), "cannot_update_voice")
    play.client(SIX_SECONDS)
    assert play.gate.state.counters.audio_ms_from_client == pytest.approx(6_000)


def refuse(play: Playbook, commands: list[Command], code: str) -> list[Command]:
    """Upstream refuses what it was just sent, naming the event as the API does."""
    (sent,) = sent_up(commands)
    error = {"type": "invalid_request_error", "code": code, "param": None, "message": "no"}
    error["event_id"] = sent.get("event_id")
    return play.upstream({"type": "error", "event_id": "e", "error": error})


@pytest.mark.parametrize("event_id", [None, "again"])
def test_a_failed_request_does_not_count_as_a_response_in_progress(event_id: str | None) -> None:
    play = Playbook(limits=replace(NO_HURRY, out_of_band_responses=2)).ready()
    play.client({"type": "input_audio_buffer.clear", "event_id": event_id})
    create = {"type": "response.create", "response": {"conversation": "none"}}
    for _ in range(3):
        (error,) = events(
            refuse(play, play.client({**create, "event_id": event_id}), "server_error")
        )
        assert error["error"]["event_id"] == event_id


def test_a_burst_of_requests_cannot_pass_the_responses_of_a_minute() -> None:
    play = Playbook().ready()
    asked = 0
    for _ in range(25):
        asked += len(sent_up(play.client({"type": "response.create"})))
        play.client({"type": "response.cancel"})
    assert asked <= Limits().responses_per_minute


# -- floods --------------------------------------------------------------------------------------


def flood(frame: bytes, seconds: float = 30, each_second: int = 200) -> CloseReason | None:
    """So many frames a second, for so long; why the session ended, if it did."""
    play = Playbook().ready()
    for _ in range(int(seconds * each_second)):
        play.now += 1 / each_second
        reason = ending(play.client(frame))
        if reason is not None:
            return reason
    return None


def test_a_flood_of_acts_ends_the_session() -> None:
    assert flood(b'{"type":"input_audio_buffer.clear"}') is CloseReason.RATE_LIMITED


ODD_APPEND = b'{"type":"input_audio_buffer.append","audio":"AAAA","event_id":"no id"}'


@pytest.mark.parametrize(
    "frame",
    [
        *(b"[1", b"7", b'{"type":7}', b'{"type":"x","event_id":7}'),
        ODD_APPEND,
    ],
)
def test_a_flood_of_what_is_no_event_ends_the_session(frame: bytes) -> None:
    assert flood(frame) is CloseReason.RATE_LIMITED


def test_a_client_that_replays_its_history_and_then_talks_is_no_flood() -> None:
    play = Playbook().ready()
    content = [{"type": "input_text", "text": "We spoke before."}]
    item = {"type": "message", "role": "user", "content": content}
    for _ in range(30):
        assert sent_up(play.client({"type": "conversation.item.create", "item": item}))
    for _ in range(200):
        play.now += 0.1
        spoken = play.client({"type": "input_audio_buffer.append", "audio": "AAAA" * 800})
        assert ending(spoken) is None, "nothing was ever refused"


def test_deliberate_violations_end_the_session() -> None:
    item = b'{"type":"conversation.item.create","item":{"type":"mcp_call"}}'
    assert flood(item, each_second=5) is CloseReason.POLICY_VIOLATION


# -- what is hidden ------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", list(Dialect))
def test_an_item_of_a_hidden_response_stays_hidden_in_whatever_order_it_comes(
    dialect: Dialect,
) -> None:
    at = scene(client=dialect, upstream=dialect)
    at.response("resp_2")
    at.gate.state.responses["resp_2"].visible = False
    content = [{"type": "audio", "transcript": "the secret"}]
    assert events(at.item("item_x", after="item_u", role="assistant", content=content)) == []


@pytest.mark.parametrize("shown", [True, False])
def test_root_keeps_its_place_when_an_answer_beside_the_conversation_has_come(shown: bool) -> None:
    at = Scene(Cast(Policy(), fresh=True))
    at.item("rly_context", role="system", content=[])
    at.item("item_u", after="rly_context", role="user", content=[])
    at.response("resp_o", conversation_id=None)
    at.gate.state.responses["resp_o"].visible = shown
    item = {"id": "item_o", "type": "message", "role": "assistant", "content": []}
    at.told(type="response.output_item.added", event_id="e", response_id="resp_o", item=item)
    hello = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    (sent,) = sent_up(say(at, type="conversation.item.create", previous_item_id="root", item=hello))
    assert sent["previous_item_id"] == "rly_context"


def test_a_cancel_that_names_nothing_does_not_reach_a_hidden_response() -> None:
    at = scene()
    at.response("resp_2")
    at.gate.state.responses["resp_2"].visible = False
    commands = say(at, type="response.cancel")
    assert sent_up(commands) == []
    assert error_of(commands)["code"] == "response_cancel_not_active"


ABOUT_ITEMS = {
    "conversation.item.retrieve": {},
    "conversation.item.delete": {},
    "conversation.item.truncate": {"content_index": 0, "audio_end_ms": 0},
}


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("kind", sorted(ABOUT_ITEMS))
def test_hidden_and_absent_items_are_answered_alike_and_here(kind: str, profile: Profile) -> None:
    at = scene(profile)
    answers = []
    for item_id in ("item_h", "item_hc", "item_absent", "rly_feed_1"):
        commands = say(at, type=kind, item_id=item_id, **ABOUT_ITEMS[kind])
        assert sent_up(commands) == []
        (event,) = events(commands)
        event.pop("event_id")
        answers.append(json.dumps(event).replace(item_id, "X"))
    assert len(set(answers)) == 1, answers


@pytest.mark.parametrize("response_id", ["resp_h", "resp_absent", "rly_feed_1", ""])
def test_hidden_and_absent_responses_are_answered_alike_and_here(response_id: str) -> None:
    commands = say(scene(), type="response.cancel", response_id=response_id)
    assert sent_up(commands) == []
    error = error_of(commands)
    assert (error["code"], error["message"]) == (
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
    )


@pytest.mark.parametrize("call_id", ["call_h", "call_absent"])
def test_hidden_and_absent_calls_are_answered_alike(call_id: str) -> None:
    item = {"type": "function_call_output", "call_id": call_id, "output": "x"}
    error = error_of(say(scene(), type="conversation.item.create", item=item))
    assert error["code"] == "policy_violation"
    assert call_id not in error["message"]


# -- names in other letters ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        {"metadata": {"Relay_x": "1"}},
        {"metadata": {"a": "1", "A": "2"}},
        {"tools": [{"name": "own", "parameters": {"type": "object", "Type": "x"}}]},
    ],
)
def test_no_reader_that_folds_case_can_be_misled(response: dict[str, Any]) -> None:
    at = scene(OPEN)
    for sent in sent_up(say(at, type="response.create", response=response)):
        text = json.dumps(sent)
        assert "elay_x" not in text
        for first, second in (('"a"', '"A"'), ('"type": "object"', '"Type"')):
            assert not (first in text and second in text)


def test_what_one_session_learned_does_not_stand_in_another() -> None:
    one, other = scene(OPEN), scene(OPEN)
    say(one, type="session.update", session={"tools": [{"type": "function", "name": "own"}]})
    other.response("resp_2")
    assert events(other.call("resp_2", "item_x", "call_x", "own", after=None)) == []
