"""Items and responses that a client writes: rebuilt from allowed parts, or refused whole."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from app.policy.policy import Policy
from app.policy.sight import SeenItem
from app.policy.verdict import Hint
from tests.unit.policy.stand_in import (
    GUIDED,
    LOCKED,
    OPEN,
    Session,
    forwarded,
    frame,
    item_create,
    message,
    refused,
    response_create,
    user,
)

TEXT = {"type": "input_text", "text": "hi"}
SAID = message("assistant", {"type": "text", "text": "I said"})
TEN_MS = base64.b64encode(bytes(480)).decode()
JPEG = b"\xff\xd8\xff\xe0"


def image(data: bytes, kind: str = "png") -> dict[str, Any]:
    url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return message("user", {"type": "input_image", "image_url": url, "detail": "high"})


def malformed(event: dict[str, Any], code: str, param: str, policy: Any = GUIDED) -> None:
    verdict = refused(event, policy)
    assert (verdict.rule, verdict.code, verdict.param) == ("malformed", code, param)
    assert not verdict.violation


# -- what is not copied ---------------------------------------------------------------------------


def test_an_item_is_rebuilt_from_type_role_content_and_id() -> None:
    sent = {
        "id": "item-_Qaa1",
        "type": "message",
        "role": "user",
        "object": "realtime.item",
        "status": "completed",
        "providerData": {"x": 1},
        "content": [{**TEXT, "id": "part", "transcript": "forged", "providerData": 1}],
    }
    assert frame(forwarded(item_create(sent, extra=1, previous_item_id=None))) == {
        "type": "conversation.item.create",
        "item": {"id": "item-_Qaa1", "type": "message", "role": "user", "content": [TEXT]},
    }


def test_a_forged_transcript_does_not_travel_with_its_audio() -> None:
    part = {"type": "input_audio", "audio": TEN_MS, "transcript": "forged"}
    verdict = forwarded(item_create(message("user", part)))
    assert frame(verdict)["item"]["content"] == [{"type": "input_audio", "audio": TEN_MS}]
    assert verdict.audio_ms == 10


def test_a_developers_message_goes_on_as_a_system_message() -> None:
    verdict = forwarded(item_create(message("developer", TEXT)), OPEN)
    assert frame(verdict)["item"]["role"] == "system"


def test_what_the_assistant_said_goes_on_in_the_dialects_spelling() -> None:
    assert frame(forwarded(item_create(SAID), OPEN))["item"]["content"] == [
        {"type": "text", "text": "I said"}
    ]


# -- malformed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (None, "missing_required_parameter", "item"),
        (5, "invalid_type", "item"),
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "message"}, "missing_required_parameter", "item.role"),
        ({"type": "message", "role": "user"}, "invalid_type", "item.content"),
        (message("user"), "invalid_value", "item.content"),
        (message("user", *[TEXT] * 17), "invalid_value", "item.content"),
        (message("user", 5), "invalid_type", "item.content[0]"),  # type: ignore[arg-type]
        (message("user", TEXT, {"type": "input_text"}), "invalid_type", "item.content[1].text"),
        (user("x" * 4001), "string_above_max_length", "item.content[0].text"),
        ({**user(), "id": 5}, "invalid_type", "item.id"),
        ({**user(), "id": "root"}, "invalid_value", "item.id"),
        ({**user(), "id": "rly_1"}, "invalid_value", "item.id"),
        ({**user(), "id": "x" * 33}, "invalid_value", "item.id"),
        ({**user(), "id": "a b"}, "invalid_value", "item.id"),
        ({"type": "function_call_output"}, "invalid_type", "item.call_id"),
        (
            {"type": "function_call_output", "call_id": "call_1", "output": {}},
            "invalid_type",
            "item.output",
        ),
        (
            {"type": "function_call_output", "call_id": "call_1", "output": "é" * 8193},
            "string_above_max_length",
            "item.output",
        ),
        (
            message("user", {"type": "input_audio", "audio": 5}),
            "invalid_type",
            "item.content[0].audio",
        ),
        (
            message("user", {"type": "input_audio", "audio": "AAAA"}),
            "invalid_value",
            "item.content[0].audio",
        ),
    ],
)
def test_a_malformed_item_is_refused_by_the_name_of_its_part(
    item: Any, code: str, param: str
) -> None:
    malformed(item_create(item), code, param)


def test_a_part_may_hold_four_thousand_characters_and_a_result_sixteen_kib() -> None:
    assert forwarded(item_create(user("é" * 4000))).text_characters == 4000
    output = {"type": "function_call_output", "call_id": "call_1", "output": "é" * 8192}
    assert frame(forwarded(item_create(output)))["item"] == output


def test_one_bad_part_refuses_the_whole_item() -> None:
    refused(item_create(message("user", TEXT, {"type": "item_reference", "id": "x"})), OPEN)


# -- text for one session -------------------------------------------------------------------------


def test_the_text_of_a_session_runs_out_across_parts_and_entries() -> None:
    session = Session(text=10)
    two = message("user", TEXT, {"type": "input_text", "text": "x" * 8})
    assert forwarded(item_create(two), GUIDED, session).text_characters == 10
    three = message("user", TEXT, {"type": "input_text", "text": "x" * 9})
    verdict = refused(item_create(three), GUIDED, session)
    assert (verdict.rule, verdict.violation) == ("item-text-limit", False)
    assert verdict.param == "item.content[1].text"
    context = response_create(input_items=[user("x" * 5), user("x" * 6)])
    assert refused(context, GUIDED, session).param == "response.input_items[1].content[0].text"


# -- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "kind"), [(b"\x89PNG\r\n\x1a\nrest", "png"), (JPEG + b"rest", "jpeg")]
)
def test_an_image_goes_on_without_its_detail(data: bytes, kind: str) -> None:
    part = frame(forwarded(item_create(image(data, kind)), OPEN))["item"]["content"][0]
    assert set(part) == {"type", "image_url"}


SMALL = Policy(profile=OPEN, image_bytes=10)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (image(JPEG, "png"), "invalid_value"),
        (image(JPEG, "gif"), "invalid_value"),
        (image(JPEG + bytes(7), "jpeg"), "string_above_max_length"),
        (image(JPEG + bytes(90), "jpeg"), "string_above_max_length"),
        (message("user", {"type": "input_image"}), "invalid_type"),
        (
            message("user", {"type": "input_image", "image_url": "https://evil/x.png"}),
            "invalid_value",
        ),
        (
            message("user", {"type": "input_image", "image_url": "data:image/png;base64,é=="}),
            "invalid_value",
        ),
    ],
)
def test_anything_but_a_small_png_or_jpeg_is_refused(item: dict[str, Any], code: str) -> None:
    malformed(item_create(item), code, "item.content[0].image_url", SMALL)


# -- the operator's switches ----------------------------------------------------------------------


def test_history_lets_guided_clients_replay_text_before_the_first_response() -> None:
    rules = Policy(history=True)
    forwarded(item_create(SAID), rules)
    assert refused(item_create(SAID), rules, Session(happened=True)).rule == "item-assistant"
    assert refused(item_create(SAID), GUIDED).rule == "item-assistant"


@pytest.mark.parametrize("rules", [Policy(moderates=True), Policy(transcription_model="m")])
def test_audio_in_items_is_closed_where_the_operator_listens(rules: Policy) -> None:
    event = item_create(message("user", {"type": "input_audio", "audio": TEN_MS}))
    assert refused(event, rules).rule == "item-user-audio"


# -- tool results ---------------------------------------------------------------------------------


def test_a_result_for_a_call_that_is_not_open_is_a_violation() -> None:
    item = {"type": "function_call_output", "call_id": "call_forged", "output": "{}"}
    verdict = refused(item_create(item))
    assert (verdict.code, verdict.rule) == ("policy_violation", "item-tool-output")
    assert verdict.violation
    assert "call_forged" not in verdict.message
    assert verdict.param == "item.call_id"


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "root", "goes"),
    [
        ("item_user", None, "item_user"),
        ("root", None, "root"),
        ("root", "rly_last_hidden", "rly_last_hidden"),
    ],
)
def test_an_item_is_placed_among_what_the_client_sees(
    sent: str, root: str | None, goes: str
) -> None:
    verdict = forwarded(item_create(user(), previous_item_id=sent), GUIDED, Session(root=root))
    assert frame(verdict)["previous_item_id"] == goes


def test_a_place_behind_a_hidden_item_does_not_exist() -> None:
    verdict = refused(item_create(user(), previous_item_id="item_hidden"))
    assert verdict.code == "item_create_invalid_previous_item_id"
    assert verdict.message == (
        "Error adding item: the previous item with id 'item_hidden' does not exist."
    )
    assert not verdict.violation
    malformed(item_create(user(), previous_item_id=5), "invalid_type", "previous_item_id")


# -- response.create ------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [{}, {"response": None}, {"response": {}}])
def test_a_bare_response_create_goes_on_bare(event: dict[str, Any]) -> None:
    verdict = forwarded({"type": "response.create", **event}, LOCKED)
    assert frame(verdict) == {"type": "response.create"}
    assert verdict.hint is None


def test_the_how_tos_first_sample_works_guided() -> None:
    verdict = forwarded(
        response_create(
            commit=True,
            cancel_previous=True,
            instructions="Please assist the user.",
            modalities=["text", "audio"],
        )
    )
    assert frame(verdict)["response"] == {"modalities": ["text", "audio"]}
    rules = {
        "response.commit": "unknown-field",
        "response.cancel_previous": "unknown-field",
        "response.instructions": "response-instructions",
    }
    assert verdict.hint == Hint(tuple(rules), {}, "unknown-field", rules)


def test_the_how_tos_out_of_band_sample_works_guided() -> None:
    verdict = forwarded(
        response_create(
            conversation="none",
            metadata={"topic": "world_capitals"},
            modalities=["text"],
            prompt="What is the capital of France?",
            input=[{"type": "item_reference", "id": "item_user"}, user("Paris.")],
        )
    )
    assert frame(verdict)["response"] == {
        "conversation": "none",
        "metadata": {"topic": "world_capitals"},
        "modalities": ["text"],
        "input": [{"type": "item_reference", "id": "item_user"}, user("Paris.")],
    }
    rules = {"response.prompt": "response-instructions"}
    assert verdict.hint == Hint(("response.prompt",), {}, "response-instructions", rules)
    assert verdict.text_characters == 6


def test_the_plain_prompt_is_the_instructions_where_they_are_allowed() -> None:
    verdict = forwarded(response_create(prompt="What?"), OPEN)
    assert frame(verdict)["response"] == {"instructions": "What?"}


@pytest.mark.parametrize("name", ["input", "append_input_items", "input_items"])
def test_context_obeys_the_item_rows_under_each_of_its_names(name: str) -> None:
    verdict = refused(response_create(**{name: [message("system", TEXT)]}))
    assert (verdict.rule, verdict.param) == ("item-system", f"response.{name}[0].content[0]")
    assert refused(response_create(**{name: []}), LOCKED).param == f"response.{name}"


def test_audio_in_the_context_is_charged() -> None:
    entry = message("user", {"type": "input_audio", "audio": TEN_MS})
    assert forwarded(response_create(input=[entry, entry])).audio_ms == 20


@pytest.mark.parametrize(
    ("value", "code", "param"),
    [
        ("x", "invalid_type", "response.input"),
        ([user()] * 17, "invalid_value", "response.input"),
        ([5], "invalid_type", "response.input[0]"),
        ([{"type": "item_reference"}], "invalid_type", "response.input[0].id"),
        (
            [{"type": "item_reference", "id": "item_user"}] * 2,
            "invalid_value",
            "response.input[1].id",
        ),
    ],
)
def test_a_malformed_context_is_refused(value: Any, code: str, param: str) -> None:
    malformed(response_create(input=value), code, param)


def test_a_reference_to_a_hidden_item_does_not_exist() -> None:
    event = response_create(input=[{"type": "item_reference", "id": "item_hidden"}])
    verdict = refused(event, OPEN)
    assert (verdict.rule, verdict.violation) == ("unknown-id", False)
    assert "does not exist" in verdict.message


def test_out_of_band_is_refused_when_locked_because_stripped_it_would_be_speech() -> None:
    assert refused(response_create(conversation="none"), LOCKED).rule == "response-out-of-band"


@pytest.mark.parametrize("value", ["conv_1", 5, True])
def test_another_conversation_does_not_exist(value: Any) -> None:
    malformed(response_create(conversation=value), "invalid_value", "response.conversation")


def test_metadata_of_the_relays_own_is_dropped_and_the_rest_echoed() -> None:
    verdict = forwarded(response_create(metadata={"relay_id": "x", "client_event_id": "1"}))
    assert frame(verdict)["response"] == {"metadata": {"client_event_id": "1"}}
    rules = {"response.metadata.relay_id": "response-metadata"}
    assert verdict.hint == Hint(tuple(rules), {}, "response-metadata", rules)
    assert frame(forwarded(response_create(metadata={}))) == {
        "type": "response.create",
        "response": {"metadata": {}},
    }
    assert frame(forwarded(response_create(metadata={"relay": "x"}))) == {"type": "response.create"}


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ([], "invalid_type"),
        ({"a": 1}, "invalid_type"),
        ({str(n): "" for n in range(17)}, "invalid_value"),
        ({"k" * 65: ""}, "string_above_max_length"),
        ({"k": "v" * 513}, "string_above_max_length"),
    ],
)
def test_metadata_has_bounds(metadata: Any, code: str) -> None:
    malformed(response_create(metadata=metadata), code, "response.metadata")


def test_sixteen_full_pairs_of_metadata_pass() -> None:
    pairs = {f"{n:064}": "v" * 512 for n in range(16)}
    assert frame(forwarded(response_create(metadata=pairs)))["response"]["metadata"] == pairs


def test_the_session_room_decides_what_is_visible() -> None:
    session = Session(items={"mine": SeenItem()})
    forwarded(response_create(input=[{"type": "item_reference", "id": "mine"}]), GUIDED, session)
