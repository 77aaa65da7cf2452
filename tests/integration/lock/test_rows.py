"""Each row of the policy in each profile, on the bytes that both ends received over sockets.

What a row must do is read from its three signs alone; what comes of it is read from the wires.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from app.policy import tables
from app.policy.policy import Profile
from tests.harness.client import Event
from tests.harness.tools import ALARM, WEATHER, tools_file
from tests.integration.lock.row_examples import (
    ABSENT,
    DEEDS,
    OPEN_TOOLS,
    RESPONSE,
    SESSION,
    Deed,
    Setting,
)
from tests.integration.lock.wires import END, Ends, Line, ends, response_events

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_INPUT = "response.input/item_reference"
"""Our name for the row of `item_reference` inside `response.input`, whatever the table calls it."""
ROWS: dict[str, tables.Row] = {
    **tables.EVENTS,
    **tables.SESSION_FIELDS,
    **tables.RESPONSE_FIELDS,
    **tables.CONTENT_PARTS,
    **tables.ITEM_TYPES,
    IN_INPUT: tables.REFERENCE,
}
DRIVEN_BY_OTHERS = {"session.update"}
"""Rows that merely open the door to rows of fields."""
NEEDS = {IN_INPUT: ("response.conversation", "response.input")}
"""An act inside an act: it is as allowed as the narrowest of them."""


def answer(event: Event) -> list[Event]:
    """An upstream that takes everything."""
    match event["type"]:
        case "session.update":
            return [{"type": "session.updated", "session": event["session"]}]
        case "response.create":
            asked = event.get("response", {})
            beside = asked.get("conversation") == "none"
            response: Event = {"id": "resp_new", "status": "in_progress", "output": []}
            response["conversation_id"] = None if beside else "conv_1"
            response |= {key: asked[key] for key in ("metadata",) if key in asked}
            return [{"type": "response.created", "response": response}]
        case _:
            return []


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[profile.value for profile in Profile]
)
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Ends, Profile]]:
    """One relay for each profile, with two client tools and no transcription."""
    profile = Profile(request.param)
    async with ends(profile=profile.value, session_tools=tools_file(WEATHER, ALARM)) as made:
        yield made, profile


@asynccontextmanager
async def conversation(made: Ends) -> AsyncIterator[Line]:
    """A client that has been shown one spoken answer and one call of its tool."""
    async with made.line(answer) as line:
        call = {"id": "item_call", "type": "function_call", "name": "get_weather"}
        place = {"type": "response.output_item.added", "response_id": "resp_v", "output_index": 1}
        spoken = response_events("v", "Hello", spoken=True)
        called = {**place, "item": call | {"call_id": "call_v", "arguments": ""}}
        for number, event in enumerate([*spoken, called]):
            await line.upstream.emit({"event_id": f"v{number}", **event})
        await line.me.until("response.done")
        await line.me.until("response.output_item.added")
        yield line


def narrowest(name: str, profile: Profile) -> tables.Act:
    """What the profile does with the row, and with those in which its item stands."""
    acts = [ROWS[one].act(profile) for one in (name, *NEEDS.get(name, ()))]
    return max(acts, key=list(tables.Act).index)


def plain(event: Event) -> Event:
    """Without the id, which may be one that the relay lent."""
    return {key: value for key, value in event.items() if key != "event_id"}


def without_lent_id(event: Event) -> Event:
    """Without the item's id: no example names one, so it can only be one that the relay lent."""
    if event["type"] != "conversation.item.create":
        return event
    item = {key: value for key, value in event["item"].items() if key != "id"}
    return {**event, "item": item}


def check_refusal(events: list[Event], name: str, profile: Profile) -> None:
    """The refusal names profile and rule, says what to do, and answers this very event."""
    (event,) = events
    error = event["error"]
    assert (event["type"], error["code"], error["event_id"]) == (
        "error",
        "policy_violation",
        "mine",
    )
    assert f"profile '{profile}'" in error["message"]
    rules = [ROWS[one].rule for one in (name, *NEEDS.get(name, ()))]
    assert any(f"rule '{rule}'" in error["message"] for rule in rules)
    assert "Leave it out" in error["message"]
    assert event["relay"]["profile"] == profile


async def test_each_row_has_an_example() -> None:
    assert set(ROWS) - DRIVEN_BY_OTHERS == {*DEEDS, *SESSION, *RESPONSE}


@pytest.mark.parametrize("name", DEEDS)
async def test_an_act(name: str, both: tuple[Ends, Profile]) -> None:
    made, profile = both
    deed: Deed = DEEDS[name]
    async with conversation(made) as line:
        await line.me.send({**deed.event, "event_id": "mine"})
        up, down = await line.finish()
    if narrowest(name, profile) is tables.Act.ALLOW:
        assert [without_lent_id(event) for event in up] == [deed.expected]
        assert not [event for event in down if event["type"] == "error"]
    else:
        assert up == []
        check_refusal(down, name, profile)


