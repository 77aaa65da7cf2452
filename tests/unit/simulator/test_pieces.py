"""The small parts: cutting speech into deltas, pacing, the buffer, plans, the door, options."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator import audio
from app.simulator.brain import Call, Say, Turn, answer
from app.simulator.buffer import InputBuffer
from app.simulator.door import Admitted, Refused, judge, model_of
from app.simulator.journal import ConnectionRecord, Journal
from app.simulator.options import Options
from app.simulator.outputs import Think
from app.simulator.pace import Pace
from app.simulator.plan import Calling, Speech, Writing, chunks, pieces, words
from app.simulator.studio import planned
from tests.unit.simulator.talk import silence, utterance

TARGET = "/openai/realtime?api-version=2024-12-17&deployment=gpt-4o-realtime-preview"


@given(st.integers(0, 200_000), st.sampled_from(audio.FORMATS))
def test_deltas_are_the_speech_and_of_a_legal_size(length: int, audio_format: str) -> None:
    per_ms = audio.BYTES_PER_MS[audio_format]
    length -= length % 2
    speech = Speech(bytes(length), ((0, "a"), (length // 2, " b"), (length, " c")))
    cut = chunks(speech, audio_format)
    assert sum(len(chunk.audio) for chunk in cut) == length
    assert "".join("".join(chunk.words) for chunk in cut) == "a b c"
    if length >= 100 * per_ms:
        assert all(100 * per_ms <= len(c.audio) <= 250 * per_ms for c in cut)
    if audio_format == "pcm16":
        assert all(len(chunk.audio) % 2 == 0 for chunk in cut)


def test_words_travel_with_the_audio_that_says_them() -> None:
    speech = Speech(bytes(48_000), ((0, "one"), (20_000, " two"), (47_999, " three")))
    assert [chunk.words for chunk in chunks(speech, "pcm16")] == [
        ("one",),
        (),
        (" two",),
        (),
        (" three",),
    ]


@given(st.text())
def test_text_is_cut_without_loss(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert "".join(words(text)) == text
    assert all(len(piece) <= 96 for piece in pieces(text))


def test_pace_lets_a_burst_go_and_then_holds_back() -> None:
    pace = Pace(4.0, 400, now=10.0)
    assert pace.wait(200, 10.0) == 0
    assert pace.wait(200, 10.0) == 0
    assert pace.wait(200, 10.0) == pytest.approx(0.05)
    assert pace.wait(200, 10.02) == pytest.approx(0.08)
    assert pace.wait(200, 99.0) == 0, "whoever is late does not wait"
    assert Pace(None, 0, now=0).wait(10_000, 0) == 0


def test_the_buffer_cuts_by_the_clock_of_the_session() -> None:
    buffer = InputBuffer()
    buffer.append(b"\x01\x00" * 24 * 100)
    buffer.append(b"\x02\x00" * 24 * 100)
    assert buffer.take(50, 150) == b"\x01\x00" * 24 * 50 + b"\x02\x00" * 24 * 50
    assert (buffer.length_ms, buffer.position_ms) == (50, 200)
    assert buffer.take(0, 100) == b"", "what was taken is gone"
    buffer.keep_last(20)
    assert (buffer.length_ms, buffer.position_ms) == (20, 200)
    assert buffer.take(0, 10_000) == b"\x02\x00" * 24 * 20
    buffer.clear()
    assert (buffer.length_ms, buffer.position_ms) == (0, 200)


def think(*, text: str | None = "thanks", speaks: bool = True, audio_format: str = "pcm16",
          **turn: object) -> Think:  # fmt: skip
    given: dict[str, object] = {
        "text": text,
        "audio": b"",
        "instructions": "",
        "tools": (),
        "tool_choice": "auto",
        "history": (),
        "tool_output": None,
        **turn,
    }
    return Think("resp_1", Turn(**given), speaks, "alloy", audio_format)  # type: ignore[arg-type]


def said(request: Think) -> str:
    reply = answer(request.turn)
    assert isinstance(reply, Say)
    return " ".join(part for part in reply.parts if isinstance(part, str))


def test_a_plan_speaks_the_brains_words() -> None:
    request = think()
    plan = planned(request)
    assert isinstance(plan, Speech)
    assert len(plan.audio) > 48 * 300
    assert any(plan.audio), "not silence"
    assert "".join(text for _, text in plan.words) == said(request)
    offsets = [at for at, _ in plan.words]
    assert offsets == sorted(offsets)


def test_a_plan_in_telephone_audio_is_a_sixth_as_long() -> None:
    wide, narrow = planned(think()), planned(think(audio_format="g711_ulaw"))
    assert isinstance(wide, Speech)
    assert isinstance(narrow, Speech)
    assert abs(len(narrow.audio) - len(wide.audio) / 6) < 2
    assert narrow.words[-1][0] <= len(narrow.audio)


def test_a_plan_for_text_is_the_same_words() -> None:
    request = think(speaks=False)
    plan = planned(request)
    assert isinstance(plan, Writing)
    assert "".join(plan.pieces) == said(request)


def test_a_plan_for_speech_plays_it_back_with_a_transcript() -> None:
    heard = silence(300) + utterance() + silence(300)
    plan = planned(think(text=None, audio=heard))
    assert isinstance(plan, Speech)
    assert utterance()[9_600:19_200] in plan.audio
    transcript = "".join(text for _, text in plan.words)
    assert transcript.startswith("You said: [speech,")
    written = planned(think(text=None, audio=heard, speaks=False))
    assert isinstance(written, Writing)
    assert "".join(written.pieces) == transcript


def test_a_plan_may_be_a_function_call() -> None:
    tool = {
        "type": "function",
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    request = think(text="What is the weather in Paris?", tools=(tool,))
    assert isinstance(answer(request.turn), Call)
    plan = planned(request)
    assert isinstance(plan, Calling)
    assert plan.name == "get_weather"
    assert json.loads(plan.arguments) == {"city": "Paris"}


OPTIONS = Options(key="secret", bearer_tokens=("entra",))


@pytest.mark.parametrize(
    ("target", "headers", "place"),
    [
        (TARGET, {"api-key": "secret"}, "header"),
        (TARGET + "&api-key=secret", {}, "query"),
        (TARGET, {"authorization": "Bearer entra"}, "bearer"),
        (TARGET, {"authorization": "bearer secret"}, "bearer"),
        (TARGET + "&Authorization=Bearer+entra", {}, "query"),
        (TARGET + "&x-ms-client-request-id=1", {"api-key": "secret"}, "header"),
    ],
)
def test_the_door_opens_and_knows_where_the_credential_stood(
    target: str, headers: dict[str, str], place: str
) -> None:
    assert judge(target, headers, OPTIONS) == Admitted(
        place, "2024-12-17", "gpt-4o-realtime-preview"
    )


KEY = {"api-key": "secret"}


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        ("/", KEY, 404, "404"),
        ("/openai/realtime/?" + TARGET.partition("?")[2], KEY, 404, "404"),
        ("/openai/v2/realtime?model=gpt-realtime", KEY, 404, "404"),
        (TARGET, {}, 401, "401"),
        (TARGET, {"api-key": ""}, 401, "401"),
        (TARGET, {"api-key": "entra"}, 401, "401"),
        (TARGET + "&api-key=wrong", {}, 401, "401"),
        (TARGET + "&api-key=secret&api-key=secret", {}, 401, "401"),
        (TARGET + "&api-key=secret", {"api-key": "wrong"}, 401, "401"),
        (TARGET, {"authorization": "Bearer wrong"}, 401, "401"),
        (TARGET, {"authorization": "Basic secret"}, 401, "401"),
        (TARGET, {"authorization": "secret"}, 401, "401"),
        (TARGET.replace("2024-12-17", "2099-01-01"), KEY, 400, "BadRequest"),
        ("/openai/realtime?deployment=gpt-4o-realtime-preview", KEY, 400, "BadRequest"),
        ("/openai/realtime?api-version=2024-12-17", KEY, 400, "BadRequest"),
        (TARGET + "&intent=transcription", KEY, 400, "BadRequest"),
        (TARGET.replace("gpt-4o-realtime-preview", "nope"), KEY, 404, "DeploymentNotFound"),
    ],
)
def test_the_door_refuses_as_azure_does(
    target: str, headers: dict[str, str], status: int, code: str
) -> None:
    verdict = judge(target, headers, OPTIONS)
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code) == (HTTPStatus(status), code)
    assert verdict.body()["error"]["code"] == code
    assert "secret" not in json.dumps(verdict.body())


def test_the_key_can_be_barred_as_a_bearer_token() -> None:
    options = Options(key="secret", bearer_tokens=("entra",), key_as_bearer=False)
    headers = {"authorization": "Bearer secret"}
    assert isinstance(judge(TARGET, headers, options), Refused)


def test_a_deployment_names_its_model() -> None:
    assert model_of("gpt-4o-mini-realtime-preview") == "gpt-4o-mini-realtime-preview-2024-12-17"
    assert model_of("anything") == "gpt-4o-realtime-preview-2024-12-17"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"key": ""}, "key"),
        ({"deployments": ()}, "deployments"),
        ({"port": 70_000}, "port"),
        ({"pace": 0}, "pace"),
        ({"session_seconds": 0}, "session_seconds"),
        ({"close_seconds": 0}, "close_seconds"),
    ],
)
def test_options_that_cannot_work_are_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Options(**given)  # type: ignore[arg-type]


def test_keys_are_random_and_not_shown() -> None:
    options = Options()
    assert options.key != Options().key
    assert options.key not in repr(options)


def test_the_journal_counts_names_that_it_knows_and_keeps_the_latest() -> None:
    record = ConnectionRecord(id="c", path="/x", status=101)
    for kind in ("response.create", "my secret", 3, None):
        record.count_received(kind)
    assert record.received == {"response.create": 1, "other": 3}
    journal = Journal()
    for number in range(1_100):
        journal.add(ConnectionRecord(id=str(number), path="/x", status=404))
    assert len(journal.refusals) == 1_000
    assert journal.refusals[-1].id == "1099"
    assert journal.connections == []
