"""Which dialect a client gets, and what it is told of what upstream's dialect has no name for."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.policy.policy import Policy, Profile
from app.protocol.names import Dialect
from app.session.commands import Command, Note, ToClient, ToUpstream
from tests.integration.lock.scene import INSTRUCTIONS, LAMP, NOW, Cast, Scene

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA
Event = dict[str, Any]
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAAAAAAAAAAAAAAAAA=="


def scene(
    client: Dialect, upstream: Dialect, profile: Profile = Profile.OPEN, **policy: Any
) -> Scene:
    return Scene(Cast(Policy(profile=profile, client_tools=(LAMP,), **policy), client, upstream))


def to_client(commands: list[Command]) -> list[Event]:
    return [json.loads(c.frame) for c in commands if isinstance(c, ToClient)]


def upwards(commands: list[Command]) -> list[Event]:
    return [json.loads(c.frame) for c in commands if isinstance(c, ToUpstream)]


def says(at: Scene, **event: Any) -> list[Command]:
    return at.gate.on_client(msgspec.json.encode(event), NOW)


def update(at: Scene, **session: Any) -> tuple[list[Command], Event]:
    """A `session.update`, and the one `session.updated` that answers it."""
    commands = says(at, type="session.update", event_id="upd", session=session)
    answers = to_client(commands)
    if upwards(commands):
        kept = {"instructions": INSTRUCTIONS}
        answers += to_client(at.told(type="session.updated", event_id="e", session=kept))
    (answer,) = answers
    assert answer["type"] == "session.updated", answer
    return commands, answer


def shape(session: Event) -> Dialect:
    assert ("audio" in session) != ("voice" in session)
    return GA if "audio" in session else PREVIEW


# -- the client's dialect ----------------------------------------------------------------------


@pytest.mark.parametrize("upstream", list(Dialect))
@pytest.mark.parametrize(
    ("first", "session", "then"),
    [
        (PREVIEW, {"type": "realtime", "output_modalities": ["text"]}, GA),
        (PREVIEW, {"audio": {"output": {"voice": "echo"}}}, GA),
        (PREVIEW, {"voice": "echo"}, PREVIEW),
        (PREVIEW, {"tool_choice": "auto"}, PREVIEW),
        (PREVIEW, {"type": "realtime", "voice": "echo"}, PREVIEW),
        (GA, {"modalities": ["text"]}, PREVIEW),
        (GA, {"turn_detection": None}, PREVIEW),
        (GA, {"type": "realtime", "tools": []}, GA),
        (GA, {"audio": {"input": {"turn_detection": None}}, "temperature": 1}, GA),
        (GA, {"instructions": "x"}, GA),
    ],
)
def test_the_first_update_that_shows_a_dialect_decides(
    first: Dialect, session: Event, then: Dialect, upstream: Dialect
) -> None:
    at = scene(first, upstream)
    _, updated = update(at, **session)
    assert shape(updated["session"]) is then
    (answer,) = to_client(says(at, type="conversation.item.retrieve", item_id="nobody"))
    assert answer["type"] == "error"
    delta = at.told(
        type="response.audio.delta" if upstream is PREVIEW else "response.output_audio.delta",
        event_id="d",
        response_id="resp_1",
        item_id="item_a",
        output_index=0,
        content_index=0,
        delta="AAAA",
    )
    (event,) = to_client(delta)
    assert event["type"] == (
        "response.output_audio.delta" if then is GA else "response.audio.delta"
    )


def test_the_dialect_changes_once_and_not_back() -> None:
    at = scene(PREVIEW, PREVIEW)
    update(at, instructions="shows nothing")
    _, first = update(at, type="realtime")
    _, second = update(at, voice="echo", modalities=["text"])
    assert shape(first["session"]) is shape(second["session"]) is GA
    assert second["relay"]["ignored"] == ["session.voice", "session.modalities"]


def test_a_dialect_that_was_shown_to_be_right_stays() -> None:
    at = scene(PREVIEW, PREVIEW)
    update(at, voice="echo")
    _, answer = update(at, type="realtime", output_modalities=["text"])
    assert shape(answer["session"]) is PREVIEW


def test_an_update_that_cannot_be_used_may_show_the_dialect_all_the_same() -> None:
    at = scene(PREVIEW, PREVIEW)
    commands = says(at, type="session.update", session={"type": "transcription"})
    (answer,) = to_client(commands)
    assert (answer["type"], answer["error"]["param"]) == ("error", "session.type")
    assert shape(update(at)[1]["session"]) is GA


@pytest.mark.parametrize("session", [None, 5, "x", []])
def test_what_is_no_session_shows_nothing(session: Any) -> None:
    at = scene(PREVIEW, PREVIEW)
    says(at, type="session.update", session=session)
    assert shape(update(at)[1]["session"]) is PREVIEW


# -- one dialect costs nothing -----------------------------------------------------------------


@pytest.mark.parametrize("dialect", list(Dialect))
def test_in_one_dialect_the_very_bytes_of_a_delta_pass(dialect: Dialect) -> None:
    at = scene(dialect, dialect)
    kind = "response.audio.delta" if dialect is PREVIEW else "response.output_audio.delta"
    frame = f'{{ "type":"{kind}","response_id":"resp_1","item_id":"item_a", "n":1.50}}'.encode()
    (command,) = at.gate.on_upstream(0, frame, NOW)
    assert isinstance(command, ToClient)
    assert command.frame is frame


# -- what upstream has no name for -------------------------------------------------------------


def test_a_temperature_for_ga_is_left_out_and_told() -> None:
    at = scene(PREVIEW, GA)
    commands, answer = update(at, temperature=0.7, voice="echo")
    (sent,) = upwards(commands)
    assert sent["session"] == {"type": "realtime", "audio": {"output": {"voice": "echo"}}}
    assert answer["relay"]["ignored"] == ["session.temperature"]
    assert answer["relay"]["rules"] == {"session.temperature": "dialect"}
    assert answer["session"]["temperature"] == 0.8, "preview clients demand it"
    (note,) = [one for one in commands if isinstance(one, Note)]
    assert "session.temperature" in str(note.fields["what"])
    assert "other protocol version" in str(note.fields["fix"])


@pytest.mark.parametrize(
    ("client", "upstream", "session", "path"),
    [
        (PREVIEW, GA, {"temperature": 0.7}, "session.temperature"),
        (GA, PREVIEW, {"type": "realtime", "parallel_tool_calls": True}, None),
    ],
)
def test_an_update_of_which_nothing_can_be_said_is_answered_by_the_relay(
    client: Dialect, upstream: Dialect, session: Event, path: str | None
) -> None:
    at = scene(client, upstream)
    commands, answer = update(at, **session)
    assert upwards(commands) == []
    assert answer["relay"]["ignored"] == [path or "session.parallel_tool_calls"]
    assert answer["relay"]["event_id"] == "upd"


def test_a_response_is_told_what_was_left_out_of_it() -> None:
    at = scene(PREVIEW, GA)
    (sent,) = upwards(says(at, type="response.create", response={"temperature": 0.7}))
    assert "temperature" not in sent["response"]
    mark = sent["response"].get("metadata")
    (created,) = to_client(at.response("resp_2", metadata=mark))
    assert created["relay"]["ignored"] == ["response.temperature"]


@pytest.mark.parametrize("client", list(Dialect))
def test_a_voice_of_gas_is_another_one_for_a_preview_upstream(client: Dialect) -> None:
    at = scene(client, PREVIEW, voices=("alloy", "marin"))
    voice: Event = (
        {"voice": "marin"} if client is PREVIEW else {"audio": {"output": {"voice": "marin"}}}
    )
    commands, answer = update(at, **voice)
    (sent,) = upwards(commands)
    assert sent["session"] == {"voice": "coral"}
    path = "session.voice" if client is PREVIEW else "session.audio.output.voice"
    assert answer["relay"]["changed"] == {path: "coral"}


def test_a_preview_client_is_shown_a_voice_that_its_library_knows() -> None:
    at = scene(PREVIEW, GA, voices=("alloy", "marin"))
    (sent,) = upwards(says(at, type="session.update", session={"voice": "marin"}))
    assert sent["session"]["audio"]["output"]["voice"] == "marin"
    echo = {"instructions": INSTRUCTIONS, **sent["session"]}
    (answer,) = to_client(at.told(type="session.updated", event_id="e", session=echo))
    assert answer["session"]["voice"] == "coral"


def picture(at: Scene) -> list[Command]:
    part = {"type": "input_image", "image_url": PICTURE}
    item = {"type": "message", "role": "user", "content": [part]}
    return says(at, type="conversation.item.create", event_id="pic", item=item)


def test_a_picture_for_a_preview_upstream_is_refused_in_words() -> None:
    commands = picture(scene(GA, PREVIEW))
    assert upwards(commands) == []
    (answer,) = to_client(commands)
    error = answer["error"]
    assert (error["code"], error["event_id"]) == ("invalid_value", "pic")
    assert error["param"] == "item.content[0]"
    assert "has no pictures" in error["message"]


@pytest.mark.parametrize(("client", "upstream"), [(GA, GA), (PREVIEW, GA), (PREVIEW, PREVIEW)])
def test_other_pictures_go_on(client: Dialect, upstream: Dialect) -> None:
    (sent,) = upwards(picture(scene(client, upstream)))
    assert sent["item"]["content"][0]["type"] == "input_image"


# -- errors ------------------------------------------------------------------------------------


FLAT = "session.turn_detection.threshold"
NESTED = "session.audio.input.turn_detection.threshold"


@pytest.mark.parametrize(
    ("client", "upstream", "param", "shown"),
    [
        (PREVIEW, GA, NESTED, FLAT),
        (GA, PREVIEW, FLAT, NESTED),
        (PREVIEW, GA, "session.max_output_tokens", "session.max_response_output_tokens"),
        (GA, PREVIEW, "response.modalities", "response.output_modalities"),
        (PREVIEW, GA, "session.type", None),
        (PREVIEW, GA, "session.truncation", None),
        (GA, PREVIEW, "session.temperature", None),
        (PREVIEW, PREVIEW, "session.temperature", "session.temperature"),
        (PREVIEW, GA, "item.content[0].text", "item.content[0].text"),
    ],
)
def test_an_error_names_the_field_as_the_client_knows_it(
    client: Dialect, upstream: Dialect, param: str, shown: str | None
) -> None:
    at = scene(client, upstream)
    fault = {"type": "invalid_request_error", "code": "invalid_value", "message": f"'{param}' of X"}
    commands = at.told(type="error", event_id="e", error={**fault, "param": param})
    (event,) = to_client(commands)
    assert event["error"]["param"] == shown
    assert event["error"]["message"] == "Invalid value."


@pytest.mark.parametrize("client", list(Dialect))
def test_a_format_is_asked_for_in_the_clients_own_words(client: Dialect) -> None:
    at = scene(client, PREVIEW)
    if client is PREVIEW:
        session: Event = {"input_audio_format": "mp3"}
    else:
        session = {"audio": {"input": {"format": {"type": "audio/mp3"}}}}
    (answer,) = to_client(says(at, type="session.update", session=session))
    named = "audio/pcmu" if client is GA else "g711_ulaw"
    assert named in answer["error"]["message"]
    assert ("g711" in answer["error"]["message"]) is (client is PREVIEW)
