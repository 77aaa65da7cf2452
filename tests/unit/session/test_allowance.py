"""What a session may ask for: answers by their size, items by their number, ids that are taken."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.policy import Policy, Profile
from app.session.allowance import MAX_ITEMS, RETRIEVED_AT_ONCE
from app.session.client_side import MOST_OWN_TOOLS
from app.session.limits import Limits
from app.session.meters import LONGEST_ANSWER_PAUSE
from app.session.state import Item
from tests.unit.session.playbook import Event, Playbook, events, sent_up

OPEN = Policy(profile=Profile.OPEN)
MANY = [
    {"type": "function", "name": f"t{number}", "description": "d" * 3_900} for number in range(63)
]
EMPTY = {"type": "session.update", "session": {}}
FAST = Limits(acts_per_second=1e6, acts_burst=1e6, events_per_second=1e6, events_burst=1e6)


def code(commands: list[Any]) -> str | None:
    """The code of the error that the client gets, if it gets one."""
    (event,) = events(commands)
    found: str | None = event["error"]["code"] if event["type"] == "error" else None
    return found


def test_large_views_are_paid_for_as_the_same_bytes_upwards_would_be() -> None:
    play = Playbook(policy=OPEN).ready()
    play.session["tools"] = MANY
    told = sum(code(play.client(EMPTY)) is None for _ in range(5))
    assert told == 5, "small views are free"
    play.upstream({"type": "session.updated", "session": play.session})
    views = 0
    while code(play.client(EMPTY)) is None:
        views += 1
    assert 2 <= views <= 4, "a quarter of a megabyte each, of 800 KiB at once"
    refused = events(play.client(EMPTY))[0]["error"]
    assert refused["code"] == "rate_limit_exceeded"
    assert 0 < refused["retry_after_ms"] < 5_000
    play.now += refused["retry_after_ms"] / 1000 + 0.01
    assert code(play.client(EMPTY)) is None
    assert sent_up(play.client({"type": "input_audio_buffer.clear"})), "others are not held up"


def retrieve(item_id: str = "item_u") -> Event:
    return {"type": "conversation.item.retrieve", "item_id": item_id}


def shown(play: Playbook, size: int, retrieved: bool = True) -> None:
    content = [{"type": "input_audio", "audio": "A" * size}]
    item = {"id": "item_u", "type": "message", "role": "user", "content": content}
    kind = "retrieved" if retrieved else "created"
    assert events(play.upstream({"type": f"conversation.item.{kind}", "item": item}))


def test_items_are_retrieved_a_few_at_a_time() -> None:
    play = Playbook().ready()
    shown(play, 0, retrieved=False)
    for _ in range(RETRIEVED_AT_ONCE):
        assert sent_up(play.client(retrieve()))
    assert code(play.client(retrieve())) == "rate_limit_exceeded"
    shown(play, 100)
    assert sent_up(play.client(retrieve()))


def test_a_long_recording_that_was_retrieved_is_paid_for_but_not_for_ever() -> None:
    play = Playbook().ready()
    shown(play, 0, retrieved=False)
    assert sent_up(play.client(retrieve()))
    shown(play, 8_000_000)
    refused = events(play.client(retrieve()))[0]["error"]
    assert refused["code"] == "rate_limit_exceeded"
    assert 0 < refused["retry_after_ms"] <= LONGEST_ANSWER_PAUSE * 1000
    play.now += LONGEST_ANSWER_PAUSE
    assert sent_up(play.client(retrieve()))


def test_an_answer_without_an_item_is_no_trouble() -> None:
    play = Playbook().ready()
    assert play.upstream({"type": "conversation.item.retrieved", "item": None}) == []


def typed(item_id: str | None = None) -> Event:
    item: Event = {"type": "message", "role": "user"}
    item |= {"content": [{"type": "input_text", "text": ""}]} | ({"id": item_id} if item_id else {})
    return {"type": "conversation.item.create", "item": item}


def test_a_session_holds_so_many_items_and_no_more() -> None:
    play = Playbook(limits=FAST).ready()
    for number in range(MAX_ITEMS - 2):
        play.gate.state.items[f"item_{number}"] = Item(visible=True)
    assert sent_up(play.client(typed()))
    assert sent_up(play.client(typed()))
    (refused,) = events(play.client(typed()))
    assert "at most 2,000 items" in refused["error"]["message"]
    assert play.upstream({"type": "conversation.item.deleted", "item_id": "item_0"})
    assert sent_up(play.client(typed()))


@pytest.mark.parametrize("visible", [True, False])
def test_an_id_that_is_taken_is_refused_alike_whether_it_is_hidden_or_not(visible: bool) -> None:
    play = Playbook().ready()
    play.gate.state.items["item_x"] = Item(visible=visible)
    (refused,) = events(play.client(typed("item_x") | {"event_id": "mine"}))
    assert refused["error"] == {
        "type": "invalid_request_error",
        "code": "item_create_duplicate_item_id",
        "message": "Error adding item: an item with this id already exists.",
        "param": "item.id",
        "event_id": "mine",
    }
    assert sent_up(play.client(typed("item_y")))


def test_names_of_tools_are_not_collected_without_end() -> None:
    play = Playbook(policy=OPEN, limits=FAST).ready()
    for turn in range(20):
        tools = [{"type": "function", "name": f"t{turn}_{number}"} for number in range(64)]
        assert sent_up(play.client({"type": "session.update", "session": {"tools": tools}}))
    assert len(play.gate.state.own_tools) == MOST_OWN_TOOLS
