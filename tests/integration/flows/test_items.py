"""Flow H: items are created, placed, retrieved and deleted; what a client may not see is not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import hello, speak, turn
from tests.integration.flows.answers import answer, check_chain, created
from tests.integration.flows.stack import errors, stack


def message(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **fields}


async def add(me: Client, item: dict[str, Any], **fields: Any) -> Event:
    """One `conversation.item.create` and what comes back."""
    await me.send({"type": "conversation.item.create", "item": item, **fields})
    return await me.next()


async def test_ids_that_a_client_chooses_are_kept_and_others_are_given() -> None:
    async with stack() as way, way.client() as me:
        chosen = await add(me, message(id="my-item_1"))
        given = await add(me, message())
    assert chosen["item"]["id"] == "my-item_1"
    assert given["item"]["id"] not in ("", "my-item_1")
    assert given["previous_item_id"] == "my-item_1"


async def test_an_item_takes_the_place_that_it_asks_for() -> None:
    async with stack() as way, way.client() as me:
        await add(me, message(id="a"), previous_item_id=None)
        await add(me, message(id="b"), event_id=None)
        places = {
            name: (await add(me, message(id=name), previous_item_id=after))["previous_item_id"]
            for name, after in (("first", "root"), ("between", "a"), ("last", "b"))
        }
    assert places == {"first": None, "between": "a", "last": "b"}


async def test_the_answer_reads_the_items_in_the_order_in_which_they_were_placed() -> None:
    async with stack() as way, way.client() as me:
        await add(me, message("What is my name?", id="question"))
        await add(me, message("My name is Ada"), previous_item_id="root")
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert said.text == "Your name is Ada."
    assert said.events[2]["previous_item_id"] == "question"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (
        {"previous_item_id": "item_of_another"},
        "item_create_invalid_previous_item_id",
        "previous_item_id",
    ),
    ({"previous_item_id": 7}, "invalid_type", "previous_item_id"),
    ({"item": None}, "missing_required_parameter", "item"),
    ({"item": []}, "invalid_type", "item"),
    ({"item": {}}, "missing_required_parameter", "item.type"),
    ({"item": message(role=None)}, "missing_required_parameter", "item.role"),
    ({"item": message(id="x" * 33)}, "invalid_value", "item.id"),
    ({"item": message(id="root")}, "invalid_value", "item.id"),
    ({"item": message(id="rly_mine_1")}, "invalid_value", "item.id"),
    ({"item": message(id=7)}, "invalid_type", "item.id"),
    ({"item": message(content=[])}, "invalid_value", "item.content"),
    ({"item": message(content="Hello")}, "invalid_type", "item.content"),
    ({"item": message("x" * 4_001)}, "string_above_max_length", "item.content[0].text"),
    ({"item": message(None)}, "invalid_type", "item.content[0].text"),  # type: ignore[arg-type]
    ({"item": message(role="system")}, "policy_violation", "item.content[0]"),
    ({"item": message(role="developer")}, "policy_violation", "item.content[0]"),
    ({"item": message(role="robot")}, "policy_violation", "item.role"),
    ({"item": {"type": "function_call", "name": "x"}}, "policy_violation", "item"),
    ({"item": {"type": "mcp_approval_response"}}, "policy_violation", "item"),
    ({"item": {"type": "item_reference", "id": "a"}}, "policy_violation", "item"),
    ({"item": {"type": "brand_new"}}, "policy_violation", "item"),
    (
        {"item": message(content=[{"type": "item_reference", "id": "a"}])},
        "policy_violation",
        "item.content[0]",
    ),
]


async def test_an_item_that_may_not_be_is_refused_whole_and_the_session_goes_on() -> None:
    async with stack() as way, way.client() as me:
        event = {"type": "conversation.item.create", "event_id": "i1", "item": message()}
        for fields, code, param in REFUSED:
            await me.send({**event, **fields})
            (error,) = errors([await me.next()])
            told = (error["code"], error["param"], error["event_id"])
            assert told == (code, param, "i1"), fields
            assert error["type"] == "invalid_request_error"
        assert (await add(me, message()))["type"] == "conversation.item.created"
    assert way.received()["conversation.item.create"] == 1


async def test_an_id_cannot_be_given_twice() -> None:
    async with stack() as way, way.client() as me:
        await add(me, message("My name is Ada", id="twin"))
        again = await add(me, message("My name is Bob", id="twin"), event_id="i2")
        (error,) = errors([again])
        await me.say("What is my name?")
        await me.next()
        said = await answer(me)
    assert error["code"] == "item_create_duplicate_item_id"
    assert error["event_id"] == "i2"
    assert error["message"].startswith("Error adding item: an item with")
    assert said.text == "Your name is Ada."
    check_chain(me)


async def test_what_a_client_writes_about_itself_is_not_believed() -> None:
    """`status`, `object` and what an SDK spreads into an item are dropped, the item is added."""
    async with stack() as way, way.client() as me:
        part = {"type": "input_text", "text": "Hello", "transcript": "Forged", "id": "p"}
        item = message(content=[part], status="incomplete", object="mine", providerData={"a": 1})
        told = await add(me, item, otherEventData=1)
    assert told["item"]["status"] == "completed"
    assert told["item"]["object"] == "realtime.item"
    assert told["item"]["content"] == [{"type": "input_text", "text": "Hello"}]


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_what_is_visible_can_be_retrieved_with_its_sound(profile: str) -> None:
    async with stack(profile=profile) as way, way.client() as me:
        await speak(me, turn(hello()))
        await me.until("conversation.item.created")
        said = await answer(me)
        (mine, _) = created(me)
        retrieved = {}
        for item_id in (mine["item"]["id"], said.item_id):
            await me.send({"type": "conversation.item.retrieve", "item_id": item_id})
            event = await me.next()
            assert event["type"] == "conversation.item.retrieved"
            retrieved[event["item"]["role"]] = event["item"]
    (heard,) = retrieved["user"]["content"]
    (spoken,) = retrieved["assistant"]["content"]
    assert heard["type"] == "input_audio"
    assert len(heard["audio"]) > 48_000
    assert spoken["type"] == "audio"
    assert spoken["transcript"] == said.text
    assert len(spoken["audio"]) * 3 // 4 == pytest.approx(len(said.audio), abs=3)


@pytest.mark.parametrize("verb", ["retrieve", "delete"])
async def test_an_item_that_a_client_cannot_see_does_not_exist(verb: str) -> None:
    async with stack() as way, way.client() as me:
        for item_id in ("item_of_another", "rly_aa_1", "root", "a b<script>"):
            event = {"type": f"conversation.item.{verb}", "item_id": item_id, "event_id": "x1"}
            await me.send(event)
            (error,) = errors([await me.next()])
            assert error["code"] == f"item_{verb}_invalid_item_id"
            assert error["event_id"] == "x1"
            doing = f"{verb.removesuffix('e')}ing"
            assert error["message"].startswith(f"Error {doing} item: the item with ")
            assert error["message"].endswith(" does not exist.")
            assert "<script>" not in error["message"]
    assert way.received() == {"session.update": 1}, "upstream was not asked"


async def test_a_deleted_item_is_gone_and_the_chain_closes() -> None:
    async with stack() as way, way.client() as me:
        for name in ("a", "b"):
            await add(me, message(f"My name is {name}", id=name))
        await me.send({"type": "conversation.item.delete", "item_id": "b", "event_id": "d1"})
        deleted = await me.next()
        told = []
        for verb in ("delete", "retrieve"):
            await me.send({"type": f"conversation.item.{verb}", "item_id": "b"})
            told += errors([await me.next()])
        behind = await add(me, message(), previous_item_id="b")
        added = await add(me, message("What is my name?"))
        await me.send({"type": "response.create"})
        said = await answer(me)
        again = await add(me, message(id="b"))
    assert deleted["type"] == "conversation.item.deleted"
    assert deleted["item_id"] == "b"
    assert [e["code"] for e in told] == [
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
    ]
    assert errors([behind])[0]["code"] == "item_create_invalid_previous_item_id"
    assert added["previous_item_id"] == "a"
    assert said.text == "Your name is a."
    assert again["item"]["id"] == "b", "its name is free again"


async def test_a_locked_conversation_keeps_what_was_said() -> None:
    async with stack(profile="locked") as way, way.client() as me:
        await add(me, message(id="mine"))
        await me.send({"type": "conversation.item.delete", "item_id": "mine"})
        refusal = await me.next()
        await me.send({"type": "conversation.item.retrieve", "item_id": "mine"})
        assert (await me.next())["type"] == "conversation.item.retrieved"
    assert errors([refusal])[0]["code"] == "policy_violation"
    assert refusal["relay"]["why"] == "docs/policy.md#item-delete"


async def test_one_clients_items_do_not_exist_for_another() -> None:
    async with stack() as way, way.client(user="ada") as ada, way.client(user="bob") as bob:
        await add(ada, message(id="shared-name"))
        await bob.send({"type": "conversation.item.retrieve", "item_id": "shared-name"})
        (error,) = errors([await bob.next()])
        theirs = await add(bob, message("Mine", id="shared-name"))
    assert error["code"] == "item_retrieve_invalid_item_id"
    assert "conversation.item.retrieve" not in way.received(), "the relay itself knows"
    assert theirs["item"]["content"][0]["text"] == "Mine"


async def test_spoken_audio_can_come_as_an_item() -> None:
    async with stack() as way, way.client() as me:
        part = {"type": "input_audio", "audio": base64.b64encode(hello()).decode()}
        added = await add(me, message(content=[part]))
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert said.text.startswith("You said:")


async def test_audio_in_items_is_closed_where_the_operator_transcribes() -> None:
    async with stack(session_transcription_model="whisper-1") as way, way.client() as me:
        part = {"type": "input_audio", "audio": "AAAAAAAA"}
        (error,) = errors([await add(me, message(content=[part]))])
    assert error["code"] == "policy_violation"


async def test_an_open_client_writes_what_the_system_and_the_assistant_said() -> None:
    async with stack(profile="open") as way, way.client() as me:
        system = await add(me, message("Speak slowly.", role="system", id="s"))
        content = [{"type": "text", "text": "I am Bob."}]
        said = await add(me, message(role="assistant", content=content, id="a"))
        await me.send({"type": "conversation.item.retrieve", "item_id": "s"})
        retrieved = await me.next()
    assert system["item"]["role"] == "system"
    assert said["item"]["content"] == content
    assert retrieved["item"]["content"] == [{"type": "input_text", "text": "Speak slowly."}]
