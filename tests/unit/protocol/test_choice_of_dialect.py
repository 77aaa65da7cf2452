"""Which dialect a session shows, what the other upstream cannot be told, and which names it has."""

from __future__ import annotations

from typing import Any

import pytest

from app.protocol.client_frames import decode_client, encode_client
from app.protocol.dialects.sniffing import shown_dialect
from app.protocol.dialects.unsaid import NOTHING, Unsaid, says_nothing, unsaid
from app.protocol.dialects.voices import GA_VOICES, PREVIEW_VOICES, preview_voice
from app.protocol.events import ClientEvent
from app.protocol.names import Dialect
from app.protocol.paths import known_path

PREVIEW, GA = Dialect.PREVIEW, Dialect.GA


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (("type",), GA),
        (("audio",), GA),
        (("output_modalities", "instructions"), GA),
        (("modalities",), PREVIEW),
        (("voice", "instructions"), PREVIEW),
        (("input_audio_format",), PREVIEW),
        (("turn_detection",), PREVIEW),
        (("max_response_output_tokens", "temperature"), PREVIEW),
        ((), None),
        (("instructions", "tools", "tool_choice", "tracing", "max_output_tokens"), None),
        (("type", "voice"), None),
        (("audio", "modalities"), None),
    ],
    ids=str,
)
def test_a_session_shows_its_dialect_by_names_that_only_one_has(
    keys: tuple[str, ...], shown: Dialect | None
) -> None:
    assert shown_dialect(dict.fromkeys(keys)) is shown


def test_every_voice_stands_for_one_that_preview_knows() -> None:
    assert {preview_voice(voice) for voice in GA_VOICES} == set(PREVIEW_VOICES)
    assert [preview_voice(voice) for voice in PREVIEW_VOICES] == list(PREVIEW_VOICES)
    assert preview_voice("of-tomorrow") == "of-tomorrow"
    assert preview_voice({"id": "v"}) == {"id": "v"}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


def message(*parts: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": part} for part in parts]}


@pytest.mark.parametrize(
    ("body", "dialect", "lost"),
    [
        (update(instructions="x", type="realtime"), PREVIEW, NOTHING),
        (update(parallel_tool_calls=True), PREVIEW, Unsaid(("session.parallel_tool_calls",))),
        (update(temperature=0.8), PREVIEW, NOTHING),
        (update(temperature=0.8), GA, Unsaid(("session.temperature",))),
        (
            {"type": "response.create", "response": {"temperature": 1, "metadata": {}}},
            GA,
            Unsaid(("response.temperature",)),
        ),
        (
            update(audio={"output": {"voice": "cedar"}}),
            PREVIEW,
            Unsaid((), {"session.audio.output.voice": "ash"}),
        ),
        (update(audio={"output": {"voice": "cedar"}}), GA, NOTHING),
        (update(audio={"output": "odd"}), PREVIEW, NOTHING),
        (
            {"type": "x", "item": message("input_text", "input_image")},
            PREVIEW,
            Unsaid(picture="item.content[1]"),
        ),
        ({"type": "x", "item": message("input_image")}, GA, NOTHING),
        (
            {"type": "x", "response": {"input": [message(), message("input_image")]}},
            PREVIEW,
            Unsaid(picture="response.input[1].content[0]"),
        ),
        ({"type": "input_audio_buffer.commit"}, PREVIEW, NOTHING),
    ],
    ids=str,
)
def test_what_upstream_cannot_be_told_is_known_by_name(
    body: dict[str, Any], dialect: Dialect, lost: Unsaid
) -> None:
    assert unsaid(body, dialect) == lost
    sent = encode_client(body, dialect, None).decode()
    for path in lost.left_out:
        assert path.rpartition(".")[2] not in sent


def test_an_update_that_says_nothing_to_the_other_dialect_is_known() -> None:
    assert says_nothing({"type": "realtime", "parallel_tool_calls": True}, PREVIEW)
    assert says_nothing({"type": "realtime", "temperature": 1}, GA)
    assert not says_nothing({"type": "realtime", "temperature": 1}, PREVIEW)
    assert not says_nothing({"audio": {"input": {"turn_detection": None}}}, PREVIEW)


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("voice", "session"),
        ("turn_detection", "session"),
        ("temperature", "session"),
        ("modalities", "response"),
        ("temperature", "response"),
    ],
)
def test_preview_names_from_a_ga_client_are_set_aside_and_named(name: str, root: str) -> None:
    kind = "session.update" if root == "session" else "response.create"
    frame = f'{{"type":"{kind}","{root}":{{"{name}":null}}}}'.encode()
    event = decode_client(frame, GA)
    assert isinstance(event, ClientEvent)
    assert event.body[root] == {}
    assert event.sent.foreign == (f"{root}.{name}",)


@pytest.mark.parametrize(
    ("path", "preview", "ga"),
    [
        ("session.audio.output.voice", "session.voice", "session.audio.output.voice"),
        ("session.temperature", "session.temperature", None),
        ("session.type", None, "session.type"),
        ("session.tracing", None, "session.tracing"),
        ("session.parallel_tool_calls", None, "session.parallel_tool_calls"),
        ("session.audio", None, "session.audio"),
        (
            "session.audio.input.turn_detection.idle_timeout_ms",
            None,
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            "response.max_output_tokens",
            "response.max_response_output_tokens",
            "response.max_output_tokens",
        ),
        ("item.content[0].type", "item.content[0].type", "item.content[0].type"),
        ("session", "session", "session"),
    ],
)
def test_an_error_names_no_field_that_the_client_does_not_have(
    path: str, preview: str | None, ga: str | None
) -> None:
    assert known_path(path, PREVIEW) == preview
    assert known_path(path, GA) == ga
