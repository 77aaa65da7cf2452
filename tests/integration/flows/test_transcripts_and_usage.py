"""What the operator switches on and off: transcripts, usage, rate limits, conversation.created."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import Client, Event
from tests.harness.speech import hello, speak, turn
from tests.integration.flows.answers import HEARD, answer
from tests.integration.flows.stack import stack

TRANSCRIPTION = "conversation.item.input_audio_transcription"


async def spoken_turn(me: Client) -> list[Event]:
    """One turn and its answer, with all events up to the later of transcript and answer."""
    begin = len(me.seen)
    await speak(me, turn(hello()))
    while {f"{TRANSCRIPTION}.completed", "response.done"} - set(me.types()[begin:]):
        await me.next()
    return me.seen[begin:]


async def test_transcripts_come_where_the_operator_wants_them() -> None:
    async with stack(session_transcription_model="whisper-1") as way, way.client() as me:
        events = await spoken_turn(me)
        (completed,) = (e for e in events if e["type"] == f"{TRANSCRIPTION}.completed")
        item = events[len(HEARD) - 1]
        await me.send({"type": "conversation.item.retrieve", "item_id": completed["item_id"]})
        retrieved = await me.next()
    assert me.seen[0]["session"]["input_audio_transcription"] == {"model": "whisper-1"}
    assert [event["type"] for event in events[: len(HEARD)]] == HEARD
    assert completed["item_id"] == item["item"]["id"]
    assert completed["content_index"] == 0
    assert completed["transcript"].startswith("[speech, ")
    assert retrieved["item"]["content"][0]["transcript"] == completed["transcript"]


async def test_a_deployments_name_stays_with_the_operator_and_words_come_as_they_are_heard() -> (
    None
):
    async with stack(session_transcription_model="secret-deployment") as way:
        async with way.client() as me:
            events = await spoken_turn(me)
    deltas = [e["delta"] for e in events if e["type"] == f"{TRANSCRIPTION}.delta"]
    (completed,) = (e for e in events if e["type"] == f"{TRANSCRIPTION}.completed")
    assert len(deltas) > 1
    assert "".join(deltas) == completed["transcript"]
    assert me.seen[0]["session"]["input_audio_transcription"] == {"model": "whisper-1"}
    assert "secret-deployment" not in str(me.seen)


async def test_no_transcripts_where_the_operator_wants_none_whatever_a_client_asks() -> None:
    async with stack(profile="open") as way, way.client() as me:
        wish = {"input_audio_transcription": {"model": "whisper-1"}}
        await me.send({"type": "session.update", "session": wish})
        updated = await me.next()
        await speak(me, turn(hello()))
        await me.until("response.done")
        assert await me.nothing(0.2)
    assert updated["session"]["input_audio_transcription"] is None
    assert updated["relay"]["ignored"] == ["session.input_audio_transcription"]
    assert not [kind for kind in me.types() if kind.startswith(TRANSCRIPTION)]


@pytest.mark.parametrize("profile", ["guided", "open"])
async def test_the_language_is_the_clients_and_nothing_else_of_the_transcription(
    profile: str,
) -> None:
    async with stack(profile=profile, session_transcription_model="my-whisper") as way:
        async with way.client() as me:
            wish = {"model": "other", "language": "de", "prompt": "Canary"}
            await me.send(
                {"type": "session.update", "session": {"input_audio_transcription": wish}}
            )
            updated = await me.next()
            await me.send(
                {"type": "session.update", "session": {"input_audio_transcription": None}}
            )
            off = await me.next()
            await spoken_turn(me)
    shown = {"model": "whisper-1", "language": "de"}
    assert updated["session"]["input_audio_transcription"] == shown
    assert sorted(updated["relay"]["ignored"]) == [
        "session.input_audio_transcription.model",
        "session.input_audio_transcription.prompt",
    ]
    assert off["session"]["input_audio_transcription"] == shown, "it is not switched off"
    assert off["relay"]["ignored"] == ["session.input_audio_transcription"]


async def used(**settings: Any) -> dict[str, Any]:
    async with stack(**settings) as way, way.client() as me:
        await me.say("Hello")
        await me.next()
        usage: dict[str, Any] = (await answer(me)).response["usage"]
    (line,) = way.relay.closed()
    assert line["tokens_out"] > 0, "the operator's log counts in any case"
    return usage


async def test_usage_is_shown_by_default() -> None:
    usage = await used()
    details = usage["output_token_details"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] == details["text_tokens"] + details["audio_tokens"]
    assert details["audio_tokens"] > 0
    assert usage["input_tokens"] > 0


async def test_usage_that_the_operator_hides_is_zero_with_all_its_keys() -> None:
    assert await used(show_usage=False) == {
        "total_tokens": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "input_token_details": {"cached_tokens": 0, "text_tokens": 0, "audio_tokens": 0},
        "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
    }


async def test_rate_limits_are_the_operators_own_affair_by_default() -> None:
    async with stack() as way, way.client() as me:
        await me.say("Hello")
        await me.until("response.done")
        assert await me.nothing(0.2)
    (connection,) = way.upstream.journal.connections
    assert connection.sent["rate_limits.updated"] == 1
    assert "rate_limits.updated" not in me.types()


async def test_rate_limits_come_after_each_answer_where_the_operator_shows_them() -> None:
    async with stack(show_rate_limits=True) as way, way.client() as me:
        await me.say("Hello")
        await me.until("response.done")
        limits = await me.next()
    assert limits["type"] == "rate_limits.updated"
    assert [limit["name"] for limit in limits["rate_limits"]] == ["requests", "tokens"]
    assert all(
        set(limit) == {"name", "limit", "remaining", "reset_seconds"}
        for limit in limits["rate_limits"]
    )


async def test_conversation_created_follows_session_created_where_upstream_sends_it() -> None:
    async with stack(upstream={"conversation_created": True}) as way, way.client() as me:
        conversation = await me.next()
        await me.say("Hello")
        await me.next()
        said = await answer(me)
    assert conversation["type"] == "conversation.created"
    assert conversation["conversation"]["object"] == "realtime.conversation"
    assert conversation["conversation"]["id"] == said.response["conversation_id"]


async def test_conversation_created_is_not_made_up_where_upstream_sends_none() -> None:
    async with stack() as way, way.client() as me:
        assert await me.nothing(0.2)
    assert way.relay.closed()[0]["reason"] == "client_closed"
