"""The operator's policy file at work: on the bytes for upstream and on the lines of the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.cli.policy_table import begins_with
from app.policy.policy import Profile
from app.protocol.client_frames import encode_client
from app.protocol.names import Dialect
from app.settings import Settings
from tests.harness.client import Client, Event, client
from tests.harness.embedded import embedded
from tests.harness.relay import Running, running_relay
from tests.harness.tools import ALARM, WEATHER, tools_file
from tests.harness.upstream import Scripted, Upstream, scripted_upstream


async def take_everything(upstream: Upstream) -> None:
    """Confirms each `session.update`, and says nothing to anything else."""
    await upstream.greet()
    while True:
        event = await upstream.next()
        if event["type"] == "session.update":
            upstream.session |= event["session"]
            await upstream.emit(
                {"type": "session.updated", "event_id": "e3", "session": upstream.session}
            )


@asynccontextmanager
async def relay_with(policy_file: str, **more: Any) -> AsyncIterator[tuple[Running, Scripted]]:
    async with (
        scripted_upstream(take_everything) as upstream,
        running_relay(upstream.address, policy_file=policy_file, **more) as relay,
    ):
        yield relay, upstream
        await relay.idle()


@asynccontextmanager
async def demo_relay(**more: Any) -> AsyncIterator[Running]:
    """Before the embedded upstream, which answers."""
    async with (
        embedded() as upstream,
        running_relay(upstream.address, upstream.key, **more) as relay,
    ):
        yield relay


async def updated(me: Client, **session: Any) -> Event:
    """The answer to a `session.update`."""
    await me.send({"type": "session.update", "session": session})
    return await me.until("session.updated", "error")


def sent(upstream: Scripted, user: int = 0) -> list[Event]:
    """What upstream received on one connection, ids aside."""
    received = [json.loads(frame) for frame in upstream.connections[user].received]
    for event in received:
        event.pop("event_id", None)
    return received


async def ticket(relay: Running, user: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer dev-{user}"}
        answer = await http.post(f"{relay.http}/tickets", headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_rows_and_lists_of_the_file_hold_on_the_bytes() -> None:
    file = """
    [guided]
    voices = ["coral"]
    [guided.rows]
    "session.instructions" = "allow"
    "session.temperature" = "refuse"
    "conversation.item.delete" = "refuse"
    """
    async with relay_with(file) as (relay, upstream):
        async with client(relay.address) as me:
            await me.next()
            told = await updated(me, instructions="mine", voice="coral")
            assert told["session"]["instructions"] == "mine"
            told = await updated(me, voice="alloy")
            assert told["relay"]["ignored"] == ["session.voice"]
            told = await updated(me, temperature=0.8)
            assert told["error"]["param"] == "session.temperature"
            assert "rule 'session-sampling'" in told["error"]["message"]
            await me.send({"type": "conversation.item.delete", "item_id": "any"})
            assert (await me.next())["error"]["code"] == "policy_violation"
    ours, theirs = sent(upstream)
    assert ours["session"] == {"voice": "coral"}
    assert theirs["session"] == {"instructions": "mine", "voice": "coral"}


@pytest.mark.parametrize(
    ("file", "profile", "begins"),
    [
        ('[guided]\noutput_modalities = ["text"]', "guided", {"modalities": ["text"]}),
        ('[locked]\noutput_modalities = ["text"]', "locked", {"modalities": ["text"]}),
        ('[guided]\noutput_modalities = ["audio"]', "guided", {}),
        ('[guided]\nvoices = ["coral", "ash"]', "guided", {"voice": "coral"}),
        ('[guided]\nvoices = ["coral", "alloy"]', "guided", {"voice": "alloy"}),
        ("[open]\ntemperature = [0.6, 0.65]", "open", {"temperature": 0.65}),
        ("[open]\ntemperature = [0.7, 0.9]", "open", {}),
        ("[guided]\nspeed = [1.2, 1.5]", "guided", {"speed": 1.2}),
        (
            '[guided]\nvoices = ["ash"]\noutput_modalities = ["text"]\ntemperature = [1, 1.1]',
            "guided",
            {"modalities": ["text"], "voice": "ash", "temperature": 1.0},
        ),
        ('[open]\nvoices = ["ash"]', "guided", {}),
    ],
)
async def test_lists_and_ranges_bind_a_client_that_does_not_ask(
    file: str, profile: str, begins: dict[str, Any]
) -> None:
    """A bare `response.create` answers with what the session was configured with."""
    async with relay_with(file, profile=profile) as (relay, upstream):
        async with client(relay.address) as me:
            created = await me.next()
            assert begins.items() <= created["session"].items()
            await me.send({"type": "response.create"})
            await updated(me, tracing="auto")  # answered behind it: upstream has both
    ours, bare = sent(upstream)
    assert ours == {"type": "session.update", "session": begins}
    bare.pop("response", None)  # the mark that the relay lends
    assert bare == {"type": "response.create"}


async def test_a_session_that_begins_with_text_alone_never_speaks() -> None:
    """The whole way, before an upstream that answers."""
    file = '[guided]\noutput_modalities = ["text"]\n'
    text = {"type": "input_text", "text": "Hello"}
    item = {"type": "message", "role": "user", "content": [text]}
    async with demo_relay(policy_file=file) as relay, client(relay.address) as me:
        await me.next()
        await me.send({"type": "conversation.item.create", "item": item})
        await me.send({"type": "response.create"})
        await me.until("response.done")
        kinds = {event["type"] for event in me.seen}
        assert "response.text.delta" in kinds
        assert "response.audio.delta" not in kinds


async def test_lists_and_ranges_bind_where_upstream_speaks_ga() -> None:
    file = (
        '[guided]\nvoices = ["cedar"]\noutput_modalities = ["text"]\n'
        "temperature = [0.6, 0.65]\nspeed = [0.5, 0.9]\n"
    )
    settings = Settings(policy_file=file, upstream_dialect=Dialect.GA)
    update = {"type": "session.update", "session": settings.configuration().session()}
    assert json.loads(encode_client(update, Dialect.GA, None)) == {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "audio": {"output": {"voice": "cedar", "speed": 0.9}},
        },
    }
    assert not any(said.startswith("temperature") for said in begins_with(settings, Profile.GUIDED))


async def test_what_is_forced_is_forced_before_and_after_a_client_speaks() -> None:
    file = "[guided]\ncreate_response = false\nmax_output_tokens = 50\n"
    async with relay_with(file) as (relay, upstream):
        async with client(relay.address) as me:
            created = await me.next()
            assert created["session"]["turn_detection"]["create_response"] is False
            turn = {"type": "server_vad", "create_response": True, "silence_duration_ms": 300}
            told = await updated(me, turn_detection=turn)
            assert told["relay"]["changed"] == {"session.turn_detection.create_response": False}
    ours, theirs = sent(upstream)
    assert ours["session"] == {
        "turn_detection": {"type": "server_vad", "create_response": False},
        "max_response_output_tokens": 50,
    }
    forced = {"type": "server_vad", "silence_duration_ms": 300, "create_response": False}
    assert theirs["session"] == {"turn_detection": forced}


async def test_each_profile_has_the_tools_that_the_file_gives_it() -> None:
    file = '[guided]\nclient_tools = ["ring_alarm"]\n'
    tools = tools_file(WEATHER, ALARM)
    async with relay_with(file, session_tools=tools) as (relay, upstream):
        async with client(relay.address) as me:
            created = await me.next()
            assert [tool["name"] for tool in created["session"]["tools"]] == ["ring_alarm"]
            told = await updated(me, tools=[WEATHER])
            assert told["relay"]["ignored"] == ["session.tools[0]"]
        assert (await ticket(relay, "ann"))["relay"]["client_tools"] == ["ring_alarm"]
    (ours,) = sent(upstream)
    assert ours["session"]["tools"] == [ALARM]


async def test_a_row_in_report_mode_is_let_through_counted_and_logged_once() -> None:
    file = '[guided]\nreport = ["session.instructions", "user/input_image"]\n'
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    item = {"type": "message", "role": "user", "content": [image]}
    async with relay_with(file) as (relay, upstream):
        for _ in range(2):
            async with client(relay.address) as me:
                await me.next()
                for text in ("one", "two"):
                    told = await updated(me, instructions=text)
                    assert told["session"]["instructions"] == text
                    assert told["relay"] == {
                        "profile": "guided",
                        "ignored": [],
                        "changed": {},
                        "would": {"session.instructions": "strip"},
                    }
                await me.send({"type": "conversation.item.create", "item": item})
                await updated(me, voice="ash")
            await relay.idle()
    assert [event["type"] for event in sent(upstream)] == [
        "session.update",
        "session.update",
        "session.update",
        "conversation.item.create",
        "session.update",
    ]
    for line in relay.closed():
        assert line["verdicts"]["would-strip:session-instructions"] == 2
        assert line["verdicts"]["would-refuse:item-user-image"] == 1
    (strips,) = [line for line in relay.lines if line["event"] == "policy.would_strip"]
    assert (strips["row"], strips["rule"]) == ("session.instructions", "session-instructions")
    assert (strips["profile"], strips["log_level"]) == ("guided", "warning")
    assert strips["fix"].startswith('Write "session.instructions" = "allow" in [guided.rows] of')
    assert strips["session_id"] == relay.closed()[0]["session_id"]
    (refuses,) = [line for line in relay.lines if line["event"] == "policy.would_refuse"]
    assert refuses["row"] == "user/input_image"
    assert not [line for line in relay.lines if line["event"] == "policy.ignored"]


PROFILES = """
[profiles]
ann = "open"
bob = "guided"
eve = "locked"
"""


async def test_the_profile_follows_the_claim_in_ticket_session_and_log() -> None:
    async with relay_with(PROFILES, profile_claim="sub") as (relay, upstream):
        for user, profile in (("ann", "open"), ("bob", "guided"), ("zoe", "locked")):
            told = await ticket(relay, user)
            assert told["relay"]["profile"] == profile
            assert ("session.voice" in told["relay"]["may_set"]) is (profile != "locked")
            # With the ticket alone: nothing else says who this is.
            shown = {"Authorization": f"Bearer {told['value']}"}
            async with client(relay.address, headers=shown) as me:
                await me.next()
                answer = await updated(me, instructions=f"of {user}", voice="ash")
                assert answer["relay"]["profile"] == profile
            await relay.idle()
    assert [sent(upstream, user)[1:] for user in range(3)] == [
        [{"type": "session.update", "session": {"instructions": "of ann", "voice": "ash"}}],
        [{"type": "session.update", "session": {"voice": "ash"}}],
        [],
    ]
    assert [line["profile"] for line in relay.closed()] == ["open", "guided", "locked"]


async def test_users_at_once_have_each_their_own_profile_and_instructions() -> None:
    text = "You serve {{user.sub}}."
    given = {"session_instructions": text, "instruction_claims": ("sub",), "profile_claim": "sub"}
    async with relay_with(PROFILES, **given) as (relay, upstream):
        async with (
            client(relay.address, user="ann") as ann,
            client(relay.address, user="eve") as eve,
        ):
            await ann.next()
            await eve.next()
            answers = await asyncio.gather(updated(ann, voice="ash"), updated(eve, voice="ash"))
            assert [answer["relay"]["profile"] for answer in answers] == ["open", "locked"]
            for event in (*ann.seen, *eve.seen):
                assert "You serve" not in json.dumps(event)
    told = {sent(upstream, user)[0]["session"]["instructions"] for user in range(2)}
    assert told == {'You serve "ann".', 'You serve "eve".'}


async def test_an_ignored_setting_is_logged_once_with_the_setting_that_helps() -> None:
    async with relay_with("# as it is") as (relay, _):
        for _ in range(2):
            async with client(relay.address) as me:
                await me.next()
                await updated(me, instructions="x", tracing="auto")
                await updated(me, instructions="y", **{"made\nup": 1})
            await relay.idle()
    ignored = [line for line in relay.lines if line["event"] == "policy.ignored"]
    told = {line["what"]: line["fix"] for line in ignored}
    assert told == {
        "guided ignored session.instructions of a client.": 'Write "session.instructions" = '
        '"allow" in [guided.rows] of RELAY_POLICY_FILE to let clients say it, or set '
        "RELAY_SESSION_INSTRUCTIONS for everybody.",
        "guided ignored session.tracing of a client.": "No profile allows it: leave it out in the "
        "frontend.",
        "guided ignored other of a client.": "No row of docs/policy.md allows it: leave it out in "
        "the frontend.",
    }
    assert len(ignored) == len(told)
    assert {line["rule"] for line in ignored} == {
        "session-instructions",
        "session-closed",
        "unknown-field",
    }
    for line in relay.closed():
        assert line["verdicts"] == {
            "session-update": 2,
            "strip:session-instructions": 2,
            "strip:session-closed": 1,
            "strip:unknown-field": 1,
        }


async def test_the_wire_tells_what_was_said_at_the_wrong_level_and_in_an_item() -> None:
    text = {"type": "input_text", "text": "Hi", "foo": 1}
    item = {"type": "message", "role": "user", "status": "completed", "content": [text]}
    async with demo_relay() as relay, client(relay.address) as me:
        await me.next()
        update = {"type": "session.update", "event_id": "u", "session": {}, "voice": "coral"}
        await me.send(update)
        told = (await me.until("session.updated", "error"))["relay"]
        assert (told["ignored"], told["event_id"]) == (["voice"], "u")
        await me.send({"type": "conversation.item.create", "event_id": "i", "item": item})
        told = (await me.until("conversation.item.created", "error"))["relay"]
        assert told["rules"] == {
            "item.content[0].foo": "unknown-field",
            "item.status": "unknown-field",
        }
        assert (told["why"], told["event_id"]) == ("docs/policy.md#unknown-field", "i")
        create = {"type": "response.create", "event_id": "r", "instructions": "hi", "foo": 1}
        await me.send(create)
        told = (await me.until("response.created", "error"))["relay"]
        assert (told["ignored"], told["event_id"]) == (["instructions", "foo"], "r")