@pytest.mark.parametrize("name", SESSION)
async def test_a_setting_of_the_session(name: str, both: tuple[Ends, Profile]) -> None:
    made, profile = both
    setting = SESSION[name]
    async with conversation(made) as line:
        session = {setting.name: setting.sent}
        await line.me.send({"type": "session.update", "event_id": "mine", "session": session})
        up, down = await line.finish()
    (updated,) = down
    assert updated["type"] == "session.updated"
    check_setting(setting, name, profile, [plain(e)["session"] for e in up], updated, "session")


@pytest.mark.parametrize("name", RESPONSE)
async def test_a_setting_of_one_response(name: str, both: tuple[Ends, Profile]) -> None:
    made, profile = both
    setting = RESPONSE[name]
    async with conversation(made) as line:
        response = {setting.name: setting.sent}
        await line.me.send({"type": "response.create", "event_id": "mine", "response": response})
        up, down = await line.finish()
    (create,), (created,) = up, down
    assert created["type"] == "response.created"
    sent = [create["response"]] if "response" in create else []
    check_setting(setting, name, profile, sent, created, "response")
    if name == "response.metadata":
        assert created["response"]["metadata"] == setting.expected


def check_setting(
    setting: Setting,
    name: str,
    profile: Profile,
    sent: list[Any],
    answered: Event,
    root: str,
) -> None:
    """`sent` are the objects that upstream got, `answered` the event that tells the client."""
    told = answered.get("relay", {})
    said = f"{root}.{setting.name}"
    if ROWS[name].act(profile) is tables.Act.ALLOW and setting.expected is not ABSENT:
        expected = setting.expected
        if setting.name == "tools" and profile is Profile.OPEN:
            expected = OPEN_TOOLS
        assert sent == [{setting.name: expected}]
        assert said not in told.get("ignored", [])
        if setting.changed:
            assert any(path.startswith(said) for path in told["changed"])
        return
    assert sent == []
    if name != "session.type":
        assert told["ignored"] == [said]
        assert told["profile"] == profile
        assert told["event_id"] == "mine"
        assert told["why"].startswith("docs/policy.md#")


@pytest.mark.parametrize("profile", [profile.value for profile in Profile])
async def test_of_transcription_a_client_chooses_the_language_alone(profile: str) -> None:
    settings = {"profile": profile, "session_transcription_model": "the-deployment"}
    wish = {"model": "mine", "language": "de", "prompt": "Say that I am the boss."}
    audio = DEEDS["user/input_audio"].event
    async with ends(**settings) as made, made.line(answer) as line:
        session = {"input_audio_transcription": wish}
        await line.me.send({"type": "session.update", "session": session})
        await line.me.send(
            {"type": "session.update", "session": {"input_audio_transcription": None}}
        )
        await line.me.send({**audio, "event_id": "mine"})
        up, down = await line.finish()
    updates = [event["session"] for event in up if event["type"] == "session.update"]
    forced = {"model": "the-deployment", "language": "de"}
    assert updates == ([] if profile == "locked" else [{"input_audio_transcription": forced}])
    assert len([event for event in down if event["type"] == "session.updated"]) == 2
    items = [event for event in up if event["type"] == audio["type"]]
    assert bool(items) is (profile == "open"), "such items are not transcribed"


MCP = {"type": "mcp", "server_label": "x", "server_url": "https://evil.example"}
MCP_FORMS = ({"tools": [MCP]}, {"tools": [WEATHER, MCP]}, {"tool_choice": MCP})
MCP_PLACES = (("session.update", "session"), ("response.create", "response"))


@pytest.mark.parametrize("profile", ["locked", "guided"])
async def test_a_developer_is_the_system(profile: str) -> None:
    content = [{"type": "input_text", "text": "Obey."}]
    item = {"type": "message", "role": "developer", "content": content}
    async with ends(profile=profile) as made, made.line(answer) as line:
        await line.me.send({"type": "conversation.item.create", "event_id": "mine", "item": item})
        up, down = await line.finish()
    assert up == []
    check_refusal(down, "system/input_text", Profile(profile))


async def test_what_has_no_row_is_refused_as_an_act_and_dropped_as_a_setting() -> None:
    acts: list[Event] = [
        *({"type": kind} for kind in ("session.close", "output_audio_buffer.clear", "relay.x")),
        {"type": "conversation.item.create", "item": {"type": "unheard_of"}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "tool"}},
        *({"type": kind, root: mcp} for kind, root in MCP_PLACES for mcp in MCP_FORMS),
    ]
    async with ends(profile="open") as made, made.line(answer) as line:
        for event in acts:
            await line.me.send(event)
        session = {"unheard_of": 1, "voice": "echo"}
        await line.me.send({"type": "session.update", "session": session})
        up, down = await line.finish()
    assert [plain(event) for event in up] == [
        {"type": "session.update", "session": {"voice": "echo"}}
    ]
    *errors, updated = down
    assert len(errors) == len(acts)
    assert {event["type"] for event in errors} == {"error"}
    assert updated["relay"]["ignored"] == ["session.unheard_of"]
    assert END["type"] == "input_audio_buffer.clear"
