"""What a client may see, answered from the state."""

from __future__ import annotations

import pytest

from app.policy.policy import Policy
from app.protocol.close_reasons import CloseReason
from app.session.sight import SessionSight
from app.session.state import Item, SessionState
from tests.unit.session.playbook import Playbook, ending, events, sent_up


def chain(*items: tuple[str, bool]) -> SessionSight:
    """Items in conversation order, each with its visibility."""
    state = SessionState(session_id="s")
    previous = None
    for name, visible in items:
        state.items[name] = Item(visible=visible, previous=previous, placed=True)
        previous = name
    return SessionSight(state, Policy())


@pytest.mark.parametrize(
    ("items", "root"),
    [
        ((), None),
        ((("a", True),), None),
        ((("h1", False), ("h2", False), ("a", True), ("h3", False)), "h2"),
        ((("h1", False),), "h1"),
    ],
)
def test_the_clients_root_lies_behind_our_own_leading_items(
    items: tuple[tuple[str, bool], ...], root: str | None
) -> None:
    assert chain(*items).root_predecessor() == root


def test_the_nearest_visible_predecessor_is_found_or_there_is_none() -> None:
    sight = chain(("a", True), ("h1", False), ("h2", False))
    assert sight.visible_predecessor("h2") == "a"
    assert sight.visible_predecessor("a") == "a"
    assert sight.visible_predecessor("nowhere") is None
    assert chain(("h1", False)).visible_predecessor("h1") is None


def test_a_chain_that_bites_its_tail_ends() -> None:
    state = SessionState(session_id="s")
    state.items["a"] = Item(visible=False, previous="b", placed=True)
    state.items["b"] = Item(visible=False, previous="a", placed=True)
    sight = SessionSight(state, Policy())
    assert sight.visible_predecessor("a") is None
    assert sight.root_predecessor() is None


def test_a_response_has_happened_once_one_was_created() -> None:
    play = Playbook().ready()
    sight = SessionSight(play.gate.state, Policy())
    assert not sight.response_happened()
    play.response()
    assert sight.response_happened()


def test_a_tool_output_is_shown_where_its_call_was() -> None:
    play = Playbook().ready()
    output = {"id": "item_o", "type": "function_call_output", "call_id": "c1", "output": "42"}
    created = {"type": "conversation.item.created", "item": output}
    assert play.upstream(created) == []
    play.gate.state.items.clear()
    play.gate.state.calls["c1"] = True
    assert events(play.upstream(created))


def test_a_response_cannot_be_cancelled_that_was_never_shown() -> None:
    play = Playbook().ready()
    (error,) = events(play.client({"type": "response.cancel", "response_id": "resp_hidden"}))
    assert error["error"]["code"] == "response_cancel_not_active"
    play.response()
    assert sent_up(play.client({"type": "response.cancel", "response_id": "resp_1"}))


def test_an_item_announced_again_learns_its_place_and_stays_what_it_was() -> None:
    play = Playbook().ready()
    play.response()
    play.answer_item()
    item = {"id": "item_a", "type": "message", "role": "assistant", "content": []}
    again = {"type": "conversation.item.created", "item": item, "previous_item_id": "item_u"}
    assert events(play.upstream(again))
    learned = play.gate.state.items["item_a"]
    assert (learned.previous, learned.audio) == ("item_u", True)


def test_a_written_part_makes_no_item_audible() -> None:
    play = Playbook().ready()
    play.response()
    play.answer_item()
    play.gate.state.items["item_a"].audio = False
    for part in ({"type": "text", "text": ""}, None):
        play.upstream(
            {
                "type": "response.content_part.added",
                "response_id": "resp_1",
                "item_id": "item_a",
                "part": part,
            }
        )
    assert not play.gate.state.items["item_a"].audio


@pytest.mark.parametrize("session", [None, 7])
def test_an_update_echo_without_a_session_keeps_the_last_one(session: object) -> None:
    play = Playbook().ready()
    (updated,) = events(play.upstream({"type": "session.updated", "session": session}))
    assert updated["session"]["voice"] == "alloy"


def test_a_hidden_response_shows_nothing_of_itself() -> None:
    play = Playbook().ready()
    play.response("resp_h")
    play.gate.state.responses["resp_h"].visible = False
    assert play.answer_item("item_h", "resp_h") == []
    done = {"type": "response.done", "response": {"id": "resp_h", "status": "completed"}}
    assert play.upstream(done) == []


def test_the_gate_names_its_session_and_can_still_speak_after_a_fault() -> None:
    play = Playbook()
    assert play.gate.session_id == "sess_test"
    words = play.gate.last_words(CloseReason.INTERNAL_ERROR)
    assert words is not None
    assert b"server_error" in words
    assert play.gate.last_words(CloseReason.CLIENT_CLOSED) is None


def test_an_end_from_outside_has_last_words() -> None:
    play = Playbook().ready()
    commands = play.gate.end(CloseReason.DRAINING)
    assert ending(commands) is CloseReason.DRAINING
    assert events(commands)[0]["error"]["message"] == "The service is restarting. Connect again."
