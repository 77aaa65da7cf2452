"""The policy file: what it changes, and how each mistake in it is told, with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.policy.policy import Act, Policy, Profile
from app.policy.rows import ROWS, choices, spoken
from app.policy.turn_detection import TurnDetection
from app.protocol.dialects.voices import PREVIEW_VOICES
from app.settings import Settings, load
from app.settings.policy_file import Changes, PolicyFile, parse_policy
from app.settings.policy_manual import EXAMPLE, MEANINGS, policy_file_md
from app.settings.policy_remarks import remarks
from app.settings.policy_values import KEYS
from app.settings.self_service import SELF_SERVICE, WORDS, users_write
from tests.unit.test_settings import AZURE, complaint, only_problem, problems

LOCKED, GUIDED, OPEN = Profile.LOCKED, Profile.GUIDED, Profile.OPEN
TOOLS = [
    {"type": "function", "name": name, "parameters": {"type": "object"}}
    for name in ("lamp", "door", "alarm")
]
OIDC = {
    "RELAY_AUTH": "oidc",
    "RELAY_OIDC_ISSUER": "https://login.example.com/",
    "RELAY_OIDC_AUDIENCE": "api://relay",
}
HEARD = {"RELAY_SESSION_TRANSCRIPTION_MODEL": "whisper-1"}


@pytest.fixture
def environ(tmp_path: Path) -> Any:
    """An environment with a policy file of this text, and with more."""

    def make(text: str, tools: list[dict[str, Any]] | None = None, **more: str) -> dict[str, str]:
        path = tmp_path / "policy.toml"
        path.write_text(text, encoding="utf-8")
        made = AZURE | {"RELAY_POLICY_FILE": str(path), **more}
        if tools is not None:
            (tmp_path / "tools.json").write_text(json.dumps(tools))
            made["RELAY_SESSION_TOOLS_FILE"] = str(tmp_path / "tools.json")
        return made

    return make


def parsed(text: str) -> PolicyFile:
    file, complaints = parse_policy(text)
    assert complaints == ()
    return file


def told(text: str) -> str:
    """The only complaint about a file."""
    file, complaints = parse_policy(text)
    assert file == PolicyFile()
    (only,) = complaints
    return only


# -- what it changes ---------------------------------------------------------------------------


def test_without_a_file_everything_is_as_the_profile_has_it() -> None:
    settings = load(AZURE)
    for profile in Profile:
        assert settings.policy(profile) == Policy(profile=profile)
    assert str(PolicyFile()) == "(changes nothing)"


def test_every_value_reaches_the_policy_of_its_profile_alone(environ: Any) -> None:
    text = """
    [guided]
    voices = ["coral", "alloy"]
    languages = ["en", "de-AT"]
    output_modalities = ["text"]
    client_tools = ["door"]
    max_output_tokens = 100
    speed = [0.5, 1]
    temperature = [0.7, 0.9]
    append_bytes = 4800
    image_bytes = 10000
    tool_output_bytes = 500
    text_characters = 40
    session_characters = 400
    instructions_characters = 44
    create_response = false
    interrupt_response = true
    history = true
    moderates = true
    rows."user/input_image" = "allow"
    rows.session.instructions = "allow"
    """
    settings = load(environ(text, TOOLS, **HEARD))
    policy = settings.policy()
    assert [tool.name for tool in policy.client_tools] == ["door"]
    assert policy == Policy(
        profile=GUIDED,
        voices=("coral", "alloy"),
        languages=("en", "de-AT"),
        output_modalities=("text",),
        client_tools=policy.client_tools,
        max_output_tokens=100,
        transcription_model="whisper-1",
        speed=(0.5, 1.0),
        temperature=(0.7, 0.9),
        append_bytes=4800,
        image_bytes=10000,
        tool_output_bytes=500,
        text_characters=40,
        session_characters=400,
        instructions_characters=44,
        create_response=False,
        interrupt_response=True,
        history=True,
        moderates=True,
        rows={"user/input_image": Act.ALLOW, "session.instructions": Act.ALLOW},
    )
    usual = settings.policy(OPEN)
    assert usual == Policy(
        profile=OPEN, client_tools=usual.client_tools, transcription_model="whisper-1"
    )
    assert [tool.name for tool in usual.client_tools] == ["lamp", "door", "alarm"]
    assert str(settings.policy_file) == "(guided: 17 values, 2 rows)"


def test_rows_are_known_in_both_spellings_with_and_without_quotes() -> None:
    text = """
    [locked.rows]
    session.voice = "allow"
    "session.audio.output.speed" = "refuse"
    "assistant/text" = "allow"
    "conversation.item.delete" = "allow"
    "response.input" = "allow"
    "response.input/item_reference" = "allow"
    """
    assert parsed(text).changes(LOCKED).rows == {
        "session.audio.output.voice": Act.ALLOW,
        "session.audio.output.speed": Act.REFUSE,
        "assistant/output_text": Act.ALLOW,
        "conversation.item.delete": Act.ALLOW,
        "response.input": Act.ALLOW,
        "response.input/item_reference": Act.ALLOW,
    }


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_each_row_takes_what_it_can_be_and_nothing_else(row: Any) -> None:
    for act, word in ((Act.ALLOW, "allow"), (Act.STRIP, "strip"), (Act.REFUSE, "refuse")):
        for name in {row.name, spoken(row)}:
            text = f'[open]\n\n[open.rows]\n"{name}" = "{word}"\n'
            if act in choices(row):
                assert parsed(text).changes(OPEN).rows == {row.name: act}
            else:
                assert told(text).startswith("line 4: ")


def test_no_file_opens_what_no_profile_opens() -> None:
    closed = [row for row in ROWS.values() if not row.opens()]
    names = {row.name for row in closed}
    assert {
        "session.model",
        "session.prompt",
        "response.prompt",
        "session.tracing",
        "session.client_secret",
        "function_call",
        "any/item_reference",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
    } <= names
    for row in closed:
        said = told(f'[open.rows]\n"{row.name}" = "allow"')
        assert said == f"line 2: no file and no profile opens `{row.name}`: {row.shut}"
        said = told(f'[open]\nreport = [\n"{row.name}"]')
        assert said.startswith(f"line 3: `{row.name}` is never reported and let through")


def test_report_mode_is_for_rows_that_would_do_something() -> None:
    text = '[guided]\nreport = ["session.instructions", "user/input_image"]\n'
    assert parsed(text).changes(GUIDED).reports == {"session.instructions", "user/input_image"}
    assert told('[guided]\nreport = ["session.voice"]') == (
        "line 2: [guided] allows `session.voice`: there is nothing to report"
    )
    narrowed = '[guided]\nreport = ["session.voice"]\nrows.session.voice = "strip"'
    assert parsed(narrowed).changes(GUIDED).reports == {"session.audio.output.voice"}


# -- what a session begins with ----------------------------------------------------------------


def test_a_cap_holds_for_sessions_that_name_no_number_of_their_own(environ: Any) -> None:
    settings = load(environ("[guided]\nmax_output_tokens = 100\n"))
    assert settings.configuration().session()["max_output_tokens"] == 100
    assert "max_output_tokens" not in settings.configuration(OPEN).session()


def test_what_is_forced_is_forced_from_the_beginning(environ: Any) -> None:
    settings = load(environ("[guided]\ncreate_response = false\n"))
    assert settings.configuration().turn_detection == TurnDetection(create_response=False)
    turn = settings.configuration().session()["audio"]["input"]["turn_detection"]
    assert turn == {"type": "server_vad", "create_response": False}
    assert settings.configuration(LOCKED).turn_detection is None


def test_forced_flags_join_the_operators_own_turn_detection(environ: Any) -> None:
    settings = load(
        environ(
            "[guided]\ninterrupt_response = true\n",
            RELAY_SESSION_TURN_DETECTION="semantic_vad",
            RELAY_SESSION_VAD_EAGERNESS="low",
        )
    )
    turn = settings.configuration().session()["audio"]["input"]["turn_detection"]
    assert turn == {"type": "semantic_vad", "eagerness": "low", "interrupt_response": True}


def test_a_session_has_the_tools_of_its_profile_and_the_hidden_ones() -> None:
    hidden = {**TOOLS[2], "runs": "server"}
    settings = Settings(  # made directly: `load` refuses what is not built yet
        session_tools=json.dumps([TOOLS[0], {**TOOLS[1], "runs": "client"}, hidden]),
        policy_file='[guided]\nclient_tools = ["lamp"]',
    )
    policy, session = settings.policy(), settings.configuration().session()
    assert [tool.name for tool in policy.client_tools] == ["lamp"]
    assert [tool.name for tool in policy.server_tools] == ["alarm"]
    assert session["tools"] == [TOOLS[2], TOOLS[0]]
    assert [tool.name for tool in settings.policy(OPEN).client_tools] == ["lamp", "door"]


# -- mistakes in the file ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[guided",
            "not TOML: Expected ']' at the end of a table declaration (at line 1, the end)",
        ),
        ("[guided]\nvoices = ['a'\nx", "not TOML: Unclosed array (at line 3"),
        ("a = " + "[" * 9000, "not TOML that can be used: it is nested too deep"),
        ("\n[guide]", "line 2: there is no table [guide] (did you mean `guided`?)"),
        ("[profile.guided]", "line 1: there is no table [profile] (did you mean `profiles`?)"),
        ("\nlocked = 1", "line 2: `locked` must be a table: write [locked]"),
        ("[guided]\nvoicse = []", "line 2: [guided] has no key `voicse` (did you mean `voices`?)"),
        (
            '[guided]\n"session.voice" = "allow"',
            "line 2: rows stand in a table of their own: move `session.voice` to [guided.rows]",
        ),
        ("[guided]\nvoices = 'alloy'", "line 2: `voices` must be a list of texts"),
        ("[guided]\nvoices = [1]", "line 2: `voices` must be a list of texts"),
        ("[guided]\nvoices = []", "line 2: `voices` is empty, so nothing could be chosen"),
        (
            "[guided]\nvoices = ['alloy', 'allow']",
            "line 2: `voices` names no voice with 'allow' (did you mean `alloy`?); there are "
            "alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar",
        ),
        ("[guided]\nvoices = ['ash', 'ash']", "line 2: `voices` names something twice"),
        ("[guided]\nlanguages = ['English']", "line 2: `languages` holds 'English', which is no"),
        ("[guided]\noutput_modalities = ['video']", "line 2: `output_modalities` names no modal"),
        ("[guided]\nmax_output_tokens = 4097", "line 2: `max_output_tokens` must be a whole num"),
        ("[guided]\nmax_output_tokens = true", "line 2: `max_output_tokens` must be a whole num"),
        ("[guided]\nmax_output_tokens = 1.5", "line 2: `max_output_tokens` must be a whole num"),
        ("[guided]\nappend_bytes = 15728641", "line 2: `append_bytes` must be a whole number fr"),
        ("[guided]\nspeed = 1", "line 2: `speed` must be the least and the most, for example"),
        ("[guided]\nspeed = [1, '2']", "line 2: `speed` must be the least and the most"),
        ("[guided]\nspeed = [1, true]", "line 2: `speed` must be the least and the most"),
        ("[guided]\nspeed = [1.2, 0.8]", "line 2: `speed` must lie within 0.25 and 1.5"),
        ("[guided]\nspeed = [0.1, 0.8]", "line 2: `speed` must lie within 0.25 and 1.5"),
        ("[guided]\ntemperature = [0.6, 1.3]", "line 2: `temperature` must lie within 0.6 and"),
        ("[guided]\ntemperature = [0.6, nan]", "line 2: `temperature` must lie within 0.6 and"),
        ("[guided]\ncreate_response = 'no'", "line 2: `create_response` must be true or false"),
        (
            "[locked]\nhistory = true",
            "line 2: `history` is a switch of [guided] alone: use [locked.rows]",
        ),
        ("[guided]\nrows = []", "line 2: `rows` must be a table: write [guided.rows]"),
        ("[guided]\nreport = 'x'", "line 2: `report` must be a list of texts"),
        (
            "[guided]\nreport = [\n'user/input_image',\n'sesion.instructions']",
            "line 4: there is no row `sesion.instructions` (did you mean `session.instructions`?)",
        ),
        (
            '[guided.rows]\n\n"session.vioce" = "allow"',
            "line 3: there is no row `session.vioce` (did you mean `session.voice`?)",
        ),
        (
            '[guided.rows]\n"session.voice" = "alow"',
            'line 2: `session.voice` must be "allow", "strip" or "refuse" (did you mean `allow`?)',
        ),
        ('[guided.rows]\n"session.voice" = true', 'line 2: `session.voice` must be "allow", "st'),
        ('[guided.rows]\n"function_call" = 1', 'line 2: `function_call` must be "refuse"'),
        ('[guided.rows]\n"session.type" = 1', "line 2: `session.type` must be left out"),
        (
            '[guided.rows]\n"session.type" = "strip"',
            "line 2: `session.type` is forced to realtime, whatever a file says: remove it",
        ),
        (
            '[guided.rows]\n"response.input" = "strip"',
            "line 2: `response.input` cannot be stripped without changing what was asked for: "
            '"allow" or "refuse"',
        ),
        (
            '[guided.rows]\nsession.voice = "allow"\n"session.audio.output.voice" = "strip"',
            "line 3: `session.audio.output.voice` is named twice, once as `session.voice`",
        ),
        (
            '[guided.rows]\n"session.turn_detection.create_response" = "allow"',
            "line 2: `session.turn_detection.create_response` is no row of its own, but a part of "
            "`session.turn_detection`: to force it, write create_response = true or false",
        ),
        (
            '[guided.rows]\n"session.turn_detection.threshold" = "allow"',
            "line 2: `session.turn_detection.threshold` is no row of its own, but a part of "
            "`session.turn_detection`",
        ),
        ("[profiles]", "line 1: [profiles] names no value of the claim: write VALUE = PROFILE"),
        (
            "[profiles]\n\nstaff = 'opened'",
            "line 3: `staff` must be a profile: locked, guided, open (did you mean `open`?)",
        ),
        (
            "[profiles]\n'' = 'open'",
            "line 2: [profiles] names an empty value of the claim: name one that the issuer sets",
        ),
        ("[profiles]\n' ' = 'open'", "line 2: [profiles] names an empty value of the claim"),
        (
            "[profiles]\nguest = 'locked'\n'staff ' = 'open'",
            "line 3: `staff ` has spaces around it: write `staff`",
        ),
        ("[profiles]\nstaff = 1", "line 2: `staff` must be a profile: locked, guided, open"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, said: str) -> None:
    assert told(text).startswith(said)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(environ: Any) -> None:
    text = '[guided.rows]\n"x" = "allow"\n[locked]\nspeed = 1\n[guided]\nvoices = []\n'
    made = environ(text)
    told = problems(made)
    place = f"RELAY_POLICY_FILE ({made['RELAY_POLICY_FILE']})"
    assert [said.partition(": line")[0] for said in told] == [place] * 3
    assert [said.partition(": line ")[2][0] for said in told] == ["2", "4", "6"]


def test_a_file_that_is_not_there_is_told() -> None:
    said = only_problem(AZURE | {"RELAY_POLICY_FILE": "/no/such.toml"})
    assert said.startswith("RELAY_POLICY_FILE names /no/such.toml, which cannot be read")


# -- contradictions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[locked]\nvoices = ["alloy"]',
            "line 2: `voices` has no effect, because [locked] does not allow `session.voice` and "
            "`response.voice`",
        ),
        (
            '[guided]\nspeed = [1, 1]\nrows.session.speed = "strip"',
            "line 2: `speed` has no effect, because [guided] does not allow `session.speed`",
        ),
        (
            '[guided]\nhistory = true\n[guided.rows]\n"assistant/text" = "allow"',
            "line 4: `history` decides on `assistant/text`: keep one of the two",
        ),
        (
            '[guided]\nmoderates = true\n[guided.rows]\n"user/input_audio" = "allow"',
            "line 4: `moderates` decides on `user/input_audio`: keep one of the two",
        ),
        (
            '[guided.rows]\n"session.update" = "refuse"\nsession.voice = "allow"',
            "line 3: `session.voice` is allowed in vain, because [guided] refuses "
            "`session.update`: keep one of the two",
        ),
        (
            '[open.rows]\n"response.create" = "refuse"\n"response.input/item_reference" = "allow"',
            "line 3: `response.input/item_reference` is allowed in vain, because [open] refuses "
            "`response.create`: keep one of the two",
        ),
        (
            '[guided]\nreport = ["session.instructions"]\n[guided.rows]\n"session.update"="refuse"',
            "line 2: `session.instructions` is reported in vain, because [guided] refuses "
            "`session.update`: keep one of the two",
        ),
        (
            '[guided]\nhistory = true\n[guided.rows]\n"conversation.item.create" = "refuse"\n'
            '"response.input" = "refuse"',
            "line 2: `history` has no effect, because [guided] refuses `conversation.item.create` "
            "and `response.input`",
        ),
        (
            '[guided]\nmoderates = true\n[guided.rows]\n"conversation.item.create" = "refuse"\n'
            '"response.create" = "refuse"',
            "line 2: `moderates` has no effect, because [guided] refuses "
            "`conversation.item.create` and `response.create`",
        ),
        (
            '[locked.rows]\n"conversation.item.create" = "refuse"\n"user/input_audio" = "allow"',
            "line 3: `user/input_audio` is allowed in vain, because [locked] refuses "
            "`conversation.item.create` and `response.input`: keep one of the two",
        ),
        (
            '[guided.rows]\n"response.input" = "refuse"\n"response.input/item_reference" = "allow"',
            "line 3: `response.input/item_reference` is allowed in vain, because [guided] refuses "
            "`response.input`: keep one of the two",
        ),
        (
            '[locked]\noutput_modalities = ["audio"]',
            "line 2: `output_modalities` has no effect, because [locked] does not allow "
            "`session.modalities` and `response.modalities`",
        ),
        (
            '[guided]\nspeed = [1, 1]\n[guided.rows]\n"session.update" = "refuse"',
            "line 2: `speed` has no effect, because [guided] does not allow `session.update`",
        ),
        (
            '[guided]\ncreate_response = true\nrows."session.turn_detection.create_response"'
            ' = "allow"',
            "line 3: `create_response` is forced above and named here: keep one of the two",
        ),
    ],
)
def test_what_contradicts_itself_is_told(text: str, said: str) -> None:
    assert told(text) == said


def test_a_value_counts_if_one_of_its_rows_lets_something_through() -> None:
    text = '[locked]\nvoices = ["alloy"]\nrows.response.voice = "allow"'
    assert parsed(text).changes(LOCKED).values == {"voices": ("alloy",)}
    assert parsed('[locked]\nvoices = ["alloy"]\nreport = ["session.voice"]').changes(LOCKED).values


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (
            '[guided]\n\nvoices = ["alloy"]',
            {"RELAY_SESSION_VOICE": "verse"},
            "line 3: `voices` of [guided] leaves out 'verse', with which sessions begin "
            "(RELAY_SESSION_VOICE): add it, or change the setting.",
        ),
        (
            '[guided]\nlanguages = ["en"]',
            {**HEARD, "RELAY_SESSION_TRANSCRIPTION_LANGUAGE": "de"},
            "line 2: `languages` of [guided] leaves out 'de', with which sessions begin",
        ),
        (
            '[guided]\nlanguages = ["en"]',
            {},
            "line 2: `languages` has no effect, because nothing is transcribed: set "
            "RELAY_SESSION_TRANSCRIPTION_MODEL too.",
        ),
        (
            "[guided]\nmax_output_tokens = 99",
            {"RELAY_SESSION_MAX_OUTPUT_TOKENS": "100"},
            "line 2: [guided] caps responses at 99 tokens, and sessions begin with 100",
        ),
        (
            "[open]\ntemperature = [0.9, 1]",
            {"RELAY_SESSION_TEMPERATURE": "0.8"},
            "line 2: [open] allows temperatures from 0.9 to 1.0, and sessions begin with 0.8",
        ),
        (
            "[open]\nappend_bytes = 200000",
            {},
            "line 2: 200000 bytes do not fit into a message: lower `append_bytes`, or raise "
            "RELAY_MAX_MESSAGE_BYTES to 267692.",
        ),
        (
            "[guided]\n\ncreate_response = true",
            {"RELAY_SESSION_TURN_DETECTION": "none"},
            "line 3: `create_response` is forced to true, and sessions begin without turn "
            "detection (RELAY_SESSION_TURN_DETECTION is `none`): change one of them.",
        ),
        (
            "[profiles]\nstaff = 'open'",
            {},
            "RELAY_PROFILE_CLAIM is missing, and RELAY_POLICY_FILE has a table [profiles] (line 1)",
        ),
        (
            "[guided]\ncreate_response = true",
            {"RELAY_PROFILE_CLAIM": "role"},
            "RELAY_PROFILE_CLAIM is set, and RELAY_POLICY_FILE says nothing of its values",
        ),
        (
            "[profiles]\nstaff = 'open'",
            {"RELAY_PROFILE_CLAIM": "role", "RELAY_POLICY": "guided"},
            "RELAY_POLICY and RELAY_PROFILE_CLAIM are both set",
        ),
        (
            "[profiles]\nstaff = 'open'",
            {"RELAY_PROFILE_CLAIM": "email"},
            "RELAY_PROFILE_CLAIM is `email`, which users can often write themselves",
        ),
        (
            "[profiles]\nstaff = 'open'",
            {"RELAY_PROFILE_CLAIM": "my role"},
            "RELAY_PROFILE_CLAIM must be the name of a claim, for example role.",
        ),
    ],
)
def test_what_contradicts_other_settings_is_told(
    environ: Any, text: str, more: dict[str, str], said: str
) -> None:
    made = environ(text, **more)
    place = f"RELAY_POLICY_FILE ({made['RELAY_POLICY_FILE']}): "
    assert only_problem(made).removeprefix(place).startswith(said)


def test_values_that_agree_with_the_session_start(environ: Any) -> None:
    text = (
        '[guided]\nvoices = ["verse"]\nlanguages = ["de"]\nmax_output_tokens = 100\n'
        "temperature = [0.7, 0.9]\nappend_bytes = 96000\n"
    )
    more = {
        **HEARD,
        "RELAY_SESSION_VOICE": "verse",
        "RELAY_SESSION_TRANSCRIPTION_LANGUAGE": "de",
        "RELAY_SESSION_MAX_OUTPUT_TOKENS": "100",
        "RELAY_SESSION_TEMPERATURE": "0.9",
    }
    assert complaint(environ(text, **more)) == ""


def test_client_tools_are_those_of_the_tools_file(environ: Any) -> None:
    made = environ('[guided]\nclient_tools = [\n"lamp",\n"dor"]', TOOLS)
    assert only_problem(made).endswith(
        "line 4: RELAY_SESSION_TOOLS_FILE has no tool 'dor' (did you mean `door`?)."
    )
    made = environ('[guided]\nclient_tools = ["lamp"]')
    assert only_problem(made).endswith("RELAY_SESSION_TOOLS_FILE has no tool 'lamp'.")


def test_tools_whose_calls_nobody_may_answer_are_remarked(environ: Any) -> None:
    (said,) = remarks(load(environ("# nothing", TOOLS, RELAY_POLICY="locked")))
    assert said == (
        "Profile locked refuses `function_call_output`, and RELAY_SESSION_TOOLS_FILE has client "
        "tools: the model of profile locked would call them, and nobody may answer. In "
        'RELAY_POLICY_FILE, write "function_call_output" = "allow" in [locked.rows], or '
        "client_tools = [] in [locked]."
    )
    narrowed = '[guided.rows]\n\n"function_call_output" = "refuse"'
    (said,) = remarks(load(environ(narrowed, TOOLS)))
    assert said.startswith("RELAY_POLICY_FILE: line 3: it refuses `function_call_output`, and")
    for way in ("client_tools = []", 'rows.function_call_output = "allow"'):
        settings = load(environ(f"[locked]\n{way}", TOOLS, RELAY_POLICY="locked"))
        assert list(remarks(settings)) == []
        told = settings.configuration().session()
        assert ("tools" in told) is ("client_tools" not in way)


def test_a_hidden_tool_is_no_client_tool_and_is_not_built_yet(environ: Any) -> None:
    tools = [TOOLS[0], {**TOOLS[1], "runs": "server"}]
    later, listed = problems(environ('[guided]\nclient_tools = ["door"]', tools))
    assert later == (
        'RELAY_SESSION_TOOLS_FILE has tools with "runs": "server" (door): that is not built yet '
        'and comes later; write "client", or remove them.'
    )
    assert listed.endswith(
        "line 2: the tool 'door' runs on the server and is hidden from clients: remove it here."
    )


def test_where_a_tool_runs_is_one_of_two_places(environ: Any) -> None:
    said = only_problem(environ("# nothing", [{**TOOLS[0], "runs": "browser"}]))
    assert '[0].runs must be "client" or "server"' in said
    settings = load(environ("# nothing", [{**TOOLS[0], "runs": "client"}]))
    assert settings.configuration().session()["tools"] == [TOOLS[0]]


# -- profiles by claim -------------------------------------------------------------------------


def staff(claim: str) -> str | None:
    return {"role": "staff"}.get(claim)


def stranger(claim: str) -> str | None:
    return {"role": "stranger"}.get(claim)


def nobody(_claim: str) -> str | None:
    return None


def test_the_profile_of_a_user_follows_from_the_claim(environ: Any) -> None:
    text = "[profiles]\nstaff = 'open'\nguest = 'guided'\n"
    settings = load(environ(text, RELAY_PROFILE_CLAIM="role"))
    rule = settings.profile_rule()
    assert rule.named() == (GUIDED, OPEN)
    assert rule.choose(staff) is OPEN
    assert rule.choose(stranger) is GUIDED
    assert rule.choose(nobody) is GUIDED
    assert settings.policy().profile is GUIDED
    assert settings.claims_wanted() == {"role"}
    assert str(settings.policy_file) == "(2 values of a claim)"


def test_a_table_that_names_open_alone_leaves_everybody_else_guided(environ: Any) -> None:
    settings = load(environ("[profiles]\nstaff = 'open'\n", RELAY_PROFILE_CLAIM="role"))
    rule = settings.profile_rule()
    assert rule.choose(staff) is OPEN
    assert rule.choose(stranger) is rule.choose(nobody) is rule.everybody_else() is GUIDED
    assert rule.named() == (GUIDED, OPEN)
    assert settings.policy().profile is GUIDED


# -- what has no effect ------------------------------------------------------------------------


def test_a_table_for_nobody_is_remarked_with_its_line(environ: Any) -> None:
    text = '\n[locked.rows]\n"session.voice" = "allow"\n'
    (said,) = remarks(load(environ(text)))
    assert said == (
        "RELAY_POLICY_FILE: line 2: [locked] has no effect, because nobody gets that profile (in "
        "use: guided): give it by RELAY_POLICY=locked, or remove the table."
    )
    assert list(remarks(load(environ(text, RELAY_POLICY="locked")))) == []
    claimed = environ(text + "[profiles]\nx = 'open'\n", RELAY_PROFILE_CLAIM="role")
    said, _ = remarks(load(claimed))  # the other: nobody has that claim in `dev`
    assert "(in use: guided, open): give it by a value in [profiles]" in said


def test_a_claim_that_nobody_has_or_names_is_remarked(environ: Any) -> None:
    unused = load(AZURE | {"RELAY_INSTRUCTION_CLAIMS": "sub", "RELAY_SESSION_INSTRUCTIONS": "Hi"})
    (said,) = remarks(unused)
    assert said.startswith("RELAY_INSTRUCTION_CLAIMS lists `sub`, and no instructions name it: ")
    text = {"RELAY_INSTRUCTION_CLAIMS": "team", "RELAY_SESSION_INSTRUCTIONS": "{{user.team}}"}
    made = environ("[profiles]\nx = 'open'\n", RELAY_PROFILE_CLAIM="role", RELAY_AUTH="dev")
    profile, claim = remarks(load(made | text))
    assert profile.endswith("(only `sub`, the name): everybody gets profile guided.")
    assert "nobody has the claim `team`" in claim


def test_names_of_ones_own_choosing_as_a_ground_for_a_profile_are_remarked(environ: Any) -> None:
    made = environ("[profiles]\nadmin = 'open'\n", RELAY_PROFILE_CLAIM="sub")
    assert list(remarks(load(made | OIDC))) == []
    (said,) = remarks(load(made | {"RELAY_AUTH": "dev"}))
    assert said == (
        "With RELAY_AUTH=dev the claim `sub` is the name that everybody gives themselves, and so "
        "does everybody choose their profile: it protects nothing."
    )


def test_a_history_that_cannot_be_told_as_items_is_remarked(environ: Any) -> None:
    text = '[guided]\nhistory = true\n[guided.rows]\n"conversation.item.create" = "refuse"\n'
    (said,) = remarks(load(environ(text)))
    assert said.startswith("RELAY_POLICY_FILE: line 4: `conversation.item.create` is refused, so")
    assert list(remarks(load(environ("[guided]\nhistory = true")))) == []


def test_a_temperature_for_an_upstream_without_one_is_remarked(environ: Any) -> None:
    made = environ("[guided]\n\ntemperature = [0.6, 0.7]\n")
    assert list(remarks(load(made))) == []
    del made["AZURE_OPENAI_API_VERSION"]
    (said,) = remarks(load(made))
    assert said.startswith("RELAY_POLICY_FILE: line 3: `temperature` has no effect, because ups")


def test_tools_that_clients_cannot_choose_are_the_sessions_all_the_same(environ: Any) -> None:
    text = (
        '[guided]\nclient_tools = ["lamp"]\n[guided.rows]\n"session.tools" = "strip"\n'
        '"response.tools" = "strip"\n'
    )
    settings = load(environ(text, TOOLS))
    assert list(remarks(settings)) == []
    assert settings.configuration().session()["tools"] == [TOOLS[0]]


def test_without_a_claim_everybody_has_the_profile_of_the_settings() -> None:
    settings = load(AZURE | {"RELAY_POLICY": "locked"})
    assert settings.profile_rule().named() == (LOCKED,)
    assert settings.profile_rule().choose(staff) is LOCKED
    assert settings.claims_wanted() == frozenset()


def test_what_everybody_writes_themselves_is_no_ground_for_a_profile() -> None:
    assert {"name", "email", "preferred_username", "nickname"} <= SELF_SERVICE
    assert all(users_write(claim) for claim in (*SELF_SERVICE, *WORDS))


@pytest.mark.parametrize(
    "claim",
    [
        *("https://example.com/email", "https://example.com/claims/Email/", "urn:example:email"),
        *("cognito:username", "username", "userName", "USER_NAME_EMAIL", "emails", "mail"),
        *("preferredUsername", "given-name", "GivenName", "firstName", "displayname"),
        *("work_email", "workEmailAddress", "com.example.nickname", "mobile_phone", "avatar_url"),
    ],
)
def test_a_claim_of_the_users_own_is_known_in_other_spellings(claim: str) -> None:
    assert users_write(claim)
    said = only_problem(AZURE | {"RELAY_INSTRUCTION_CLAIMS": claim})
    assert said.startswith(f"RELAY_INSTRUCTION_CLAIMS lists `{claim}`, which users can often")


@pytest.mark.parametrize(
    "claim",
    [
        *("sub", "oid", "tid", "roles", "groups", "scp", "role", "role_name", "tenantName"),
        *("https://example.com/roles", "https://email.example.com/plan", "department", "amr"),
        *("realm_access", "cognito:groups", "org_id", "relay_profile", "/", "::"),
    ],
)
def test_a_claim_that_an_issuer_sets_is_taken(claim: str) -> None:
    assert not users_write(claim)


# -- the manual --------------------------------------------------------------------------------


def test_the_example_of_the_manual_is_a_file_that_is_taken(environ: Any) -> None:
    settings = load(environ(EXAMPLE, RELAY_PROFILE_CLAIM="role", **HEARD))
    assert settings.policy(GUIDED).reports == {"user/input_image"}
    assert EXAMPLE in policy_file_md() + "\n"


def test_every_key_stands_in_the_manual_and_is_a_value_of_the_policy() -> None:
    assert set(MEANINGS) == set(KEYS)
    assert all(hasattr(Policy(), name) for name in KEYS)
    for row in ROWS.values():
        if not row.opens():
            assert f"`{spoken(row)}`" in policy_file_md()


def test_a_file_as_a_value_is_taken_as_it_is() -> None:
    file = PolicyFile({GUIDED: Changes(values={"voices": PREVIEW_VOICES[:1]})})
    assert Settings(policy_file=file).policy().voices == ("alloy",)
