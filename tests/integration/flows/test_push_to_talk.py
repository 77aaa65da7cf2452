"""Flow B: turn detection off; the client commits what was spoken and asks for the answer."""

from __future__ import annotations

import pytest

from tests.harness.client import Client
from tests.harness.speech import append, hello, silence, speak
from tests.integration.flows.answers import SPOKEN, answer, check_chain, order
from tests.integration.flows.stack import errors, stack


async def switch_detection_off(me: Client, value: object = None) -> None:
    await me.send({"type": "session.update", "session": {"turn_detection": value}})
    updated = await me.next()
    assert updated["type"] == "session.updated"
    assert updated["session"]["turn_detection"] is None


@pytest.mark.parametrize("off", [None, {"type": "none"}], ids=["null", "type none"])
async def test_what_was_spoken_is_committed_by_hand_and_answered_when_asked(off: object) -> None:
    async with stack() as way, way.client() as me:
        await switch_detection_off(me, off)
        await speak(me, hello())
        await me.send({"type": "input_audio_buffer.commit"})
        committed, item = await me.next(), await me.next()
        assert await me.nothing(0.2), "no answer comes unasked"
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert committed["type"] == "input_audio_buffer.committed"
    assert committed["previous_item_id"] is None
    assert item["type"] == "conversation.item.created"
    assert item["item"]["id"] == committed["item_id"]
    assert item["item"]["role"] == "user"
    assert item["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert order(said.events) == SPOKEN
    assert said.text.startswith("You said:")
    assert said.audio_ms > 1_500, "the person's own words come back"
    check_chain(me)
    assert way.received()["input_audio_buffer.append"] == 16


async def test_a_second_turn_names_the_answer_before_it() -> None:
    async with stack() as way, way.client() as me:
        await switch_detection_off(me)
        for _ in range(2):
            await speak(me, hello())
            await me.send({"type": "input_audio_buffer.commit"})
            await me.until("conversation.item.created")
            await me.send({"type": "response.create"})
            await answer(me)
    check_chain(me)
    commits = [e for e in me.seen if e["type"] == "input_audio_buffer.committed"]
    items = [e["item"]["id"] for e in me.seen if e["type"] == "conversation.item.created"]
    assert [e["previous_item_id"] for e in commits] == [None, items[1]]


@pytest.mark.parametrize("spoken_ms", [0, 99])
async def test_less_than_a_tenth_of_a_second_cannot_be_committed(spoken_ms: int) -> None:
    async with stack() as way, way.client() as me:
        await switch_detection_off(me)
        if spoken_ms:
            await me.send(append(silence(spoken_ms)))
        await me.send({"type": "input_audio_buffer.commit", "event_id": "commit-1"})
        (error,) = errors([await me.next()])
        await me.send(append(silence(100)))
        await me.send({"type": "input_audio_buffer.commit"})
        assert (await me.next())["type"] == "input_audio_buffer.committed", "the session goes on"
        await me.next()
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["event_id"] == "commit-1"
    assert error["message"].startswith("Error committing input audio buffer")


async def test_a_cleared_buffer_is_empty() -> None:
    async with stack() as way, way.client() as me:
        await switch_detection_off(me)
        await speak(me, hello())
        await me.send({"type": "input_audio_buffer.clear"})
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
        await me.send({"type": "input_audio_buffer.commit"})
        (error,) = errors([await me.next()])
    assert error["code"] == "input_audio_buffer_commit_empty"


async def test_the_turn_can_be_committed_by_hand_while_detection_is_on() -> None:
    """ "These signals can still be used in server_vad mode" (how-to)."""
    async with stack() as way, way.client() as me:
        await me.send(append(silence(200)))
        await me.send({"type": "input_audio_buffer.commit"})
        assert (await me.next())["type"] == "input_audio_buffer.committed"
        assert (await me.next())["type"] == "conversation.item.created"
        await me.send({"type": "response.create"})
        assert (await answer(me)).text == "I heard only silence."


@pytest.mark.parametrize("form", ["g711_ulaw", "g711_alaw"])
async def test_telephone_audio_goes_both_ways(form: str) -> None:
    """Half a second of the formats' quietest and loudest steps, as a telephone sends it."""
    async with stack() as way, way.client() as me:
        session = {"input_audio_format": form, "output_audio_format": form, "turn_detection": None}
        await me.send({"type": "session.update", "session": session})
        updated = await me.next()
        await me.send(append(bytes((0x80, 0x00) * 2_000)))
        await me.send({"type": "input_audio_buffer.commit"})
        await me.until("conversation.item.created")
        await me.send({"type": "response.create"})
        said = await answer(me)
    assert updated["session"]["input_audio_format"] == form
    assert updated["session"]["output_audio_format"] == form
    assert len(said.audio) > 8 * 500, "8 bytes are one millisecond"
    assert said.response["output_audio_format"] == form


NO_AUDIO: list[tuple[object, str]] = [
    ("not base64!", "invalid_value"),
    ("AAA", "invalid_value"),  # no padding
    ("AA==", "invalid_value"),  # half a sample
    (7, "invalid_type"),
    ({"a": 1}, "invalid_type"),
    (None, "missing_required_parameter"),
    ("AAAA" * 32_770, "string_above_max_length"),  # over 96 KiB
]


async def test_what_is_no_audio_is_refused_in_words_and_never_goes_upstream() -> None:
    async with stack() as way, way.client() as me:
        for audio, code in NO_AUDIO:
            append_it = {"type": "input_audio_buffer.append", "event_id": "a.1"}
            await me.send({**append_it, "audio": audio})
            (error,) = errors([await me.next()])
            told = (error["code"], error["event_id"], error["param"])
            assert told == (code, "a.1", "audio"), str(audio)[:40]
        await me.send({"type": "input_audio_buffer.clear"})
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
    assert way.received() == {"session.update": 1, "input_audio_buffer.clear": 1}


async def test_an_empty_append_is_nothing_and_no_error() -> None:
    async with stack() as way, way.client() as me:
        await me.send({"type": "input_audio_buffer.append", "audio": ""})
        await me.send({"type": "input_audio_buffer.clear"})
        assert (await me.next())["type"] == "input_audio_buffer.cleared"
    assert "input_audio_buffer.append" not in way.received()
