"""What is no event, or none that this relay knows: told in words, and the session goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.client import Client
from tests.integration.flows.answers import answer
from tests.integration.flows.stack import Stack, errors, stack


async def told(me: Client, frame: Any) -> dict[str, Any]:
    """Sends a frame that must be answered by one `error` event; its `error` object."""
    await me.send(frame)
    (error,) = errors([await me.next()])
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    return error


async def goes_on(way: Stack, me: Client) -> None:
    """The session answers, and upstream has seen nothing but what belongs there."""
    await me.say("Hello")
    await me.next()
    await answer(me)
    assert way.received() == {
        "session.update": 1,
        "conversation.item.create": 1,
        "response.create": 1,
    }


NO_EVENT: list[tuple[str, str]] = [
    ("", "invalid_json"),
    ("Hello!", "invalid_json"),
    ("{", "invalid_json"),
    ('{"type": "response.create"', "invalid_json"),
    ('{"type": "response.create"} {}', "invalid_json"),
    ("\ufeff{}", "invalid_json"),
    ("{'type': 'response.create'}", "invalid_json"),
    ('{"type": "input_audio_buffer.clear", "x": NaN}', "invalid_json"),
    ('{"type": "input_audio_buffer.clear", "x": "\\ud800"}', "invalid_json"),
    ("[" * 100_000, "invalid_json"),
    ("[]", "invalid_type"),
    ('[{"type": "response.create"}]', "invalid_type"),
    ("null", "invalid_type"),
    ("7", "invalid_type"),
    ('"response.create"', "invalid_type"),
    ("{}", "missing_required_parameter"),
    ('{"type": null}', "missing_required_parameter"),
    ('{"type": 7}', "invalid_type"),
    ('{"type": ["response.create"]}', "invalid_type"),
    ('{"type": {"response.create": 1}}', "invalid_type"),
    ('{"type": "input_audio_buffer.clear", "n": 99999999999999999999}', "invalid_value"),
]


async def test_what_is_no_event_is_told_so() -> None:
    async with stack() as way, way.client() as me:
        for frame, code in NO_EVENT:
            error = await told(me, frame)
            assert error["code"] == code, frame[:60]
            assert error["event_id"] is None
        await goes_on(way, me)


UNLISTED = [
    "session.close",
    "output_audio_buffer.clear",
    "transcription_session.update",
    "conversation.item.update",
    "response.done",
    "session.created",
    "error",
    "brand.new",
    "",
    " response.create",
    "Response.Create",
    "x" * 5_000,
]


@pytest.mark.parametrize("profile", ["locked", "guided", "open"])
async def test_an_event_that_is_not_on_the_list_is_refused(profile: str) -> None:
    async with stack(profile=profile) as way, way.client() as me:
        for kind in UNLISTED:
            error = await told(me, {"type": kind, "event_id": "x1", "session": {}})
            assert error["code"] == "policy_violation", kind
            assert error["event_id"] == "x1"
            assert error["param"] == "type"
            assert "brand.new" not in error["message"]
        await goes_on(way, me)


async def test_the_event_id_comes_back_with_the_error() -> None:
    async with stack() as way, way.client() as me:
        for event_id in ("e", "evt_1", "a-b.c_D-9", "0" * 64, None):
            for kind in ("brand.new", "input_audio_buffer.commit", "response.cancel"):
                error = await told(me, {"type": kind, "event_id": event_id})
                assert error["event_id"] == event_id, kind


NO_EVENT_ID: list[object] = [
    *("0" * 65, "", "a b", "<script>", "e\n", "rly_aaaa_1"),
    *(7, True, ["e"], {"e": 1}),
]


async def test_an_event_id_that_may_not_be_is_told_and_not_repeated() -> None:
    async with stack() as way, way.client() as me:
        for event_id in NO_EVENT_ID:
            error = await told(me, {"type": "response.create", "event_id": event_id})
            assert (error["code"], error["param"]) == ("invalid_value", "event_id"), event_id
            assert error["event_id"] is None
        await goes_on(way, me)


async def test_of_a_name_that_stands_there_twice_the_one_that_was_judged_is_sent_on() -> None:
    async with stack() as way, way.client() as me:
        twice = '{"type": "conversation.item.delete", "type": "input_audio_buffer.clear"}'
        await me.send(twice)
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
        error = await told(
            me, '{"type": "input_audio_buffer.clear", "type": "session.close", "event_id": "t"}'
        )
    assert error["code"] == "policy_violation"
    assert way.received() == {"session.update": 1, "input_audio_buffer.clear": 1}


async def test_thirty_forbidden_acts_in_a_minute_end_the_session() -> None:
    async with stack() as way, way.client() as me:
        for _ in range(30):
            await me.send({"type": "brand.new"})
        events, code, _ = await me.rest()
        line = await way.relay.one_closed()
    assert [event["type"] for event in events] == ["error"] * 31
    assert [error["code"] for error in errors(events)] == ["policy_violation"] * 31
    assert code == 1008
    assert line["reason"] == "policy_violation"


async def test_mistakes_are_no_violations_however_many() -> None:
    async with stack() as way, way.client() as me:
        for number in range(40):
            error = await told(
                me, {"type": "conversation.item.delete", "item_id": f"item_{number}"}
            )
            assert error["code"] == "item_delete_invalid_item_id"
            assert (await told(me, "not JSON"))["code"] == "invalid_json"
        await goes_on(way, me)


async def test_no_content_of_a_refused_event_is_repeated() -> None:
    async with stack() as way, way.client() as me:
        parts = [{"type": "input_text", "text": "<b>Private words</b>"}]
        item = {"type": "message", "role": "system", "content": parts}
        await told(me, {"type": "conversation.item.create", "item": item})
        await told(me, {"type": "<b>Private words</b>"})
        await told(me, '{"type": "<b>Private words</b>')
    assert "Private words" not in json.dumps(me.seen)
    assert "Private words" not in str(way.relay.lines)
