"""What an operator's file makes of the rows: widened, narrowed, forced, or only reported."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.policy import Act, Policy, Profile
from app.policy.rows import ACTS_OF_A_MEANING, FORCED, ROWS, choices, named, names, spoken
from app.policy.tables import ITEM_REFERENCE, REFERENCE, SESSION_FIELDS
from app.policy.verdict import Acknowledge, Forward, Ignore, Refuse, Would
from app.policy.view import may_set, session_view
from app.protocol.names import Dialect
from tests.unit.policy.stand_in import (
    GUIDED,
    LAMP,
    LOCKED,
    OPEN,
    PROFILES,
    SECRET,
    Session,
    ask,
    forwarded,
    frame,
    item_create,
    message,
    refused,
    response_create,
    session_update,
    user,
)

PNG = "data:image/png;base64,iVBORw0KGgo="
IMAGE = item_create(message("user", {"type": "input_image", "image_url": PNG}))
AUDIO = item_create(message("user", {"type": "input_audio", "audio": "AAAAAAAA"}))
SAID_BEFORE = item_create(message("assistant", {"type": "text", "text": "Hello."}))
DELETE = {"type": "conversation.item.delete", "item_id": "item_user"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
REFERS = response_create(conversation="none", input=[{"type": "item_reference", "id": "item_user"}])


def rules(profile: Profile = GUIDED, reports: tuple[str, ...] = ()) -> Policy:
    return Policy(profile, reports=frozenset(reports), client_tools=(LAMP,))


def changed(name: str, act: Act, profile: Profile = GUIDED) -> Policy:
    return Policy(profile, rows={name: act}, client_tools=(LAMP,), server_tools=(SECRET,))


# -- the catalogue -----------------------------------------------------------------------------


def test_every_row_has_one_name_in_each_spelling() -> None:
    assert len(ROWS) == 61
    for name, row in ROWS.items():
        assert row.name == name
        assert named(name) is row
        assert named(spoken(row)) is row
    assert set(names()) == {*ROWS, *(spoken(row) for row in ROWS.values())}
    assert named("session.colour") is None


def test_names_are_spelled_as_preview_clients_do() -> None:
    assert spoken(ROWS["session.audio.output.voice"]) == "session.voice"
    assert spoken(ROWS["assistant/output_text"]) == "assistant/text"
    assert spoken(ROWS["function_call_output"]) == "function_call_output"
    assert spoken(ROWS["response.cancel"]) == "response.cancel"


def test_choices_keep_meanings_whole_and_closed_rows_closed() -> None:
    assert choices(ROWS["session.instructions"]) == (Act.ALLOW, Act.STRIP, Act.REFUSE)
    assert choices(ROWS["conversation.item.delete"]) == (Act.ALLOW, Act.REFUSE)
    assert choices(ROWS["session.model"]) == (Act.STRIP, Act.REFUSE)
    assert choices(ROWS["mcp_call"]) == (Act.REFUSE,)
    for name in ACTS_OF_A_MEANING:
        assert Act.STRIP not in choices(ROWS[name])
    for name in FORCED:
        assert choices(ROWS[name]) == ()
    for row in ROWS.values():
        assert (Act.ALLOW in choices(row)) is (row.opens() and row.name not in FORCED)


# -- widened and narrowed ----------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_a_row_holds_for_every_profile_that_changes_it(profile: Profile) -> None:
    event = session_update(instructions="mine", voice="verse")
    wide = changed("session.instructions", Act.ALLOW, profile)
    assert frame(forwarded(event, wide))["session"]["instructions"] == "mine"
    tight = changed("session.instructions", Act.REFUSE, profile)
    verdict = refused(event, tight)
    assert (verdict.rule, verdict.param) == ("session-instructions", "session.instructions")
    assert f"profile '{profile.value}'" in verdict.message
    stripped = ask(event, changed("session.audio.output.voice", Act.STRIP, profile))
    assert isinstance(stripped, Forward | Acknowledge)
    assert stripped.hint is not None
    assert "session.voice" in stripped.hint.ignored


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("conversation.item.delete", DELETE),
        ("function_call_output", item_create(OUTPUT)),
        ("user/input_audio", AUDIO),
        ("user/input_image", IMAGE),
        ("assistant/output_text", SAID_BEFORE),
        ("user/input_text", item_create(user())),
        ("system/input_text", item_create(message("system", {"type": "input_text", "text": "x"}))),
        ("response.create", response_create()),
        ("input_audio_buffer.append", {"type": "input_audio_buffer.append", "audio": "AAAAAAAA"}),
        ("response.conversation", response_create(conversation="none")),
        ("response.input", response_create(input=[user()])),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_acts_are_allowed_or_refused_by_the_row(
    name: str, event: dict[str, Any], profile: Profile
) -> None:
    assert isinstance(ask(event, changed(name, Act.ALLOW, profile)), Forward)
    assert refused(event, changed(name, Act.REFUSE, profile)).rule == ROWS[name].rule


def test_references_have_a_row_of_their_own() -> None:
    assert isinstance(ask(REFERS, rules(OPEN)), Forward)
    verdict = refused(REFERS, changed(REFERENCE.name, Act.REFUSE))
    assert verdict.rule == "item-reference"
    assert f"'response.input[0]' of type '{ITEM_REFERENCE}'" in verdict.message
    opened = {"response.conversation": Act.ALLOW, "response.input": Act.ALLOW}
    assert refused(REFERS, Policy(LOCKED, rows=opened)).rule == "item-reference"
    whole = Policy(LOCKED, rows={**opened, REFERENCE.name: Act.ALLOW})
    assert isinstance(ask(REFERS, whole), Forward)


def test_tools_that_locked_may_set_are_chosen_by_name_as_in_guided() -> None:
    own = {"type": "function", "name": "mine", "parameters": {}}
    lamp = {"type": "function", "name": "lamp", "description": "forged"}
    verdict = forwarded(
        session_update(tools=[own, lamp]), changed("session.tools", Act.ALLOW, LOCKED)
    )
    sent = frame(verdict)["session"]["tools"]
    assert sent == [SECRET.definition, LAMP.definition]


# -- switches ----------------------------------------------------------------------------------


def test_a_row_of_the_file_beats_the_switches() -> None:
    transcribes = Policy(GUIDED, transcription_model="m", rows={"user/input_audio": Act.ALLOW})
    assert isinstance(ask(AUDIO, transcribes), Forward)
    later = Session(happened=True)
    always = changed("assistant/output_text", Act.ALLOW)
    assert isinstance(ask(SAID_BEFORE, always, later), Forward)


@pytest.mark.parametrize("profile", [LOCKED, OPEN])
def test_switches_are_guideds_alone(profile: Profile) -> None:
    switched = Policy(profile, history=True, moderates=True, transcription_model="m")
    for event in (SAID_BEFORE, AUDIO):
        assert isinstance(ask(event, switched), Forward) is (profile is OPEN)


# -- caps --------------------------------------------------------------------------------------


def test_texts_and_outputs_have_the_operators_length() -> None:
    short = Policy(text_characters=3, tool_output_bytes=2, instructions_characters=4, rows={})
    assert isinstance(ask(item_create(user("abc")), short), Forward)
    assert "at most 3 characters" in refused(item_create(user("abcd")), short).message
    assert isinstance(ask(item_create(OUTPUT), short), Forward)
    assert "at most 2 bytes" in refused(item_create({**OUTPUT, "output": "423"}), short).message
    free = Policy(OPEN, instructions_characters=4)
    assert isinstance(ask(session_update(instructions="abcd"), free), Forward)
    assert "at most 4 char" in refused(session_update(instructions="abcde"), free).message


# -- report mode -------------------------------------------------------------------------------


def test_a_reported_setting_goes_on_and_says_what_would_have_been() -> None:
    policy = rules(reports=("session.instructions",))
    verdict = forwarded(session_update(instructions="mine", tracing="auto"), policy)
    assert frame(verdict)["session"] == {"instructions": "mine"}
    assert verdict.would == (Would("session.instructions", "strip", "session-instructions"),)
    assert verdict.hint is not None
    assert verdict.hint.ignored == ("session.tracing",)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("conversation.item.delete", DELETE),
        ("function_call_output", item_create(OUTPUT)),
        ("user/input_image", IMAGE),
        ("response.input", response_create(input=[user()])),
    ],
)
def test_a_reported_act_goes_on(name: str, event: dict[str, Any]) -> None:
    verdict = ask(event, rules(LOCKED, (name,)))
    assert isinstance(verdict, Forward)
    assert verdict.would == (Would(name, "refuse", ROWS[name].rule),)


def test_values_of_a_reported_field_obey_its_rule() -> None:
    policy = rules(LOCKED, ("session.temperature", "session.audio.output.voice"))
    verdict = forwarded(session_update(temperature=9, voice="nobody"), policy)
    assert frame(verdict)["session"] == {"temperature": 1.2}
    assert [would.row for would in verdict.would] == [
        "session.temperature",
        "session.audio.output.voice",
    ]


def test_an_event_that_is_refused_for_another_row_reports_all_the_same() -> None:
    policy = rules(LOCKED, ("response.input",))
    verdict = refused(response_create(input=[user()], conversation="none"), policy)
    assert verdict.rule == "response-out-of-band"
    assert [would.row for would in verdict.would] == ["response.input"]


def test_each_kind_of_verdict_reports() -> None:
    silent = Policy(
        rows={"input_audio_buffer.append": Act.REFUSE},
        reports=frozenset({"input_audio_buffer.append", "session.audio.output.voice"}),
    )
    empty = ask({"type": "input_audio_buffer.append", "audio": ""}, silent)
    assert isinstance(empty, Ignore)
    assert [would.row for would in empty.would] == ["input_audio_buffer.append"]
    nothing = ask(session_update(voice="nobody"), rules(LOCKED, ("session.audio.output.voice",)))
    assert isinstance(nothing, Acknowledge)
    assert [would.row for would in nothing.would] == ["session.audio.output.voice"]


def test_a_row_is_reported_once_for_each_event() -> None:
    many = item_create(message("user", *({"type": "input_image", "image_url": PNG},) * 3))
    assert len(ask(many, rules(reports=("user/input_image",))).would) == 1


def test_what_is_allowed_anyway_is_not_reported() -> None:
    assert ask(DELETE, rules(reports=("conversation.item.delete",))).would == ()


def test_audio_that_escapes_transcription_can_be_reported() -> None:
    policy = Policy(transcription_model="m", reports=frozenset({"user/input_audio"}))
    verdict = ask(AUDIO, policy)
    assert isinstance(verdict, Forward)
    assert verdict.would == (Would("user/input_audio", "refuse", "item-user-audio"),)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.opens()])
def test_no_report_mode_carries_a_closed_field_upstream(name: str) -> None:
    """`settings` refuses such a file; here the tables themselves hold: there is no shape."""
    row = SESSION_FIELDS.get(name)
    if row is None:
        return
    policy = Policy(OPEN, reports=frozenset({name}), rows={name: Act.ALLOW})
    verdict = ask(session_update(**{name.partition(".")[2]: "canary"}), policy)
    assert isinstance(verdict, Acknowledge)


# -- what the client is told -------------------------------------------------------------------


def view(policy: Policy) -> dict[str, Any]:
    return session_view(
        {}, policy, session_id="s", expires_at=1, model="m", instructions="the client's own"
    )


def test_a_client_sees_instructions_where_it_may_set_them() -> None:
    assert view(rules())["instructions"] == ""
    assert view(rules(OPEN))["instructions"] == "the client's own"
    assert view(changed("session.instructions", Act.ALLOW))["instructions"] == "the client's own"
    assert view(changed("session.instructions", Act.STRIP, OPEN))["instructions"] == ""
    assert view(rules(reports=("session.instructions",)))["instructions"] == "the client's own"


def test_what_may_be_set_follows_the_file() -> None:
    assert "session.voice" in may_set(changed("session.audio.output.voice", Act.ALLOW, LOCKED))
    assert "session.voice" not in may_set(changed("session.audio.output.voice", Act.STRIP))
    assert "session.instructions" not in may_set(rules(reports=("session.instructions",)))


def test_ga_clients_obey_the_same_rows() -> None:
    event = session_update(audio={"output": {"voice": "verse"}})
    narrowed = changed("session.audio.output.voice", Act.REFUSE)
    verdict = ask(event, narrowed, dialect=Dialect.GA)
    assert isinstance(verdict, Refuse)
    assert verdict.param == "session.audio.output.voice"
