"""`policy explain` and the policy in `check`, as a person and as a program meets them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.cli.explaining import EARLY, explain, ready_gate
from app.cli.policy import USED, explain_event
from app.cli.policy_table import begins_with, lines
from app.cli.running import CannotStart
from app.policy.policy import Configuration, Policy, Profile
from app.policy.rows import ROWS, spoken
from app.session.limits import Limits
from app.session.state import Phase
from app.session.terms import Terms
from app.settings import Settings, load
from app.settings.settings import abouts
from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.process import ROOT, run
from tests.harness.relay import running_relay
from tests.harness.upstream import scripted_upstream
from tests.integration.test_policy_file import take_everything

FILE = """\
[guided]
voices = ["coral"]
create_response = true
report = ["session.instructions"]
[guided.rows]
"conversation.item.delete" = "refuse"
"""
REWRITTEN: dict[str, Any] = {
    "type": "session.update",
    "event_id": "evt_1",
    "session": {
        "instructions": "Größe",
        "voice": "verse",
        "temperature": 3,
        "turn_detection": {"type": "server_vad"},
        "tracing": "auto",
        "made_up": 1,
    },
}
REFUSED = {"type": "conversation.item.delete", "event_id": "evt_2", "item_id": "item_1"}


@pytest.fixture
def policy_file(tmp_path: Path) -> str:
    (tmp_path / "policy.toml").write_text(FILE)
    return str(tmp_path / "policy.toml")


def written(folder: Path, event: object) -> str:
    path = folder / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event, indent=2))
    return str(path)


def explained(event: object, profile: Profile = Profile.GUIDED, **policy: Any) -> Any:
    terms = Terms("s", "explain", Policy(profile, **policy), Configuration(), Limits(), 0, "m")
    return explain(json.dumps(event).encode() if isinstance(event, dict) else event, terms)  # type: ignore[arg-type]


# -- the command -------------------------------------------------------------------------------


async def test_a_person_reads_verdict_rule_reason_fix_and_the_bytes(
    tmp_path: Path, policy_file: str
) -> None:
    path = written(tmp_path, REWRITTEN)
    status, out, err = await run("policy", "explain", path, RELAY_POLICY_FILE=policy_file)
    assert (status, err) == (0, "")
    said = out.split("\n")
    assert said[0] == "REWRITTEN  session.update in profile guided"
    assert "  rule session-update: by the rows for the session" in said
    assert said[1] == "  it goes upstream with the changes below, and there is no error"
    where = said.index("session.tracing: stripped")
    assert said[where + 1 : where + 3] == [
        "  rule session-closed, `strip` in profile guided: traces are the operator's",
        "  the operator: No profile allows it: leave it out in the frontend.",
    ]
    where = said.index("session.temperature: changed to 1.2")
    assert said[where + 1] == (
        "  rule session-sampling, `allow` in profile guided: within the operator's range"
    )
    assert "added: session.turn_detection.create_response = true" in said
    assert "report mode: session.instructions: would strip (session-instructions)" in said
    sent = json.loads(said[said.index("goes upstream:") + 1])
    assert sent.pop("event_id")
    assert sent == {
        "type": "session.update",
        "session": {
            "instructions": "Größe",
            "temperature": 1.2,
            "turn_detection": {"type": "server_vad", "create_response": True},
        },
    }
    relay = json.loads(said[said.index("the client reads in `relay`:") + 1])
    assert relay["rules"] == {
        "session.voice": "session-voice",
        "session.temperature": "session-sampling",
        "session.tracing": "session-closed",
        "session.made_up": "unknown-field",
    }
    assert relay["would"] == {"session.instructions": "strip"}


async def test_a_refusal_ends_with_status_one_and_shows_the_error(
    tmp_path: Path, policy_file: str
) -> None:
    path = written(tmp_path, REFUSED)
    status, out, _ = await run("policy", "explain", path, RELAY_POLICY_FILE=policy_file)
    assert status == 1
    assert out.startswith("REFUSED  conversation.item.delete in profile guided\n")
    said = out.split("\n")
    assert said[2].startswith("  'conversation.item.delete' is not allowed in profile 'guided', ru")
    assert said[3] == "  rule item-delete, `refuse` in line 6 of the policy file"
    error = json.loads(said[said.index("the client gets:") + 1])
    assert (error["type"], error["error"]["event_id"]) == ("error", "evt_2")
    assert error["error"]["code"] == "policy_violation"
    assert "goes upstream:" not in said
    status, out, _ = await run("policy", "explain", path, "--profile", "open", "--json")
    told = json.loads(out)
    assert (status, told["verdict"], told["profile"]) == (0, "allowed", "open")
    upstream = json.loads(told["upstream"])
    assert upstream.pop("event_id")
    assert upstream == {"type": "conversation.item.delete", "item_id": "item_1"}
    assert told["assumed"] == ["item_1 is an item that this client can see"]


async def test_standard_input_is_read_where_a_dash_stands() -> None:
    process = await asyncio.create_subprocess_exec(
        *(
            "sh",
            "-c",
            f"printf '%s' '{json.dumps(REFUSED)}' | .venv/bin/python -m app policy explain -",
        ),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert out.startswith(b"ALLOWED  conversation.item.delete in profile guided\n")


# -- the same, in this process -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (None, {}, "cannot be read (No such file or directory)."),
        ("{" + " " * 300_000 + "}", {}, "is larger than 262144 bytes (RELAY_MAX_MESSAGE_BYTES)"),
        ("{}", {"profile": "opne"}, "There is no profile 'opne' (did you mean `open`?): locked, g"),
    ],
)
def test_input_that_cannot_be_used_is_told(
    tmp_path: Path, content: str | None, arguments: dict[str, Any], said: str
) -> None:
    path = str(tmp_path / "absent.json") if content is None else written(tmp_path, content)
    with pytest.raises(CannotStart) as stopped:
        explain_event({}, path, **arguments)
    assert said in str(stopped.value)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("{not json", 2),
        ("\ufeff{}", 2),
        ("", 2),
        ("[]", 2),
        ("{}", 2),
        ('{"type": 1}', 2),
        ('{"type": "response.create", "event_id": "rly_x"}', 1),
        ('{"type": "made.up"}', 1),
        ('{"type": "input_audio_buffer.append", "audio": ""}', 0),
        ('{"type": "session.update", "session": {"tracing": "auto"}}', 0),
        ('{"type": "response.create"}', 0),
    ],
)
def test_the_exit_status_says_what_became_of_it(tmp_path: Path, content: str, status: int) -> None:
    assert explain_event({}, written(tmp_path, content)) == status
    assert explain_event({}, written(tmp_path, content), as_json=True) == status


def test_a_mistake_in_the_settings_that_matter_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, REFUSED)
    with pytest.raises(CannotStart, match="RELAY_POLICY must be"):
        explain_event({"RELAY_POLICY": "opne"}, path)
    unready = {"RELAY_UPSTREAM_AUTH": "api-key-header", "AZURE_OPENAI_ENDPOINT": "no address"}
    assert explain_event(unready, path) == 0
    assert set(abouts()) >= USED


def test_who_has_no_profile_by_claim_is_explained_the_narrowest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text("[profiles]\nstaff = 'open'\nguest = 'locked'\n")
    environ = {
        "RELAY_POLICY_FILE": str(tmp_path / "policy.toml"),
        "RELAY_PROFILE_CLAIM": "role",
    }
    assert explain_event(environ, written(tmp_path, REFUSED)) == 1
    assert "in profile locked" in capsys.readouterr().out


def test_a_session_that_talks_to_nobody_is_ready() -> None:
    terms = Terms("s", "x", Policy(), Configuration(instructions="a"), Limits(), 0, "m")
    assert ready_gate(terms).phase is Phase.READY


@pytest.mark.parametrize(
    ("event", "verdict", "rule"),
    [
        ({"type": "input_audio_buffer.append", "audio": ""}, "ignored", "audio-append"),
        ({"type": "session.update", "session": {"tracing": 1}}, "answered", "session-update"),
        ({"type": "response.cancel", "response_id": "r"}, "allowed", "response-cancel"),
        ({"type": "made.up"}, "refused", "unknown-event"),
        ({"type": "session.update", "session": {"voice": 7}}, "refused", "malformed"),
    ],
)
def test_every_verdict_has_its_word_its_rule_and_why(
    event: dict[str, Any], verdict: str, rule: str
) -> None:
    told = explained(event)
    assert (told.verdict, told.rule) == (verdict, rule)
    assert told.why
    assert (told.upstream is not None) is (verdict == "allowed")
    assert (told.client is not None) is (verdict in ("answered", "refused"))


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"", "It is empty."),
        (
            b"\xef\xbb\xbf{}",
            "It begins with a byte order mark (BOM): save it as UTF-8 without one.",
        ),
        ('{\n "ü": x}'.encode(), "At line 2, column 7: invalid character."),
        (b'{"type": "response.cancel",\n', "It ends too early, at line 2, column 1."),
        (b'{"type": NaN}', "At line 1, column 10: invalid character."),
        (b"[" * 10_000, "It is nested without end."),
        (b'{"type": 1e999}', "Number out of range - at `$[...]`."),
    ],
)
def test_a_text_that_is_no_json_is_told_where_it_breaks(frame: bytes, said: str) -> None:
    told = explained(frame)
    assert (told.verdict, told.event, told.rule) == ("unreadable", "no event", "malformed")
    assert told.why.startswith("The message is not valid JSON")
    assert told.why.endswith(f" {said}")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ('{"type"}'.encode("utf-16"), "It is UTF-16: save it as UTF-8."),
        (b'{\n "type": "\xff"}', "It is not UTF-8 at line 2, column 11."),
    ],
)
def test_what_the_wire_takes_for_no_text_ends_the_session(
    frame: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(frame)
    assert (told.verdict, told.rule, told.client) == ("unreadable", "invalid_text", None)
    assert told.why == f"Text is not valid UTF-8. {said}"
    (tmp_path / "event.json").write_bytes(frame)
    assert explain_event({}, str(tmp_path / "event.json")) == 2
    assert "the session ends with close code 1007" in capsys.readouterr().out


def test_what_depends_on_the_moment_is_said() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}
    event = {"type": "conversation.item.create", "item": said}
    told = explained(event, history=True)
    assert (told.verdict, told.assumed) == ("allowed", (EARLY,))
    assert explained(event).verdict == "refused"
    assert explained(event, Profile.OPEN, history=True).assumed == ()
    append = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    (audio,) = explained(append).assumed
    assert "pcm16" in audio
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}
    first = {"type": "conversation.item.create", "previous_item_id": "root", "item": user}
    (root,) = explained(first).assumed
    assert "the conversation is empty" in root


def test_a_faulty_event_keeps_its_type_and_says_its_fault_first() -> None:
    told = explained({"type": "response.cancel", "event_id": "rly_1"})
    assert (told.verdict, told.event) == ("refused", "response.cancel")
    assert told.why == "Invalid 'event_id': ids that begin with 'rly_' belong to the relay."
    assert explained({"type": "made up", "event_id": 5}).event == "an event of an unknown type"
    assert explained({"type": "session.update", "session": {"voice": 7}}).why == (
        "Invalid type for 'session.voice': expected the name of a voice."
    )


def test_nothing_that_is_dropped_is_called_as_it_was_asked_for() -> None:
    told = explained({"type": "response.create", "instructions": "hi", "foo": 1})
    assert told.verdict == "rewritten"
    assert [(one.path, one.rule) for one in told.touched] == [
        ("instructions", "unknown-field"),
        ("foo", "unknown-field"),
    ]
    assert "`response.instructions`" in told.touched[0].fix
    update = {"type": "session.update", "session": {"turn_detection": {"type": "server_vad"}}}
    told = explained(update, create_response=False)
    assert told.verdict == "allowed"
    assert [(one.what, one.path, one.value) for one in told.further] == [
        ("added", "session.turn_detection.create_response", False)
    ]
    assert explained(update).further == ()
    item = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": ""}]}
    told = explained({"type": "conversation.item.create", "item": item}, Profile.OPEN)
    assert told.verdict == "rewritten"
    assert [(one.what, one.path) for one in told.further] == [("changed", "item.role")]


def test_a_refusal_by_a_switch_names_the_switch() -> None:
    content = [{"type": "input_audio", "audio": "AAAAAAAA"}]
    item = {"type": "message", "role": "user", "content": content}
    told = explained(
        {"type": "conversation.item.create", "item": item}, transcription_model="whisper-1"
    )
    assert told.by == "`refuse` by RELAY_SESSION_TRANSCRIPTION_MODEL"
    assert "(RELAY_SESSION_TRANSCRIPTION_MODEL)" in told.why


def test_a_session_update_in_the_other_dialect_is_read_as_the_session_would() -> None:
    session = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
    told = explained({"type": "session.update", "session": session})
    assert (told.verdict, told.touched) == ("allowed", ())
    assert json.loads(told.upstream)["session"] == {"voice": "ash"}


@pytest.mark.parametrize(
    ("event", "assumed"),
    [
        ({"type": "response.cancel", "response_id": "r"}, "r is a response that this client can s"),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "c", "output": "1"},
            },
            "c is an open call of a client tool",
        ),
        ({"type": "conversation.item.retrieve", "item_id": "i"}, "i is an item that this client"),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "i",
                "content_index": 0,
                "audio_end_ms": 1,
            },
            "i is an item that this client",
        ),
    ],
)
def test_what_an_event_names_is_believed_and_said(event: dict[str, Any], assumed: str) -> None:
    told = explained(event)
    assert told.verdict == "allowed", told
    (only,) = told.assumed
    assert only.startswith(assumed)


async def test_the_bytes_are_those_that_upstream_receives(policy_file: str, tmp_path: Path) -> None:
    """The whole relay, with the same settings, sends what was foretold."""
    events = [
        REWRITTEN,
        {"type": "response.create", "event_id": "e_r", "response": {"voice": "coral"}},
        {
            "type": "conversation.item.create",
            "event_id": "e_i",
            "previous_item_id": "root",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "ü"}],
            },
        },
        {"type": "input_audio_buffer.append", "audio": "AAAAAAAA"},
    ]
    settings = load({"RELAY_POLICY_FILE": policy_file}, only=USED)
    policy, configuration = settings.policy(), settings.configuration()
    terms = Terms("s", "seed", policy, configuration, Limits(), 0, "m")
    foretold = [explain(json.dumps(event).encode(), terms).upstream for event in events]
    async with scripted_upstream(take_everything) as upstream:
        async with running_relay(upstream.address, policy_file=FILE) as relay:
            async with client(relay.address) as me:
                await me.next()
                for event in events:
                    await me.send(event)
                async with asyncio.timeout(5):
                    while len(upstream.one.received) <= len(events):
                        await asyncio.sleep(0.01)
    received = [frame.encode() for frame in upstream.one.received[1:]]
    assert [without_ids(frame) for frame in received] == [without_ids(one) for one in foretold]


def without_ids(frame: bytes | None) -> bytes:
    """The frame, but for the ids that the relay lends: each session has its own."""
    assert frame is not None
    return re.sub(rb'"(?:rly|item)_\w+"', b'"lent"', frame)


# -- the table ---------------------------------------------------------------------------------


def table(profile: Profile = Profile.GUIDED, **settings: Any) -> dict[str, tuple[str, str, str]]:
    found = lines(Settings(**settings), profile)
    return {line.row: (line.act, line.source, line.values) for line in found}


def test_the_table_says_act_source_and_values_of_every_row() -> None:
    rows = table(policy_file=FILE)
    assert list(rows) == [spoken(row) for row in ROWS.values()]
    assert rows["session.voice"] == ("allow", "guided", "voices: coral (line 2)")
    assert rows["conversation.item.delete"] == ("refuse", "line 6", "")
    assert rows["session.instructions"] == (
        "strip",
        "guided",
        "reported only (line 4); instructions_characters: at most 16000",
    )
    assert rows["session.turn_detection"][2] == "create_response: forced to true (line 3)"
    assert rows["session.temperature"] == ("allow", "guided", "temperature: 0.6 to 1.2")
    assert rows["session.tools"][2] == "client_tools: none"
    assert rows["session.input_audio_transcription"] == (
        "allow",
        "guided",
        "never: RELAY_SESSION_TRANSCRIPTION_MODEL is not set",
    )
    assert table(Profile.LOCKED)["session.voice"] == ("strip", "locked", "")


def test_only_what_is_not_as_the_profile_has_it_differs() -> None:
    def differing(profile: Profile = Profile.GUIDED, **settings: Any) -> list[str]:
        return [line.row for line in lines(Settings(**settings), profile) if line.differs]

    assert differing() == []
    assert differing(policy_file=FILE) == [
        "conversation.item.delete",
        "session.instructions",
        "session.turn_detection",
        "session.voice",
        "response.voice",
    ]
    assert differing(Profile.OPEN, policy_file=FILE) == []
    assert differing(session_max_output_tokens=9) == []  # guided strips it
    assert differing(Profile.OPEN, session_max_output_tokens=9) == [
        "session.max_response_output_tokens",
        "response.max_response_output_tokens",
    ]


def test_what_sessions_begin_with_is_told_with_who_says_so() -> None:
    settings = Settings(policy_file="[guided]\n\nmax_output_tokens = 50", session_voice="ash")
    assert begins_with(settings, Profile.GUIDED) == (
        "voice ash",
        "at most 50 tokens a response (line 3)",
    )
    assert begins_with(settings, Profile.OPEN) == ("voice ash",)
    file = '[guided]\nvoices = ["ash"]\noutput_modalities = ["text"]\nspeed = [1.2, 1.3]\n'
    told = Settings(policy_file=f"{file}temperature = [0.6, 0.7]", upstream_dialect="preview")
    assert begins_with(told, Profile.GUIDED) == (
        "text alone (line 3)",
        "voice ash (line 2)",
        "speed 1.2 (line 4)",
        "temperature 0.7 (line 5)",
    )
    assert begins_with(told, Profile.OPEN) == ()
    own = Settings(session_max_output_tokens=9)
    assert begins_with(own, Profile.OPEN) == (
        "at most 9 tokens a response (RELAY_SESSION_MAX_OUTPUT_TOKENS)",
    )


def test_the_table_names_the_switches_that_decide() -> None:
    audio, said = "user/input_audio", "assistant/text"
    assert table(policy_file="[guided]\nhistory = true")[said][:2] == (
        "allow",
        "line 2",
    )
    history = table(policy_file="[guided]\nhistory = true")[said][2]
    assert history == "by history, before the first response"
    moderates = table(policy_file="[guided]\nmoderates = true")
    assert moderates[audio] == ("refuse", "line 2", "by moderates")
    heard = table(session_transcription_model="whisper-1")
    assert heard[audio] == ("refuse", "setting", "by RELAY_SESSION_TRANSCRIPTION_MODEL")
    own = table(
        session_transcription_model="m", policy_file='[guided.rows]\n"user/input_audio"="allow"'
    )
    assert own[audio][:2] == ("allow", "line 2")


async def test_check_prints_the_policy_in_force_behind_the_settings(
    tmp_path: Path, policy_file: str
) -> None:
    async with embedded() as upstream:
        status, out, err = await run(
            "check",
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY=upstream.key,
            RELAY_AUTH="dev",
            RELAY_POLICY_FILE=policy_file,
            RELAY_SESSION_INSTRUCTIONS="You serve {{user.sub}}.",
            RELAY_INSTRUCTION_CLAIMS="sub",
        )
    assert (status, err) == (0, ""), out
    rows = [" ".join(line.split()) for line in out.split("\n")]
    assert "RELAY_POLICY_FILE (guided: 2 values, 1 row, 1 row in report mode) file" in rows
    place = f"RELAY_POLICY_FILE ({policy_file}) changes the policy; lines below are its lines."
    assert place in rows
    assert "policy of profile guided" in rows
    assert "conversation.item.delete refuse line 6" in rows
    assert "session.voice allow guided voices: coral (line 2)" in rows
    assert rows.index("policy of profile guided") > rows.index("RELAY_AUTH dev environment")
    assert not any("policy of profile open" in row for row in rows)
    assert not any("…" in row for row in rows)
    assert not any(row.startswith("session.speed") for row in rows)


async def test_check_says_who_gets_which_profile_and_tries_each(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[locked]\nappend_bytes = 9600\n[profiles]\nstaff = 'open'\n")
    given: dict[str, Any] = {"RELAY_POLICY_FILE": str(path), "RELAY_PROFILE_CLAIM": "role"}
    async with embedded() as upstream:
        status, out, _ = await run(
            "check",
            "--all",
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY=upstream.key,
            RELAY_AUTH="dev",
            RELAY_INSTRUCTION_CLAIMS="sub",
            **given,
        )
    assert status == 0, out
    said = [" ".join(line.split()) for line in out.split("\n")]
    assert "users with role = staff: open" in said
    assert "everybody else: guided" in said
    for profile in ("guided", "open"):
        tried = f"✓ configuration of profile {profile}: upstream took our session.update; a session"
        assert any(line.startswith(tried) for line in said)
    assert "session.speed allow guided speed: 0.25 to 1.5" in said
    remarks = [line for line in said if line.startswith("! ")]
    assert remarks[0].startswith("! RELAY_POLICY_FILE: line 1: [locked] has no effect, because")
    assert remarks[1].startswith("! With RELAY_AUTH=dev nobody has the claim `role`")
    assert remarks[2].startswith("! RELAY_INSTRUCTION_CLAIMS lists `sub`, and no instructions")


async def test_a_mistake_in_the_file_stops_check_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[guided]\n\nvoicse = ['alloy']\n")
    given: dict[str, Any] = {"RELAY_POLICY_FILE": str(tmp_path / "policy.toml")}
    status, _, err = await run("check", RELAY_AUTH="dev", **given)
    assert status == 2
    assert "line 3: [guided] has no key `voicse` (did you mean `voices`?)." in err
